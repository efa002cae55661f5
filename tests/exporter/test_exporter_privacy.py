"""People's words and the owner's secrets stay where they belong: in the database, for its owner's eyes only."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.config import Config
from exporter.store import open_store
from exporter.sync import sync
from exporter.telegram import connect
from sandbox.values import User
from sandbox.world import LOGIN_CODE, World

from .conftest import Command, history

CANARY = "canary-7f3a"
PASSWORD = "canary-password"


@pytest.fixture
def talk(world: World, owner: User, anna: User) -> None:
    """A chat that is full of canaries, and a group."""
    history(world, owner, anna, count=150, text=CANARY + " {}")
    world.say(anna, world.group("Flat", [owner, anna]), CANARY, silent=True)


@pytest.fixture
def only_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every folder that a process would write to lies in this one."""
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_with(words: str, folder: Path) -> set[str]:
    return {file.name for file in _files(folder) if words.encode() in file.read_bytes()}


def arguments(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def modes(state: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in _files(state)}


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


async def test_acceptance_39_words_are_in_the_database_only_and_all_of_state_is_private(
    world: World, owner: User, talk: None, only_here: Path, config: Config, command: Command, start: Any
) -> None:
    world.set_password(owner, PASSWORD, hint="none")
    said = [await command("login", answers=f"{LOGIN_CODE}\n{PASSWORD}\n")]
    world.fault("messages.getHistory", error=(400, "BROKEN_ON_PURPOSE"), after=1)
    said.append(await command("sync"))
    assert "Traceback" in said[-1].err, "a bug is told of with all that an exception says"
    world.fault("messages.getHistory", delay=0.3)
    process = await start("sync", "--json")
    await asyncio.sleep(0.2)
    argv = arguments(process.pid)
    out, err = await process.communicate()
    assert process.returncode == 0
    said += [await command("chats", "--refresh"), await command("sessions")]
    shown = "".join(ended.out + ended.err for ended in said) + out.decode() + err.decode()
    assert [secret for secret in (CANARY, PASSWORD, LOGIN_CODE) if secret in shown + argv] == []
    assert files_with(CANARY, only_here) <= {"doppelganger.db", "doppelganger.db-wal"} != set()
    assert files_with(PASSWORD, only_here) == set()
    assert modes(config.state) == {0o600} and config.state.stat().st_mode & 0o777 == 0o700


async def test_no_event_tells_a_word_even_at_debug(
    world: World, owner: User, talk: None, logged_in: Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="exporter")
    with open_store(logged_in.database) as store:
        async with connect(logged_in) as client:
            await sync(client, store, logged_in.sync)
    assert "sync.done" in caplog.text
    assert not [word for word in (CANARY, "Anna", "Olive", owner.phone) if word in caplog.text]
