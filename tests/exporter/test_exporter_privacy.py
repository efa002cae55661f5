"""People's words and the owner's secrets stay where they belong: in the database, for its owner's eyes only."""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.log import EventFormatter
from exporter.settings.config import Config
from exporter.storing.store import Store, open_store
from sandbox.values import User
from sandbox.world import LOGIN_CODE, World

from .conftest import Command, history
from .listening import Listener, following, until

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


def modes(state: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in _files(state)}


def arguments(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


async def test_acceptance_39_words_are_in_the_database_only_and_all_of_state_is_private(
    world: World, owner: User, anna: User, talk: None, only_here: Path, config: Config, command: Command, start: Any
) -> None:
    world.set_password(owner, PASSWORD, hint="none")
    told = [await command("login", answers=f"{LOGIN_CODE}\n{PASSWORD}\n")]
    world.fault("messages.getHistory", error=(400, "BROKEN_ON_PURPOSE"), after=1)
    told.append(await command("sync"))
    assert "Traceback" in told[-1].err, "of a bug, all is told that an exception says"
    follow = await start("follow")
    shown = (await follow.stderr.readuntil(b"following")).decode() + arguments(follow.pid)
    live = world.say(anna, owner, f"{CANARY} live")
    world.edit(live, f"{CANARY} edited")
    await until(lambda: f"{CANARY} edited" in words_in(config))
    running = modes(config.state)
    assert set(running.values()) == {0o600} and "doppelganger.db-wal" in running
    follow.send_signal(signal.SIGINT)
    out, err = await follow.communicate()
    told.append(await command("chats", "--refresh"))
    shown += out.decode() + err.decode() + "".join(ended.out + ended.err for ended in told)
    assert [secret for secret in (CANARY, PASSWORD, LOGIN_CODE) if secret in shown] == []
    assert "doppelganger.db" in files_with(CANARY, only_here) <= {"doppelganger.db", "doppelganger.db-wal"}
    assert files_with(PASSWORD, only_here) == set()
    assert set(modes(config.state).values()) == {0o600} and config.state.stat().st_mode & 0o777 == 0o700


def words_in(config: Config) -> set[str]:
    with open_store(config.database) as store:
        newest = (store.recent(chat.peer.peer_id, limit=1) for chat in store.chats())
        return {message.text for messages in newest for message in messages}


async def test_no_event_tells_a_word_even_at_debug(
    world: World, owner: User, anna: User, talk: None, logged_in: Config, store: Store, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG, logger="exporter")
    caplog.handler.setFormatter(EventFormatter("%(name)s %(message)s"))
    listener = Listener()
    async with following(logged_in, store, listener, kinds={"private", "group"}):
        live = world.say(anna, owner, f"{CANARY} live")
        await listener.hears((f"{CANARY} live", True))
        world.edit(live, f"{CANARY} edited")
        await listener.hears((f"{CANARY} live", True), (f"{CANARY} edited", False))
        world.delete(live)
    assert "sync.done chats=2" in caplog.text and "round.done chats=2" in caplog.text
    assert not [word for word in (CANARY, "Anna", "Olive", owner.phone) if word in caplog.text]
