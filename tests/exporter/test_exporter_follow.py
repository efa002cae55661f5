"""What happens now, from a Telegram of our own into the store and to the listener."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from exporter.config import Config, Sync
from exporter.errors import DoppelgangerError
from exporter.follow import Follower
from exporter.messages import Message, Peer, PeerKind
from exporter.store import Store
from exporter.sync import sync
from exporter.telegram import connect
from sandbox.events import NewMessage
from sandbox.server import Sandbox
from sandbox.values import Entity, User
from sandbox.world import World

from .conftest import history


@dataclass
class Listener:
    """Writes down what it is told."""

    told: list[tuple[str, bool]] = field(default_factory=list)

    def hear(self, message: Message, is_new: bool) -> None:
        self.told.append((message.text, is_new))

    async def hears(self, *told: tuple[str, bool]) -> None:
        """Wait until something was told, then a little for what must not come."""
        async with asyncio.timeout(5):
            while len(self.told) < len(told):  # noqa: ASYNC110 - told by Telethon's own tasks
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert self.told == list(told)


def chosen(peer: Peer, protected: bool) -> bool:
    return peer.name in ("Anna", "Flat") or peer.kind is PeerKind.SELF


@pytest_asyncio.fixture
async def listener(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> AsyncIterator[Listener]:
    """Follows the account after a first sync of two chats."""
    for friend in (anna, boris):
        history(world, owner, friend, count=3)
    listener = Listener()
    async with connect(logged_in) as client:
        await sync(client, store, Sync(kinds=frozenset({"private"}), requests_per_second=0))
        Follower(client, store, chosen=chosen, on_message=listener.hear)
        yield listener


async def test_new_messages_of_chosen_chats_are_stored_and_told(
    world: World, owner: User, anna: User, boris: User, store: Store, listener: Listener
) -> None:
    world.say(boris, owner, "not chosen")
    world.say(anna, owner, "hello")
    world.say(owner, anna, "from my phone")
    await listener.hears(("hello", True), ("from my phone", True))
    assert [(m.text, m.outgoing) for m in store.recent(anna.id, limit=2)] == [("hello", False), ("from my phone", True)]
    assert len(store.recent(boris.id, limit=9)) == 3


async def test_the_order_is_that_of_arrival(world: World, owner: User, anna: User, listener: Listener) -> None:
    for number in range(50):
        world.say(anna, owner, str(number))
    await listener.hears(*((str(number), True) for number in range(50)))


async def test_edits_are_told_as_edits(world: World, owner: User, anna: User, store: Store, listener: Listener) -> None:
    message = world.say(anna, owner, "hello")
    await listener.hears(("hello", True))
    world.edit(message, "hello!")
    await listener.hears(("hello", True), ("hello!", False))
    world.edit(message, "hello!", entities=[Entity("bold", 0, 5)])  # nothing new was said, as with a reaction
    await listener.hears(("hello", True), ("hello!", False))
    (stored,) = store.recent(anna.id, limit=1)
    assert (stored.text, stored.edited_at is not None) == ("hello!", True)


async def test_saved_messages_are_followed(world: World, owner: User, store: Store, listener: Listener) -> None:
    world.say(owner, owner, "2")
    await listener.hears(("2", True))
    assert [(m.text, m.outgoing) for m in store.messages(owner.id)] == [("2", True)]


async def test_a_new_group_and_its_people_are_known_at_once(
    world: World, owner: User, anna: User, store: Store, listener: Listener
) -> None:
    clara = world.person("Clara")
    flat = world.group("Flat", [owner, anna, clara])
    world.say(clara, flat, "who is in?")
    await listener.hears(("who is in?", True))
    assert store.peers()[clara.id].name == "Clara"
    assert store.peers()[flat.key].kind is PeerKind.GROUP


async def test_17_what_is_delivered_again_is_told_once(
    world: World, owner: User, anna: User, listener: Listener
) -> None:
    message = world.say(anna, owner, "hello")
    for _ in range(2):
        world._tell(message.conversation, NewMessage(message), None)
    world.say(anna, owner, "next")
    await listener.hears(("hello", True), ("next", True))


async def test_following_goes_on_after_a_dropped_connection(
    world: World, owner: User, anna: User, sandbox: Sandbox, listener: Listener
) -> None:
    world.say(anna, owner, "hello")
    await listener.hears(("hello", True))
    sandbox.drop_connections()
    await asyncio.sleep(0.1)
    world.say(anna, owner, "again")
    await listener.hears(("hello", True), ("again", True))


async def test_nobody_is_followed_before_the_first_sync(logged_in: Config, store: Store) -> None:
    async with connect(logged_in) as client:
        with pytest.raises(DoppelgangerError, match="nothing is synced"):
            Follower(client, store, chosen=chosen, on_message=Listener().hear)
