"""kill -9 of `sync` and `follow` at two hundred moments, while people write, edit and delete over a bad network."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from exporter.settings.config import Config
from exporter.storing.store import Store, open_store
from sandbox.server import Sandbox
from sandbox.values import Message, User
from sandbox.world import World

from .conftest import Command, history

EACH = 4_000
"""Messages of a chat that were there before."""
LATENCY = 0.01
"""Seconds for an answer: a sync takes long enough to be killed in its midst."""
ROUNDS, KILLS = 40, 5
"""After each round the store is compared with the world, then begun anew."""
TICK = 0.02
"""Seconds between two things that happen."""


class Life:
    """What people do meanwhile, and what the network does to it."""

    def __init__(self, world: World, sandbox: Sandbox, friends: list[User], chance: random.Random) -> None:
        self._world, self._sandbox, self._friends, self._chance = world, sandbox, friends, chance
        self._said: list[Message] = []
        self.events = 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.events += 1
            if self._chance.random() < 0.05:
                self._disturb()
            self._act()

    def _act(self) -> None:
        recent, what = self._said[-200:], self._chance.random()
        if what < 0.7 or not recent:
            pair = [self._chance.choice(self._friends), self._world.owner]
            self._chance.shuffle(pair)
            self._said.append(self._world.say(*pair, f"said {self.events}"))
        elif what < 0.9:
            self._world.edit(self._chance.choice(recent), f"edited {self.events}")
        else:
            gone = self._chance.choice(recent)
            self._said.remove(gone)
            self._world.delete(gone)

    def _disturb(self) -> None:
        faults = self._world.faults
        match self._chance.randrange(4):
            case 0:
                self._sandbox.drop_connections()
            case 1:
                faults.lose_updates = 2
            case 2:
                faults.duplicate_updates = 2
            case 3:
                faults.reorder_updates = 2


@pytest.fixture
def nina(world: World) -> User:
    return world.person("Nina")


@pytest.fixture
def friends(world: World, owner: User, anna: User, boris: User, nina: User) -> list[User]:
    for friend in (anna, boris, nina):
        history(world, owner, friend, count=EACH)
    return [anna, boris, nina]


def in_the_world(world: World, owner: User, friend: User) -> dict[int, str]:
    said = world.conversation(owner, friend).newest_first(owner)
    return {message.id_for(owner): message.text for message in said}


def forget(config: Config) -> None:
    for file in config.state.glob("doppelganger.db*"):
        file.unlink()


def count(config: Config) -> int:
    """Messages that are stored; 0 where a process was killed before it made its tables."""
    if not config.database.exists():
        return 0
    with open_store(config.database) as store:
        return sum(chat.messages for chat in store.chats())


def assert_equal(world: World, owner: User, friends: list[User], store: Store) -> None:
    """Nothing is lost and nothing doubled; what counts as deleted is gone."""
    assert store.database.execute("pragma integrity_check").fetchall() == [("ok",)]
    for friend in friends:
        there = in_the_world(world, owner, friend)
        assert {message.message_id: message.text for message in store.messages(friend.id)} == there
        assert store.intervals(friend.id)[0].lo == 1 and len(store.intervals(friend.id)) == 1
        assert store.intervals(friend.id)[0].hi >= max(there)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_two_hundred_kills_lose_nothing_and_double_nothing(
    world: World,
    owner: User,
    friends: list[User],
    sandbox: Sandbox,
    logged_in: Config,
    start: Any,
    command: Command,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(1)  # noqa: S311 - the same moments every time, as far as the machine allows
    file = logged_in.state.parent / "config.toml"
    file.write_text(file.read_text() + "reconcile_seconds = 0.2\n")
    world.faults.latency = LATENCY
    began = time.monotonic()
    assert (await command("sync")).code == 0
    whole = time.monotonic() - began
    life, amid = Life(world, sandbox, friends, chance), 0
    for _ in range(ROUNDS):
        forget(logged_in)
        world.faults.latency = LATENCY
        living = asyncio.create_task(life.run())
        for _ in range(KILLS):
            process = await start(chance.choice(["sync", "follow"]))
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), whole * chance.uniform(0.3, 1.2))
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
            amid += 0 < count(logged_in) < len(friends) * EACH
        living.cancel()
        world.faults.clear()
        ended = await command("sync", "--recheck")
        assert ended.code == 0, ended.err
        with open_store(logged_in.database) as store:
            assert_equal(world, owner, friends, store)
    record_property("amid", amid)
    record_property("events", life.events)
    assert amid >= ROUNDS // 2, "the kills came too early or too late to say anything"
