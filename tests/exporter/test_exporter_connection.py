"""Connecting: every refusal has a problem and a fix, and a session is nobody else's."""

import os
import sqlite3

import pytest
from telethon import errors
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from exporter.account.connection import connect
from exporter.account.refusals import explain
from exporter.errors import ConfigError, DoppelgangerError, LoginError
from exporter.settings.config import Config
from sandbox.server import Sandbox
from sandbox.values import User
from sandbox.world import LOGIN_CODE, World

from .conftest import Answers, Command, history, log_in, with_telegram


async def test_the_session_is_for_the_owners_eyes_only(config: Config) -> None:
    before = os.umask(0o000)
    try:
        await log_in(config, Answers(LOGIN_CODE))
        async with connect(config) as client:
            client.session.process_entities([])
            client.session._execute("insert into version values (0)")  # a write that is open: its journal is there
            files = {file.name: file.stat().st_mode & 0o777 for file in config.state.iterdir()}
            client.session._conn.rollback()
    finally:
        os.umask(before)
    assert files == dict.fromkeys(["account.lock", "account.session", "account.session-journal"], 0o600)
    assert config.state.stat().st_mode & 0o777 == 0o700


async def test_not_logged_in_is_said_without_asking_telegram(world: World, config: Config) -> None:
    config.make_state()
    with pytest.raises(LoginError, match="not logged in"):
        async with connect(config):
            pass
    assert world.calls == []


async def test_a_revoked_session_asks_for_a_login_and_gets_it(world: World, owner: User, logged_in: Config) -> None:
    world.revoke(owner)
    with pytest.raises(LoginError) as refused:
        async with connect(logged_in):
            pass
    assert "python -m exporter login" in refused.value.fix
    assert (await log_in(logged_in, Answers(LOGIN_CODE))).peer_id == owner.id
    async with connect(logged_in):
        pass


async def test_a_key_that_the_server_never_saw_asks_for_a_login(logged_in: Config, sandbox: Sandbox) -> None:
    session = SQLiteSession(str(logged_in.session))
    session.auth_key = AuthKey(os.urandom(256))
    session.close()
    with pytest.raises(LoginError):
        async with connect(logged_in):
            pass
    await log_in(logged_in, Answers(LOGIN_CODE))


async def test_a_second_process_is_refused_and_told_who_is_there(logged_in: Config) -> None:
    async with connect(logged_in):
        with pytest.raises(DoppelgangerError, match=f"in use by process {os.getpid()} ") as refused:
            async with connect(logged_in):
                pass
        assert refused.value.exit_code == 1
        with pytest.raises(DoppelgangerError, match="in use"):
            await log_in(logged_in, Answers())
    async with connect(logged_in):
        pass


async def test_a_damaged_session_is_said_to_be_damaged(logged_in: Config) -> None:
    logged_in.session.write_bytes(b"no database " * 1000)
    with pytest.raises(LoginError, match="damaged"):
        async with connect(logged_in):
            pass


@pytest.mark.parametrize("server", ["another", "telegram"])
async def test_a_session_is_shown_to_its_own_telegram_only(world: World, logged_in: Config, server: str) -> None:
    other = logged_in.telegram.server.model_copy(update={"host": "localhost"}) if server == "another" else None
    with pytest.raises(ConfigError, match="belongs to another Telegram"):
        async with connect(with_telegram(logged_in, server=other)):
            pass
    assert world.calls == []
    assert sqlite3.connect(logged_in.session).execute("select server_address from sessions").fetchone() == (
        "127.0.0.1",
    )


async def test_a_key_that_is_none_is_refused(config: Config) -> None:
    for key in ("nonsense", "-----BEGIN RSA PUBLIC KEY-----\nQUJD\n-----END RSA PUBLIC KEY-----\n"):
        server = config.telegram.server.model_copy(update={"public_key": key})
        with pytest.raises(ConfigError, match="no RSA key"):
            await log_in(with_telegram(config, server=server), Answers())


async def test_a_telegram_that_is_not_there(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.account.connection.CONNECTION_TRIES", 1)
    server = config.telegram.server.model_copy(update={"port": 1})
    with pytest.raises(DoppelgangerError, match="cannot be reached"):
        await log_in(with_telegram(config, server=server), Answers())


def test_a_bug_is_no_refusal() -> None:
    assert explain(KeyError("x")) is None
    assert explain(errors.ServerError(None, "INTERNAL")).exit_code == 1


async def test_a_second_process_is_exit_code_1(
    world: World, owner: User, anna: User, logged_in: Config, command: Command
) -> None:
    history(world, owner, anna, count=1)
    async with connect(logged_in):
        ended = await command("sync", "--dry-run")
    assert ended.code == 1
    assert ended.err.startswith("problem: the account is in use by process")


async def test_a_revoked_session_is_exit_code_3(world: World, owner: User, logged_in: Config, command: Command) -> None:
    world.revoke(owner)
    ended = await command("sync")
    assert (ended.code, ended.out) == (3, "")
    assert "fix: run `python -m exporter login`" in ended.err


async def test_a_connection_that_takes_long_says_so(
    sandbox: Sandbox, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.account.connection.SAY_AFTER", 0.01)
    said: list[str] = []
    sandbox.world.faults.latency = 0.1
    async with connect(logged_in, say=said.append):
        assert said == ["connecting to Telegram takes longer than usual …"]
