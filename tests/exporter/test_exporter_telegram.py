"""Connecting and logging in: every refusal has a problem and a fix, and a session is nobody else's."""

import os
import signal
import sqlite3
from typing import Any

import pytest
from telethon import errors
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from exporter.config import Config
from exporter.errors import ComeBackLater, ConfigError, DoppelgangerError, LoginError
from exporter.login import login
from exporter.messages import Peer, PeerKind
from exporter.refusals import explain
from exporter.telegram import connect
from sandbox.server import Sandbox
from sandbox.values import User
from sandbox.world import LOGIN_CODE, World

from .conftest import Command, history


class Answers:
    """Someone at the terminal."""

    def __init__(self, *codes: str, phone: str = "", password: str = "") -> None:
        self._codes = list(codes)
        self._phone, self._password = phone, password
        self.asked: list[str] = []

    def ask_phone(self) -> str:
        self.asked.append("phone")
        return self._phone

    def ask_code(self) -> str:
        self.asked.append("code")
        return self._codes.pop(0)

    def ask_password(self) -> str:
        self.asked.append("password")
        return self._password


async def log_in(config: Config, answers: Answers) -> Peer:
    return await login(
        config, ask_phone=answers.ask_phone, ask_code=answers.ask_code, ask_password=answers.ask_password
    )


def with_telegram(config: Config, **values: Any) -> Config:
    return config.model_copy(update={"telegram": config.telegram.model_copy(update=values)})


async def test_login_by_code_then_the_session_is_enough(config: Config, owner: User) -> None:
    answers = Answers("11111", LOGIN_CODE)
    peer = await log_in(config, answers)
    assert (peer.peer_id, peer.kind, peer.name) == (owner.id, PeerKind.SELF, "Olive")
    assert answers.asked == ["code", "code"]
    async with connect(config) as client:
        assert (await client.get_me()).id == owner.id
    again = Answers()
    assert await log_in(config, again) == peer
    assert again.asked == []


async def test_the_phone_is_asked_for_where_it_is_not_configured(config: Config, owner: User) -> None:
    answers = Answers(LOGIN_CODE, phone=owner.phone)
    await log_in(with_telegram(config, phone=None), answers)
    assert answers.asked == ["phone", "code"]


async def test_three_wrong_codes_end_the_login(config: Config) -> None:
    answers = Answers("1", "2", "3", LOGIN_CODE)
    with pytest.raises(LoginError, match="3 times"):
        await log_in(config, answers)
    with pytest.raises(LoginError, match="does not accept"):
        async with connect(config):
            pass


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"api_id": 1}, "does not know this api_id"),
        ({"phone": "+999660000099"}, "no Telegram account"),
        ({"phone": "mine"}, "not a phone number"),
    ],
)
async def test_what_telegram_does_not_know_is_said(config: Config, values: dict[str, Any], problem: str) -> None:
    with pytest.raises(LoginError, match=problem):
        await log_in(with_telegram(config, **values), Answers())


async def test_two_step_verification_asks_for_the_password(world: World, config: Config) -> None:
    world.fault("auth.signIn", error=(401, "SESSION_PASSWORD_NEEDED"))
    world.fault("account.getPassword", error=(400, "PASSWORD_HASH_INVALID"))
    answers = Answers(LOGIN_CODE, password="wrong")
    with pytest.raises(LoginError, match="not the password"):
        await log_in(config, answers)
    assert answers.asked == ["code", "password"]


async def test_too_many_logins_mean_come_back_later(world: World, config: Config) -> None:
    world.fault("auth.sendCode", error=(420, "FLOOD_WAIT_7000"))
    with pytest.raises(ComeBackLater):
        await log_in(config, Answers())


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
    monkeypatch.setattr("exporter.telegram.CONNECTION_TRIES", 1)
    server = config.telegram.server.model_copy(update={"port": 1})
    with pytest.raises(DoppelgangerError, match="cannot be reached"):
        await log_in(with_telegram(config, server=server), Answers())


def test_a_bug_is_no_refusal() -> None:
    assert explain(KeyError("x")) is None
    assert explain(errors.ServerError(None, "INTERNAL")).exit_code == 1


async def test_login_on_the_command_line(config: Config, owner: User, command: Command) -> None:
    ended = await command("login", answers=f"oops\n{LOGIN_CODE}\n")
    assert (ended.code, ended.out) == (0, f"Logged in as Olive ({owner.id}).\n")
    assert LOGIN_CODE not in ended.err


async def test_a_question_without_an_answer(config: Config, command: Command) -> None:
    ended = await command("login", answers="")
    assert ended.code == 3
    assert "without an answer" in ended.err


async def test_a_second_process_is_exit_code_1(
    world: World, owner: User, anna: User, logged_in: Config, command: Command
) -> None:
    history(world, owner, anna, count=1)
    async with connect(logged_in):
        ended = await command("sync")
    assert ended.code == 1
    assert ended.err.startswith("problem: the account is in use by process")


async def test_a_revoked_session_is_exit_code_3(world: World, owner: User, logged_in: Config, command: Command) -> None:
    world.revoke(owner)
    ended = await command("sync")
    assert (ended.code, ended.out) == (3, "")
    assert "fix: run `python -m exporter login`" in ended.err


async def test_ctrl_c_at_the_question_exits_130(config: Config, start: Any) -> None:
    process = await start("login")
    await process.stderr.readuntil(b"sent you: ")
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
