"""An account on a Telegram of our own: its owner, two friends, a group, and a configuration that leads there."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from exporter.account.login import login
from exporter.messages import Peer
from exporter.settings.config import Config, load
from exporter.storing.store import Store, open_store
from sandbox.server import Sandbox
from sandbox.values import Message, User
from sandbox.values import Peer as Chat
from sandbox.world import World
from tests.sandbox_fixtures import account_settings

BEGIN = 1_700_000_000
"""When history begins, in seconds since 1970."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Awaitable[Ended]]


class Answers:
    """Someone at the terminal; what he was asked is kept."""

    def __init__(self, *answers: str, passwords: Sequence[str] = ()) -> None:
        self._answers, self._passwords = list(answers), list(passwords)
        self.asked: list[str] = []
        self.asked_hidden: list[str] = []

    def ask(self, question: str) -> str:
        self.asked.append(question)
        return self._answers.pop(0)

    def ask_hidden(self, question: str) -> str:
        self.asked_hidden.append(question)
        return self._passwords.pop(0)


def versions(store: Store, chat_id: int, message_id: int) -> list[tuple[str, int]]:
    """What a message said before its edits, and since when, in seconds since 1970; oldest first."""
    query = "select text, said_at from message_version where chat_id = ? and message_id = ? order by said_at"
    return store.database.execute(query, [chat_id, message_id]).fetchall()


async def log_in(config: Config, answers: Answers) -> Peer:
    return await login(config, ask=answers.ask, ask_hidden=answers.ask_hidden)


def with_telegram(config: Config, **values: Any) -> Config:
    """The same configuration with other values under [telegram]."""
    return config.model_copy(update={"telegram": config.telegram.model_copy(update=values)})


@pytest.fixture
def world() -> World:
    world = World()
    world.own(world.person("Olive"))
    world.person("Anna", username="anna_b")
    world.person("Boris")
    return world


@pytest.fixture
def owner(world: World) -> User:
    return world.owner


@pytest.fixture
def anna(world: World) -> User:
    return next(user for user in world.users.values() if user.name == "Anna")


@pytest.fixture
def boris(world: World) -> User:
    return next(user for user in world.users.values() if user.name == "Boris")


def history(
    world: World, *pair: Chat, count: int, text: str = "message {}", begin: float = BEGIN, to: Chat | None = None
) -> list[Message]:
    """`count` messages that were said long ago, by one and the other in turn; a minute lies between two.

    With `to`, both say it there.
    """
    said = []
    for number in range(count):
        one, other = pair if number % 2 else pair[::-1]
        said.append(world.say(one, to or other, text.format(number), date=begin + 60 * number, silent=True))
    return said


@pytest.fixture
def config_file(sandbox: Sandbox, tmp_path: Path) -> Path:
    """The configuration of the owner, who is not logged in yet and syncs all private chats and groups."""
    file = tmp_path / "config.toml"
    file.write_text(
        f"""{account_settings(sandbox, tmp_path / "state")}
[sync]
kinds = ["private", "group"]
requests_per_second = 0
"""
    )
    return file


@pytest.fixture
def config(config_file: Path) -> Config:
    return load(config_file, environ={})


@pytest.fixture
def logged_in(config: Config, sandbox: Sandbox) -> Config:
    """The same, with a session that works."""
    config.make_state()
    session = SQLiteSession(str(config.session))
    session.set_dc(sandbox.dc_id, sandbox.host, sandbox.port)
    session.auth_key = AuthKey(sandbox.authorize(sandbox.world.owner).auth.key)
    session.close()
    return config


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    config.make_state()
    with open_store(config.database) as opened:
        yield opened


@pytest.fixture
def no_retry_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telethon sleeps 2 s after each trouble of Telegram's own, and lets nobody choose."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr("telethon.client.users.asyncio", SimpleNamespace(sleep=sleep))


@pytest.fixture
def start(config_file: Path) -> Callable[..., Awaitable[asyncio.subprocess.Process]]:
    """Start a command of the exporter's as a process."""

    async def start(*arguments: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "exporter", *arguments, "--config", str(config_file)]
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    return start


@pytest.fixture
def command(start: Callable[..., Awaitable[asyncio.subprocess.Process]]) -> Command:
    """Run a command of the exporter's as a process to its end."""

    async def call(*arguments: str, answers: str = "") -> Ended:
        process = await start(*arguments)
        out, err = await process.communicate(answers.encode())
        return Ended(process.returncode or 0, out.decode(), err.decode())

    return call
