"""What happens now, from a Telegram of our own into the store and to the listener. Numbers are acceptance points."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from telethon._updates.messagebox import ENTRY_ACCOUNT

from exporter.account.connection import connect
from exporter.errors import DoppelgangerError, LoginError
from exporter.following.follow import Follower
from exporter.following.live import Live
from exporter.messages import MessageKind, PeerKind
from exporter.settings.config import Config
from exporter.storing.store import Store
from sandbox.server import Sandbox
from sandbox.values import Action, Entity, User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import BEGIN, history, versions
from .listening import Listener, following, until

NEVER = 3600.0
"""Seconds between two rounds of a reconciler that shall not help."""


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest_asyncio.fixture
async def live(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, listener: Listener
) -> AsyncIterator[Live]:
    """Follows Anna, Saved Messages and groups after a first sync. Nothing that gets lost is looked for."""
    for friend in (anna, boris, owner):
        history(world, owner, friend, count=3)
    choice = {"chats": ("Anna", "Olive"), "kinds": {"group"}, "reconcile_seconds": NEVER}
    async with following(logged_in, store, listener, **choice) as live:
        await until(lambda: live.reconciler.looked_at)
        yield live


@pytest.mark.usefixtures("live")
async def test_new_messages_of_chosen_chats_are_stored_and_told(
    world: World, owner: User, anna: User, boris: User, store: Store, listener: Listener
) -> None:
    world.say(boris, owner, "not chosen")
    world.say(anna, owner, "hello")
    world.say(owner, anna, "from my phone")
    await listener.hears(("hello", True), ("from my phone", True))
    assert [(m.text, m.outgoing) for m in store.recent(anna.id, limit=2)] == [("hello", False), ("from my phone", True)]
    assert store.recent(boris.id, limit=9) == []


@pytest.mark.usefixtures("live")
async def test_the_order_is_that_of_arrival(world: World, owner: User, anna: User, listener: Listener) -> None:
    for number in range(50):
        world.say(anna, owner, str(number))
    await listener.hears(*((str(number), True) for number in range(50)))


@pytest.mark.usefixtures("live")
async def test_edits_are_told_as_edits(world: World, owner: User, anna: User, store: Store, listener: Listener) -> None:
    message = world.say(anna, owner, "hello")
    await listener.hears(("hello", True))
    world.edit(message, "hello!")
    await listener.hears(("hello", True), ("hello!", False))
    world.edit(message, "hello!", entities=[Entity("bold", 0, 5)])  # nothing new was said, as with a reaction
    await listener.hears(("hello", True), ("hello!", False))
    (stored,) = store.recent(anna.id, limit=1)
    assert (stored.text, stored.edited_at is not None) == ("hello!", True)
    assert [text for text, _ in versions(store, anna.id, stored.message_id)] == ["hello"]


@pytest.mark.usefixtures("live")
async def test_acceptance_24_a_reaction_is_kept_and_nothing_is_told(
    world: World, owner: User, anna: User, store: Store, listener: Listener
) -> None:
    message = world.say(anna, owner, "hello")
    await listener.hears(("hello", True))
    world.react(owner, message, "👍")
    await until(lambda: store.recent(anna.id, limit=1)[0].reactions)
    (stored,) = store.recent(anna.id, limit=1)
    assert [(one.emoji, one.count, one.own) for one in stored.reactions] == [("👍", 1, True)]
    assert versions(store, anna.id, stored.message_id) == []
    await listener.hears(("hello", True))


@pytest.mark.usefixtures("live")
async def test_an_edit_of_what_was_never_seen_waits_for_the_message_itself(
    world: World, owner: User, anna: User, live: Live, store: Store, listener: Listener
) -> None:
    group = world.supergroup("House", [owner, anna])
    world.faults.lose_updates = 1
    message = world.say(anna, group, "hello")
    world.edit(message, "hello!")  # the first that Telethon hears of this supergroup, so it sees no gap
    world.say(anna, owner, "next")
    await listener.hears(("next", True))
    await live.reconciler.round()
    await listener.hears(("next", True), ("hello!", True))


@pytest.mark.usefixtures("live")
async def test_deletions_are_marked_in_chats_and_in_supergroups(
    world: World, owner: User, anna: User, store: Store, listener: Listener
) -> None:
    group = world.supergroup("Flat", [owner, anna])
    said = [world.say(anna, peer, "oops") for peer in (owner, group)]
    await listener.hears(("oops", True), ("oops", True))
    world.delete(*said)
    await until(lambda: store.recent(anna.id, limit=1)[0].text != "oops" and not store.recent(group.key, limit=1))
    ids = [(anna.id, said[0].id_for(owner)), (group.key, said[1].id_for(owner))]
    assert [store.message(*key).text for key in ids] == ["oops", "oops"]
    assert all(store.message(*key).deleted_at for key in ids)
    assert len(listener.told) == 2
    assert listener.gone == ["oops", "oops"]


@pytest.mark.usefixtures("live")
async def test_what_happens_without_words_is_stored_too(
    world: World, owner: User, anna: User, store: Store, listener: Listener
) -> None:
    group = world.group("Flat", [owner, anna])
    world.say(anna, group, "", action=Action("edit_group_title", title="House"))
    await listener.hears(("", True))
    (said,) = store.messages(group.key)
    assert (said.kind, said.action) == (MessageKind.SERVICE, "chat_edit_title")


@pytest.mark.usefixtures("live")
async def test_saved_messages_are_followed(world: World, owner: User, store: Store, listener: Listener) -> None:
    world.say(owner, owner, "2")
    await listener.hears(("2", True))
    (stored,) = store.recent(owner.id, limit=1)
    assert (stored.text, stored.outgoing) == ("2", True)


@pytest.mark.usefixtures("live")
async def test_a_new_group_and_its_people_are_known_at_once(
    world: World, owner: User, anna: User, store: Store, listener: Listener
) -> None:
    clara = world.person("Clara")
    flat = world.group("Flat", [owner, anna, clara])
    world.say(clara, flat, "who is in?")
    await listener.hears(("who is in?", True))
    assert store.peers()[clara.id].name == "Clara"
    assert store.peers()[flat.key].kind is PeerKind.GROUP
    assert flat.key in store.state.dialogs(), "the reconciler looks after it from now on"


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_group_that_becomes_a_supergroup_stays_one_chat(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener, by_name: bool
) -> None:
    flat = world.group("Flat", [owner, anna])
    world.say(anna, flat, "before", date=BEGIN, silent=True)
    choice = {"chats": ("Flat",)} if by_name else {"kinds": {"group"}}
    async with following(logged_in, store, listener, **choice) as live:
        await until(lambda: live.reconciler.looked_at)
        house = world.migrate(flat)
        world.say(anna, house, "after")
        await until(lambda: ("after", True) in listener.told)
    assert store.state.migrated() == {flat.key: house.key}
    assert [m.text for m in store.messages(house.key) if m.said] == ["before", "after"]


async def test_a_chat_that_left_the_folder_is_followed_no_more(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    for friend in (anna, boris):
        history(world, owner, friend, count=3)
    world.folder(owner, "Friends", include=[anna, boris])
    async with following(logged_in, store, listener, folder="Friends"):
        world.say(boris, owner, "hello from Boris")
        await listener.hears(("hello from Boris", True))
    world.folders.clear()
    world.folder(owner, "Friends", include=[anna])
    async with following(logged_in, store, listener, folder="Friends"):
        for friend in (boris, anna):
            world.say(friend, owner, "once more")
        await listener.hears(("hello from Boris", True), ("once more", True))
    assert len(store.recent(boris.id, limit=9)) == 4


async def test_acceptance_17_an_update_delivered_three_times_and_by_catch_up_counts_once(
    world: World, owner: User, anna: User, live: Live, store: Store, listener: Listener
) -> None:
    world.faults.duplicate_updates = 2
    for text in ("hello", "twice", "once more"):
        world.say(anna, owner, text)
    await until(lambda: len(listener.told) == 3)
    live._client._message_box.map[ENTRY_ACCOUNT].pts -= 2  # as if Telethon had not saved yet how far it came
    await live._client.catch_up()
    await listener.hears(("hello", True), ("twice", True), ("once more", True))
    assert [m.text for m in store.recent(anna.id, limit=3)] == ["hello", "twice", "once more"]


@pytest.mark.usefixtures("live")
async def test_reordered_pushes_are_each_told_once(world: World, owner: User, anna: User, listener: Listener) -> None:
    world.faults.reorder_updates = 3
    for number in range(6):
        world.say(anna, owner, str(number))
    await until(lambda: len(listener.told) == 6)
    assert sorted(listener.told) == [(str(number), True) for number in range(6)]


@pytest.mark.usefixtures("live")
async def test_edits_and_deletions_that_telethon_drops_from_a_difference_are_kept(
    world: World, owner: User, anna: User, store: Store, listener: Listener
) -> None:
    first, second = (world.say(anna, owner, text) for text in ("first", "second"))
    await listener.hears(("first", True), ("second", True))
    world.faults.lose_updates = 3
    world.edit(first, "first!")
    world.delete(second)
    third = world.say(anna, owner, "third")
    world.edit(third, "third!")  # a gap: Telethon asks for what it missed
    await listener.hears(("first", True), ("second", True), ("third!", True), ("first!", False))
    assert [m.text for m in store.recent(anna.id, limit=2)] == ["first!", "third!"]


@pytest.mark.usefixtures("live")
async def test_following_goes_on_after_a_dropped_connection(
    world: World, owner: User, anna: User, sandbox: Sandbox, listener: Listener
) -> None:
    world.say(anna, owner, "hello")
    await listener.hears(("hello", True))
    sandbox.drop_connections()
    await asyncio.sleep(0.1)
    world.say(anna, owner, "again")
    await listener.hears(("hello", True), ("again", True))


async def test_a_full_disk_ends_the_follower_with_its_fix(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    history(world, owner, anna, count=3)
    with pytest.raises(Exception, match="full"):
        async with following(logged_in, store, listener, chats=("Anna",)):
            (pages,) = store.database.execute("pragma page_count").fetchone()
            store.database.execute(f"pragma max_page_count = {pages}")
            for _ in range(40):
                world.say(anna, owner, "x" * 4000)
            await asyncio.sleep(5)


async def test_a_revoked_session_ends_the_follower(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    history(world, owner, anna, count=3)
    with pytest.raises(LoginError, match="ended elsewhere"):
        async with following(logged_in, store, listener, chats=("Anna",)):
            world.revoke(owner)
            await asyncio.sleep(5)


async def test_a_revoked_session_shows_even_where_no_chat_is_followed(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    with pytest.raises(LoginError, match="ended elsewhere"):
        async with following(logged_in, store, listener, kinds={"group"}):
            world.revoke(owner)
            await asyncio.sleep(5)


async def test_a_connection_that_telegram_refuses_ends_the_follower_with_its_fix(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    history(world, owner, anna, count=3)
    with pytest.raises(DoppelgangerError, match="trouble of its own"):
        async with following(logged_in, store, listener, chats=("Anna",)):
            world.fault("*", transport=429)
            await asyncio.sleep(5)


async def test_a_listener_that_fails_ends_the_follower(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    history(world, owner, anna, count=3)
    listener.hear = None
    with pytest.raises(ExceptionGroup) as bug:
        async with following(logged_in, store, listener, chats=("Anna",)):
            world.say(anna, owner, "hello")
            await asyncio.sleep(5)
    assert bug.group_contains(TypeError)


async def test_nobody_is_followed_before_the_first_sync(logged_in: Config, store: Store) -> None:
    async with connect(logged_in) as client:
        with pytest.raises(DoppelgangerError, match="nothing is synced"):
            Follower(client, store, agreed(store), chosen=lambda peer, protected: True, on_message=Listener().hear)
