"""Sync over a Telegram of our own. Numbers in names are acceptance points of the design."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.account.connection import connect
from exporter.account.limiter import Limiter
from exporter.errors import ComeBackLater, ConfigError
from exporter.messages import Message, PeerKind
from exporter.progress import Aloud, Step
from exporter.pulling.sync import sync
from exporter.settings.config import Config, Sync
from exporter.storing.intervals import Interval, gaps
from exporter.storing.store import Store
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import BEGIN, Command, history
from .pulling import EVERYBODY, pull, requests, texts
from .virtual import Steady, Virtual


async def test_acceptance_01_a_full_sync_equals_the_world(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=10_050)
    result = await pull(logged_in, store)
    assert (result.chats, result.messages, result.new) == (1, 10_050, 10_050)
    assert texts(store, anna) == [f"message {number}" for number in range(10_050)]
    first = next(store.messages(anna.id))
    assert first == Message(anna.id, 1, anna.id, datetime.fromtimestamp(BEGIN, UTC), outgoing=False, text="message 0")
    assert 101 <= len(requests(world)) <= 103
    assert all(request.limit <= 100 for request in requests(world))


async def test_acceptance_13_a_page_follows_the_other_with_nothing_in_between(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    """How fast that is, `python -m benchmarks exporter` measures."""
    history(world, owner, anna, count=2_000)
    async with connect(logged_in) as client:
        world.calls.clear()
        result = await sync(client, store, EVERYBODY, agreed(store))
    before, after = ["users.getUsers", "messages.getDialogs"], ["messages.getPeerDialogs"]
    assert [call.method for call in world.calls] == before + 20 * ["messages.getHistory"] + after
    assert (result.requests, result.slept) == (23, 0)


async def test_people_are_stored_as_telegram_names_them(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    flat = world.group("Flat", [owner, anna, boris])
    history(world, anna, owner, count=2)
    world.say(boris, flat, "hello all", date=BEGIN, silent=True)
    await pull(logged_in, store)
    peers = store.peers()
    assert {(peer.name, peer.kind) for peer in peers.values()} == {
        ("Olive", PeerKind.SELF),
        ("Anna", PeerKind.USER),
        ("Boris", PeerKind.USER),
        ("Flat", PeerKind.GROUP),
    }
    assert peers[anna.id].username == "anna_b"
    assert peers[anna.id].access_hash is not None
    (said,) = store.messages(flat.key)
    assert (said.sender_id, said.outgoing) == (boris.id, False)


async def test_acceptance_03_an_incremental_sync_asks_once_for_what_changed(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=250)
    history(world, owner, boris, count=250)
    await pull(logged_in, store)
    world.calls.clear()
    for number in range(7):
        world.say(anna, owner, f"new {number}")
    result = await pull(logged_in, store)
    assert (result.messages, result.new) == (507, 7)
    (request,) = requests(world)
    assert request.peer.user_id == anna.id
    world.calls.clear()
    assert (await pull(logged_in, store)).new == 0
    assert requests(world) == []


async def test_acceptance_04_short_and_empty_pages_lose_nothing(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    world.delete(*history(world, owner, anna, count=300)[100:200])
    world.faults.holes, world.faults.page = True, 20
    await pull(logged_in, store)
    assert [m.message_id for m in store.messages(anna.id)] == [*range(1, 101), *range(201, 301)]
    assert store.intervals(anna.id) == (Interval(1, 300),)


async def test_acceptance_05_a_flood_wait_of_7_seconds_is_obeyed_and_the_bar_says_why(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=300)
    world.fault("messages.getHistory", error=(420, "FLOOD_WAIT_7"), after=2)
    steps: list[Step] = []
    aloud, time = Aloud(steps.append), Virtual()
    async with connect(logged_in) as client:
        limiter = Limiter(client, store.state, 0, say=aloud.note, clock=time.clock, random=Steady())
        result = await sync(client, store, EVERYBODY, agreed(store), limiter=limiter, report=aloud)
    assert time.slept == [7.0]
    assert (result.new, result.slept) == (300, 7.0)
    assert Step("Anna", 200, 300, "sleeping 7 s: Telegram's rate limit") in steps
    assert [step.done for step in steps if step.stage == "Anna"] == [100, 200, 200, 300]
    assert len(requests(world)) == 4


async def test_a_wait_for_the_list_of_chats_is_told_too(world: World, logged_in: Config, store: Store) -> None:
    world.fault("messages.getDialogs", error=(420, "FLOOD_WAIT_7"))
    steps: list[Step] = []
    aloud = Aloud(steps.append)
    async with connect(logged_in) as client:
        limiter = Limiter(client, store.state, 0, say=aloud.note, clock=Virtual().clock, random=Steady())
        await sync(client, store, EVERYBODY, agreed(store), limiter=limiter, report=aloud)
    assert "sleeping 7 s: Telegram's rate limit" in [step.note for step in steps]


async def test_acceptance_06_a_long_wait_ends_the_run_and_is_remembered(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=300)
    world.fault("messages.getHistory", error=(420, "FLOOD_WAIT_3600"), after=2)
    with pytest.raises(ComeBackLater, match=r"until .* UTC"):
        await pull(logged_in, store)
    assert len(texts(store, anna)) == 200
    world.calls.clear()
    with pytest.raises(ComeBackLater):
        await pull(logged_in, store)
    assert requests(world) == []


async def test_acceptance_06_a_long_wait_is_exit_code_4(
    world: World, owner: User, anna: User, logged_in: Config, command: Command
) -> None:
    history(world, owner, anna, count=3)
    world.fault("messages.getDialogs", error=(420, "FLOOD_WAIT_3600"))
    ended = await command("sync", "--json")
    assert (ended.code, ended.out) == (4, "")
    assert "problem: Telegram asks to wait until" in ended.err


async def test_acceptance_11_a_page_does_not_overwrite_a_newer_edit(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    await pull(logged_in, store)
    newer = replace(
        store.recent(anna.id, limit=1)[0], text="edited", edited_at=datetime.now(UTC).replace(microsecond=0)
    )
    store.add([newer])
    world.say(anna, owner, "and one more")
    await pull(logged_in, store)
    assert store.message(anna.id, 3) == newer


async def test_nothing_of_other_chats_is_asked_for(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=5)
    history(world, owner, boris, count=5)
    await pull(logged_in, store, choice=Sync(chats=("Anna",), requests_per_second=0))
    assert [request.peer.user_id for request in requests(world)] == [anna.id]
    assert set(store.peers()) == {owner.id, anna.id}


async def test_choosing_nothing_or_nobody_is_refused(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=5)
    for choice in (Sync(), Sync(chats=("Nobody",))):
        with pytest.raises(ConfigError):
            await pull(logged_in, store, choice=choice)
    assert requests(world) == []


async def test_what_is_said_while_a_sync_runs_is_fetched_at_its_end(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, boris, count=3)
    history(world, owner, anna, count=300, begin=BEGIN + 1_000_000)

    def interrupt(step: Step) -> None:
        if step.stage == "Anna" and step.done == 200:
            world.say(anna, owner, "by the way")

    assert (await pull(logged_in, store, report=interrupt)).new == 304
    assert texts(store, anna)[-1] == "by the way"
    assert len(requests(world, "messages.getPeerDialogs")) == 1
    assert [request.peer.user_id for request in requests(world)] == [anna.id] * 4 + [boris.id, anna.id]
    assert len(store.intervals(anna.id)) == 1


async def test_an_account_without_history_is_fine(logged_in: Config, store: Store) -> None:
    result = await pull(logged_in, store)
    assert (result.chats, result.messages, result.new) == (0, 0, 0)


async def test_what_has_expired_is_erased_by_a_sync(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    await pull(logged_in, store)
    short_lived = replace(next(store.messages(anna.id)), message_id=99, expires_at=datetime.now(UTC))
    store.add([short_lived])
    await pull(logged_in, store)
    assert store.message(anna.id, 99) is None


async def test_acceptance_39_words_and_secrets_stay_in_the_private_database(
    world: World, owner: User, anna: User, logged_in: Config, command: Command
) -> None:
    history(world, owner, anna, count=150, text="canary-word {}")
    ended = await command("sync")
    assert ended.code == 0
    assert ended.out == "1 chat, 150 messages, 150 of them new\n"
    assert "canary-word" not in ended.err
    assert logged_in.telegram.api_hash.get_secret_value() not in ended.err
    files = [file for file in logged_in.state.rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert [file.name for file in files if b"canary-word" in file.read_bytes()] == ["doppelganger.db"]


@given(st.sets(st.integers(1, 30)), st.integers(0, 30))
def test_gaps_are_what_is_missing(complete: set[int], top: int) -> None:
    missing = gaps([Interval(n, n) for n in complete], top)
    assert [n for gap in missing for n in range(gap.hi, gap.lo - 1, -1)] == sorted(
        set(range(1, top + 1)) - complete, reverse=True
    )
