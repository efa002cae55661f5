"""Logging in by code, by QR code and with a password, as a person at a terminal meets it."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.account.connection import connect
from exporter.account.login import login_by_qr
from exporter.commands.terminal import qr_code
from exporter.errors import ComeBackLater, LoginError
from exporter.messages import Peer, PeerKind
from exporter.settings.config import Config
from sandbox.values import User
from sandbox.world import LOGIN_CODE, World

from .conftest import Answers, Command, log_in, with_telegram

SECRET = "canary, correct horse"


class Scanner:
    """A phone before the screen: it scans the codes that it should, as soon as they are shown."""

    def __init__(self, world: World, owner: User, *, misses: int = 0) -> None:
        self._world, self._owner, self._misses = world, owner, misses
        self.shown: list[str | None] = []

    def show(self, link: str | None) -> None:
        self.shown.append(link)
        if link and len(self.shown) > self._misses:
            asyncio.get_running_loop().call_soon(self._world.accept_login, self._owner, link)


# --- by code


async def test_login_by_code_then_the_session_is_enough(config: Config, owner: User) -> None:
    answers = Answers("11111", "", LOGIN_CODE)
    peer = await log_in(config, answers)
    assert (peer.peer_id, peer.kind, peer.name) == (owner.id, PeerKind.SELF, "Olive")
    first, *more = answers.asked
    assert first.startswith("Telegram sent a code to your other devices. Type it here only")
    assert more == ["That was not the code. Once more: "] * 2
    async with connect(config) as client:
        assert (await client.get_me()).id == owner.id
    again = Answers()
    assert await log_in(config, again) == peer
    assert again.asked == []


async def test_the_phone_is_asked_for_where_it_is_not_configured(config: Config, owner: User) -> None:
    answers = Answers(owner.phone, LOGIN_CODE)
    await log_in(with_telegram(config, phone=None), answers)
    assert answers.asked[0] == "Phone number, as in +351…: "


async def test_three_wrong_codes_end_the_login(config: Config) -> None:
    answers = Answers("1", "2", "3", LOGIN_CODE)
    with pytest.raises(LoginError, match="3 times"):
        await log_in(config, answers)
    with pytest.raises(LoginError, match="does not accept"):
        async with connect(config):
            pass


async def test_for_a_code_that_expired_a_new_one_is_sent_once(world: World, config: Config) -> None:
    world.fault("auth.signIn", error=(400, "PHONE_CODE_EXPIRED"))
    answers = Answers("1", "2", LOGIN_CODE)
    await log_in(config, answers)
    assert answers.asked[1] == "That code has expired. Telegram sent another to your other devices: "
    assert [call.method for call in world.calls].count("auth.sendCode") == 2


async def test_a_second_code_that_expired_ends_the_login(world: World, config: Config) -> None:
    world.fault("auth.signIn", error=(400, "PHONE_CODE_EXPIRED"), times=2)
    with pytest.raises(LoginError, match="has expired"):
        await log_in(config, Answers("1", "2"))


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


async def test_too_many_logins_mean_come_back_later(world: World, config: Config) -> None:
    world.fault("auth.sendCode", error=(420, "FLOOD_WAIT_7000"))
    with pytest.raises(ComeBackLater):
        await log_in(config, Answers())


# --- with a password


async def test_the_password_is_asked_for_with_its_hint(world: World, config: Config, owner: User) -> None:
    world.set_password(owner, SECRET, hint="the usual")
    answers = Answers(LOGIN_CODE, passwords=["wrong", SECRET])
    assert (await log_in(config, answers)).peer_id == owner.id
    assert answers.asked_hidden == [
        "Password of two-step verification (your hint: the usual): ",
        "That was not the password. Once more: ",
    ]


async def test_three_wrong_passwords_end_the_login(world: World, config: Config, owner: User) -> None:
    world.set_password(owner, SECRET)
    answers = Answers(LOGIN_CODE, passwords=["1", "", "3", SECRET])
    with pytest.raises(LoginError, match="password was wrong 3 times"):
        await log_in(config, answers)
    assert answers.asked_hidden[0] == "Password of two-step verification: "


# --- by QR code


async def scan_in(config: Config, scanner: Scanner, *passwords: str) -> Peer:
    return await login_by_qr(config, show=scanner.show, ask_hidden=Answers(passwords=passwords).ask_hidden)


async def test_a_scanned_qr_code_logs_in(world: World, config: Config, owner: User) -> None:
    scanner = Scanner(world, owner)
    assert (await scan_in(config, scanner)).peer_id == owner.id
    link, taken_away = scanner.shown
    assert link.startswith("tg://login?token=") and taken_away is None
    async with connect(config) as client:
        assert (await client.get_me()).id == owner.id


async def test_a_qr_code_that_nobody_scans_is_drawn_anew(
    world: World, config: Config, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.account.login.QR_LIFE", 0.05)
    scanner = Scanner(world, owner, misses=2)
    await scan_in(config, scanner)
    first, second, third, _ = scanner.shown
    assert len({first, second, third}) == 3


async def test_after_the_scan_the_password_is_asked_for(world: World, config: Config, owner: User) -> None:
    world.set_password(owner, SECRET)
    assert (await scan_in(config, Scanner(world, owner), "wrong", SECRET)).peer_id == owner.id


def test_a_qr_code_is_drawn_in_half_blocks_with_a_margin() -> None:
    lines = str(qr_code("tg://login?token=" + "A" * 43)).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) < 80 and len(lines) < 24, "it fits into a small terminal"
    assert set("".join(lines)) == set("█▀▄ ")
    assert set(lines[0]) == {"█"} and all(line.startswith("██") and line.endswith("██") for line in lines[:-1])


# --- on the command line


async def test_login_on_the_command_line(config: Config, owner: User, command: Command) -> None:
    ended = await command("login", answers=f"oops\n{LOGIN_CODE}\n")
    assert (ended.code, ended.out) == (0, f"Logged in as Olive ({owner.id}).\n")
    assert LOGIN_CODE not in ended.err


async def test_login_by_qr_on_the_command_line(world: World, config: Config, owner: User, start: Any) -> None:
    """Where stdout is no terminal, the address itself is printed."""
    world.set_password(owner, SECRET)
    process = await start("login", "--qr")
    link = (await process.stdout.readline()).decode().strip()
    world.accept_login(owner, link)
    out, err = await process.communicate(f"{SECRET}\n".encode())
    assert (process.returncode, out.decode()) == (0, f"Logged in as Olive ({owner.id}).\n")
    assert SECRET not in err.decode()


async def test_login_by_qr_in_a_terminal(config_file: Path, config: Config, world: World, owner: User) -> None:
    """The code is drawn, and the password is asked for without showing what is typed."""
    world.set_password(owner, SECRET)
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "exporter", "login", "--qr", "--config", str(config_file)]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = await asyncio.create_subprocess_exec(*command, **streams, env=environment)
    os.close(theirs)
    drawn = await asyncio.to_thread(read_until, ours, "point the camera here")
    assert "▀" in drawn and "tg://" not in drawn
    (token,) = world.logins._tokens
    world.accept_login(owner, token)
    seen = await asyncio.to_thread(read_until, ours, "Password of two-step verification: ")
    os.write(ours, f"{SECRET}\n".encode())
    seen += await asyncio.to_thread(read_until, ours, f"Logged in as Olive ({owner.id}).")
    assert SECRET not in seen
    assert await process.wait() == 0
    os.close(ours)


def read_until(descriptor: int, end: str) -> str:
    seen = b""
    while end not in seen.decode(errors="ignore"):
        seen += os.read(descriptor, 65536)
    return seen.decode()


async def test_a_question_without_an_answer(config: Config, command: Command) -> None:
    ended = await command("login", answers="")
    assert ended.code == 1
    assert "without an answer" in ended.err


@pytest.mark.parametrize("arguments", [("login",), ("login", "--qr")])
async def test_ctrl_c_while_logging_in_exits_130(config: Config, start: Any, arguments: tuple[str, ...]) -> None:
    process = await start(*arguments)
    await (process.stdout.readline() if "--qr" in arguments else process.stderr.readuntil(b"Code: "))
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
