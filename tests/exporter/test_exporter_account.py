"""Where the account is logged in: the list of sessions, ending one, and ending ours."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from exporter.account.connection import connect
from exporter.account.sessions import Session, fetch_sessions, find_session, log_out, terminate
from exporter.commands.account import table
from exporter.errors import ComeBackLater, DoppelgangerError
from exporter.settings.config import Config
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import ClientOf

from .conftest import BEGIN, Command, with_telegram


async def sessions_of(config: Config) -> tuple[Session, ...]:
    async with connect(config) as client:
        return await fetch_sessions(client)


# --- sessions


async def test_sessions_are_listed_ours_first(
    world: World, owner: User, logged_in: Config, client_of: ClientOf
) -> None:
    world.clock = lambda: BEGIN
    await client_of(owner, device_model="Old phone")
    world.clock = lambda: BEGIN + 60
    await client_of(owner, device_model="Phone\x1b[2J", system_version="14", app_version="3.1")
    ours, phone, old = await sessions_of(logged_in)
    assert (ours.own, ours.device.split()[0], ours.app) == (True, "doppelganger", f"Sandbox {version('doppelganger')}")
    assert (phone.own, phone.device, phone.app) == (False, "Phone[2J 14", "Sandbox 3.1")
    assert phone.created_at.timestamp() == phone.active_at.timestamp() == BEGIN + 60
    assert old.device.split()[:2] == ["Old", "phone"]
    assert len({ours.hash, phone.hash, old.hash}) == 3 and all(len(one.hash) == 16 for one in (ours, phone, old))


async def test_a_session_is_found_by_place_and_by_hash(owner: User, logged_in: Config, client_of: ClientOf) -> None:
    await client_of(owner)
    _, phone = sessions = await sessions_of(logged_in)
    assert find_session("2", sessions) == find_session(phone.hash.upper(), sessions) == phone
    with pytest.raises(DoppelgangerError, match="our own") as refused:
        find_session("1", sessions)
    assert "exporter logout" in refused.value.fix
    with pytest.raises(DoppelgangerError, match="no session 3"):
        find_session("3", sessions)


async def test_a_terminated_session_is_logged_out(owner: User, logged_in: Config, client_of: ClientOf) -> None:
    phone = await client_of(owner)
    async with connect(logged_in) as client:
        _, theirs = await fetch_sessions(client)
        await terminate(client, theirs)
        assert len(await fetch_sessions(client)) == 1
        with pytest.raises(DoppelgangerError, match="ended meanwhile"):
            await terminate(client, theirs)
    assert await phone.get_me() is None


async def test_a_young_session_may_not_end_others_and_is_told_why(
    world: World, owner: User, logged_in: Config, client_of: ClientOf
) -> None:
    await client_of(owner)
    world.fault("account.resetAuthorization", error=(406, "FRESH_RESET_AUTHORISATION_FORBIDDEN"))
    async with connect(logged_in) as client:
        _, theirs = await fetch_sessions(client)
        with pytest.raises(DoppelgangerError, match="only a day after its own login"):
            await terminate(client, theirs)


def test_the_list_fits_a_terminal_and_obeys_nobody() -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    names = {"device": "Phone [red] 17.4", "app": "Telegram iOS 10.9", "place": "Lisbon, Portugal"}
    theirs = Session("2f7a8fe6b8a5f193", own=False, **names, created_at=moment, active_at=moment, unfinished=True)
    ours = replace(theirs, hash="0" * 16, own=True, unfinished=False)
    console = Console(width=80, record=True, file=StringIO())
    console.print(table((ours, theirs), ZoneInfo("Europe/Lisbon")))
    shown = console.export_text()
    for words in (*names.values(), "this program", theirs.hash, "2026-03-01 12:00", "no password yet"):
        assert words in shown


async def test_sessions_are_ended_on_the_command_line_after_a_yes(
    owner: User, logged_in: Config, client_of: ClientOf, command: Command
) -> None:
    phone = await client_of(owner, device_model="Phone [red]")
    kept = await command("sessions", "terminate", "2", answers="n\n")
    assert kept.out == "Nothing was ended.\n"
    assert "End the session on Phone [red]" in kept.err
    ended = await command("sessions", "terminate", "2", answers="y\n")
    assert (ended.code, ended.out.startswith("Ended: Phone [red]")) == (0, True)
    assert await phone.get_me() is None


# --- logout


async def test_logout_revokes_then_erases(world: World, owner: User, logged_in: Config, command: Command) -> None:
    copy = logged_in.session.with_name("copy")
    copy.write_bytes(logged_in.session.read_bytes())
    logged_in.database.write_text("history")
    ended = await command("logout")
    assert (ended.code, ended.err) == (0, "")
    told, erased, kept = ended.out.splitlines()
    assert told == "Telegram has ended the session."
    assert erased.endswith("account.session") and "doppelganger.db" in kept
    assert world.logins.of(owner) == [], "a copy of the file is worth nothing"
    assert not list(logged_in.state.glob("account.session*")) and logged_in.database.read_text() == "history"


async def test_what_is_erased_is_overwritten_first(logged_in: Config) -> None:
    key = sqlite3.connect(logged_in.session).execute("select auth_key from sessions").fetchone()[0]
    same_bytes = logged_in.state / "seen"
    same_bytes.hardlink_to(logged_in.session)
    await log_out(logged_in)
    assert not logged_in.session.exists()
    assert key not in same_bytes.read_bytes()


async def test_logout_of_a_session_that_telegram_does_not_know(world: World, owner: User, logged_in: Config) -> None:
    world.revoke(owner)
    assert not await log_out(logged_in)
    assert not logged_in.session.exists()


async def test_logout_with_a_key_that_telegram_never_saw(logged_in: Config) -> None:
    session = SQLiteSession(str(logged_in.session))
    session.auth_key = AuthKey(bytes(range(256)))
    session.close()
    assert not await log_out(logged_in)
    assert not logged_in.session.exists()


async def test_logout_without_a_network_says_that_nothing_was_revoked(
    world: World, owner: User, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.account.connection.CONNECTION_TRIES", 1)
    server = logged_in.telegram.server.model_copy(update={"port": 1})
    with pytest.raises(DoppelgangerError, match="NOT revoked, and its file is kept") as refused:
        await log_out(with_telegram(logged_in, server=server))
    assert "Settings > Devices" in refused.value.fix
    assert logged_in.session.exists() and len(world.logins.of(owner)) == 1


async def test_logout_that_telegram_puts_off_keeps_the_file(world: World, logged_in: Config) -> None:
    world.fault("auth.logOut", error=(420, "FLOOD_WAIT_600"))
    with pytest.raises(ComeBackLater, match="NOT revoked"):
        await log_out(logged_in)
    assert logged_in.session.exists()
