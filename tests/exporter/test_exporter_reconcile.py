"""What gets lost on the way is found again. Numbers are acceptance points of the design."""

import asyncio
from datetime import UTC, datetime

import pytest
from telethon.tl.types import InputPeerChannel, InputPeerChat, InputPeerSelf, InputPeerUser

from exporter.account.connection import connect
from exporter.account.translate import to_address
from exporter.messages import Peer, PeerKind
from exporter.settings.config import Config
from exporter.storing.store import Store
from sandbox.server import Sandbox
from sandbox.values import User
from sandbox.world import World

from .conftest import history
from .listening import PERIOD, Listener, following, news, until


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(autouse=True)
def said_before(world: World, owner: User, anna: User, boris: User) -> None:
    for friend in (anna, boris):
        history(world, owner, friend, count=3)


def asked_for(world: World) -> set[int]:
    return {call.request.peer.user_id for call in world.calls if call.method == "messages.getHistory"}


async def test_lost_pushes_are_found_within_a_period_and_told_once_in_order(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    async with following(logged_in, store, listener, chats=("Anna",)) as live:
        await until(lambda: live.reconciler.looked_at)
        world.faults.silent_stream = True
        for number in range(5):
            world.say(anna, owner, f"news {number}")
        world.say(boris, owner, "not chosen")
        await listener.hears(*news(5))
    assert [m.text for m in store.recent(anna.id, limit=5)] == [text for text, _ in news(5)]
    assert asked_for(world) == {anna.id}
    assert len(store.intervals(anna.id)) == 1


async def test_nothing_new_asks_for_no_history(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    async with following(logged_in, store, listener, kinds={"private"}) as live:
        await until(lambda: live.reconciler.looked_at)
        world.calls.clear()
        await asyncio.sleep(4 * PERIOD)
    assert {call.method for call in world.calls} == {"messages.getPeerDialogs"}
    assert len(world.calls) >= 2


@pytest.mark.parametrize("kept", [True, False])
async def test_acceptance_18_what_came_while_the_connection_was_gone_is_found(
    world: World,
    owner: User,
    anna: User,
    sandbox: Sandbox,
    logged_in: Config,
    store: Store,
    listener: Listener,
    kept: bool,
) -> None:
    """Telegram tells the difference, or only that it is too long."""
    async with following(logged_in, store, listener, chats=("Anna",), reconcile_seconds=60) as live:
        await until(lambda: live.reconciler.looked_at)
        port = sandbox.port
        await sandbox.mtproto.close()
        for number in range(250):
            world.say(anna, owner, f"news {number}")
        if not kept:
            world.box(owner).forget()
        await sandbox.mtproto.start(sandbox.host, port)
        await listener.hears(*news(250))
    assert len(store.recent(anna.id, limit=300)) == 253


async def test_acceptance_18_a_difference_that_is_too_long_over_a_standing_connection(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    before = world.say(anna, owner, "before")
    async with following(logged_in, store, listener, chats=("Anna",), reconcile_seconds=60) as live:
        await until(lambda: live.reconciler.looked_at)
        world.faults.silent_stream = True
        for number in range(3):
            world.say(anna, owner, f"news {number}")
        world.delete(before)
        world.box(owner).forget()
        world.faults.silent_stream = False
        world.say(anna, owner, "news 3")  # shows Telethon the gap
        await listener.hears(*news(4))
    assert store.message(anna.id, before.id_for(owner)).deleted_at


async def test_edits_and_deletions_that_nobody_tells_of_are_found_after_the_reconnection(
    world: World,
    owner: User,
    anna: User,
    sandbox: Sandbox,
    logged_in: Config,
    store: Store,
    listener: Listener,
) -> None:
    first, second, third = (world.say(anna, owner, text) for text in ("first", "second", "third"))
    async with following(logged_in, store, listener, chats=("Anna",), reconcile_seconds=60) as live:
        await until(lambda: live.reconciler.looked_at)
        port = sandbox.port
        await sandbox.mtproto.close()
        world.edit(first, "first!")
        world.delete(second, third)
        world.box(owner).forget()
        await sandbox.mtproto.start(sandbox.host, port)
        await until(lambda: store.recent(anna.id, limit=1)[0].text == "first!")
    assert listener.told == [("first!", False)]


async def test_a_newest_message_that_is_gone_is_found_within_a_period(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    said = world.say(anna, owner, "oops")
    async with following(logged_in, store, listener, chats=("Anna",)) as live:
        await until(lambda: live.reconciler.looked_at)
        world.faults.silent_stream = True
        world.delete(said)
        await until(lambda: store.message(anna.id, said.id_for(owner)).deleted_at)


async def test_a_new_connection_alone_is_no_reason_to_read_any_chat_again(
    world: World, owner: User, anna: User, sandbox: Sandbox, logged_in: Config, store: Store, listener: Listener
) -> None:
    said = world.say(anna, owner, "oops")
    async with following(logged_in, store, listener, kinds={"private"}, reconcile_seconds=60) as live:
        for number in range(3):
            await until(lambda: live.reconciler._made == live._client.link.made)
            world.calls.clear()
            sandbox.drop_connections()
            world.edit(said, f"edited {number}")
            await until(lambda: listener.told == [(f"edited {number}", False)])  # noqa: B023 - awaited at once
            listener.told.clear()
            assert asked_for(world) == set()


async def test_after_too_much_was_missed_a_few_chats_a_round_are_read_again_until_all_were(
    world: World,
    owner: User,
    sandbox: Sandbox,
    logged_in: Config,
    store: Store,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.following.reconcile.AT_ONCE", 2)
    friends = [world.person(f"Friend {number}") for number in range(5)]
    said = [world.say(friend, owner, "oops") for friend in friends]
    for friend in friends:
        world.say(friend, owner, "sorry")
    async with following(logged_in, store, listener, kinds={"private"}) as live:
        await until(lambda: live.reconciler.looked_at and not live.reconciler._doubtful)
        world.calls.clear()
        port = sandbox.port
        await sandbox.mtproto.close()
        world.delete(*said)
        world.box(owner).forget()
        await sandbox.mtproto.start(sandbox.host, port)
        await until(lambda: listener.gone == ["oops"] * 5)
    asked = "".join("h" if call.method == "messages.getHistory" else " " for call in world.calls)
    assert "hhh" not in asked and asked.count("h") >= 5


async def test_acceptance_20_what_telethon_counts_as_seen_but_nobody_stored_is_processed_once(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    async with following(logged_in, store, listener, chats=("Anna",)):
        pass
    async with connect(logged_in) as client:  # sees the message, counts it, saves how far it came, and dies
        world.say(anna, owner, "news 0")
        await asyncio.sleep(PERIOD)
        await client._save_states_and_entities()
    for _ in range(2):
        async with following(logged_in, store, listener, chats=("Anna",), synced=False):
            await listener.hears(*news(1))


async def test_a_frozen_network_is_lived_through(
    world: World,
    owner: User,
    anna: User,
    sandbox: Sandbox,
    logged_in: Config,
    store: Store,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.account.client.SILENCE", 0.2)
    monkeypatch.setattr("exporter.account.client.ANSWER_WITHIN", 0.2)
    async with following(logged_in, store, listener, chats=("Anna",)) as live:
        await until(lambda: live.reconciler.looked_at)
        sandbox.freeze()
        world.say(anna, owner, "news 0")
        await asyncio.sleep(0.5)
        assert listener.told == []
        sandbox.thaw()
        await listener.hears(*news(1))


async def test_a_long_outage_is_said_once_and_its_end_too(
    world: World,
    owner: User,
    anna: User,
    sandbox: Sandbox,
    logged_in: Config,
    store: Store,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.following.live.BLINK", 0.05)
    async with following(logged_in, store, listener, chats=("Anna",)):
        port = sandbox.port
        await sandbox.mtproto.close()
        await until(lambda: listener.lines)
        await asyncio.sleep(0.1)
        await sandbox.mtproto.start(sandbox.host, port)
        await until(lambda: len(listener.lines) == 2)
    assert listener.lines[0].startswith("not connected since ") and listener.lines[1] == "connected again"


async def test_trouble_of_telegrams_own_and_rate_limits_pass(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    async with following(logged_in, store, listener, chats=("Anna",)) as live:
        await until(lambda: live.reconciler.looked_at)
        world.faults.silent_stream = True
        world.fault("messages.getPeerDialogs", error=(400, "SOMETHING_STRANGE"), times=2)
        world.fault("messages.getHistory", error=(400, "SOMETHING_STRANGE"))
        world.say(anna, owner, "news 0")
        await listener.hears(*news(1))


async def test_a_long_rate_limit_holds_back_the_rounds_alone(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    async with following(logged_in, store, listener, chats=("Anna",)) as live:
        await until(lambda: live.reconciler.looked_at)
        world.fault("messages.getPeerDialogs", error=(420, "FLOOD_WAIT_3600"))
        await until(lambda: not world.faults._waiting)
        world.calls.clear()
        world.say(anna, owner, "news 0")
        await listener.hears(*news(1))
        assert world.calls == []


async def test_a_chat_that_is_closed_does_not_hide_the_others(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    async with following(logged_in, store, listener, chats=("Anna", "Boris")) as live:
        await until(lambda: live.reconciler.looked_at)
        world.faults.silent_stream = True
        world.fault("messages.getPeerDialogs", error=(400, "CHANNEL_PRIVATE"), times=2)  # for both, then for the first
        world.say(anna, owner, "news 0")
        world.say(boris, owner, "news 0")
        await listener.hears(*news(1))
    assert sorted(dialog.gone for dialog in store.state.dialogs().values()) == [False, True]


async def test_what_destroys_itself_is_erased(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, listener: Listener
) -> None:
    async with following(logged_in, store, listener, chats=("Anna",)) as live:
        await until(lambda: live.reconciler.looked_at)
        (last,) = store.recent(anna.id, limit=1)
        store.database.execute(
            "update messages set expires_at = ? where message_id = ?",
            [int(datetime.now(UTC).timestamp()), last.message_id],
        )
        store.database.commit()
        await until(lambda: store.message(anna.id, last.message_id) is None)


def test_peers_are_named_as_telegram_wants_them() -> None:
    def peer(peer_id: int, kind: PeerKind = PeerKind.USER) -> Peer:
        return Peer(peer_id, kind, "", access_hash=7)

    assert to_address(peer(5)) == InputPeerUser(5, 7)
    assert to_address(peer(5, PeerKind.SELF)) == InputPeerSelf()
    assert to_address(peer(-5)) == InputPeerChat(5)
    assert to_address(peer(-1_000_000_000_005)) == InputPeerChannel(5, 7)
