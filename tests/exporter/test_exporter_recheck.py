"""Edits and deletions that happened while nobody looked. Numbers in names are acceptance points of the design."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exporter.pulling.plan import Options
from exporter.settings.config import Config
from exporter.storing.intervals import HIGHEST, Interval
from exporter.storing.store import Store
from sandbox.values import Message, User
from sandbox.world import World

from .conftest import history
from .pulling import pull, requests, texts

HOUR = 3600.0
NOW = Options(recheck=True)


@pytest.fixture
def said(world: World, owner: User, anna: User) -> Sequence[Message]:
    """What Anna and the owner said since yesterday."""
    return history(world, owner, anna, count=300, begin=time.time() - 24 * HOUR)


def looked(store: Store, chat: User, hours_ago: float) -> None:
    """Let the last look for edits and deletions be so long ago."""
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    store.state.save_dialogs([replace(store.state.dialogs()[chat.id], checked_at=at)])


def stands(store: Store, chat: User) -> set[int]:
    return store.ids(chat.id, Interval(1, HIGHEST))


async def test_acceptance_12_exactly_what_was_deleted_meanwhile_is_marked_and_edits_are_found(
    world: World, said: Sequence[Message], anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    world.delete(said[40], said[199], said[299])
    world.edit(said[50], "changed")
    world.calls.clear()
    result = await pull(logged_in, store, NOW)
    assert (result.new, result.edited, result.deleted, result.warnings) == (0, 1, 3, ())
    assert stands(store, anna) == set(range(1, 301)) - {41, 200, 300}
    assert [store.message(anna.id, number).deleted_at is not None for number in (41, 42)] == [True, False]
    assert store.message(anna.id, 51).text == "changed"
    (asked,) = requests(world, "messages.getMessages")
    assert [wanted.id for wanted in asked.id] == [41, 200, 300]


async def test_acceptance_12_an_answer_that_omits_ids_marks_none(
    world: World, said: Sequence[Message], anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    world.delete(said[40])
    world.faults.omitted = {numbered + 1 for numbered in range(100, 130)}
    result = await pull(logged_in, store, NOW)
    assert result.deleted == 1
    assert stands(store, anna) == set(range(1, 301)) - {41}
    assert result.warnings == ()


async def test_the_same_in_a_supergroup(world: World, owner: User, anna: User, logged_in: Config, store: Store) -> None:
    club = world.supergroup("Club", [anna, owner])
    said = history(world, anna, owner, count=30, begin=time.time() - HOUR, to=club)
    await pull(logged_in, store)
    world.delete(said[3])
    assert (await pull(logged_in, store, NOW)).deleted == 1
    assert len(requests(world, "channels.getMessages")) == 1
    assert store.message(club.key, said[3].id_for(owner)).deleted_at is not None


async def test_more_than_a_page_of_suspicions_is_asked_for_in_pages(
    world: World, said: Sequence[Message], anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    world.delete(*said[:140])
    assert (await pull(logged_in, store, NOW)).deleted == 140
    assert [len(request.id) for request in requests(world, "messages.getMessages")] == [100, 40]


async def test_most_of_a_chat_is_not_deleted_unless_the_owner_says_so(
    world: World, said: Sequence[Message], anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    world.delete(*said[:151])
    result = await pull(logged_in, store, NOW)
    assert result.deleted == 0
    (warning,) = result.warnings
    assert warning.startswith("Anna: of 300 messages read again, 151 seem to be deleted")
    assert "--accept-deletions" in warning
    assert len(stands(store, anna)) == 300
    assert (await pull(logged_in, store, Options(accept_deletions=True))).deleted == 151
    assert len(stands(store, anna)) == 149


async def test_a_small_chat_may_be_emptied_but_for_one(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    said = history(world, owner, anna, count=51, begin=time.time() - 2 * HOUR)
    await pull(logged_in, store)
    world.delete(*said[:50])
    assert (await pull(logged_in, store, NOW)).deleted == 50


async def test_recent_messages_are_looked_at_once_a_day_by_itself(
    world: World, said: Sequence[Message], anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    world.edit(said[10], "changed")
    world.calls.clear()
    assert (await pull(logged_in, store)).edited == 0
    assert requests(world) == [], "the first pull was a look"
    looked(store, anna, hours_ago=25)
    assert (await pull(logged_in, store)).edited == 1
    assert len(requests(world)) in (3, 4)
    world.calls.clear()
    await pull(logged_in, store)
    assert requests(world) == []


async def test_only_recent_messages_are_looked_at(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=300)
    history(world, owner, boris, count=300)
    history(world, owner, boris, count=5, begin=time.time() - HOUR)
    await pull(logged_in, store)
    looked(store, anna, hours_ago=25)
    looked(store, boris, hours_ago=25)
    world.calls.clear()
    await pull(logged_in, store)
    assert [request.peer.user_id for request in requests(world)] == [boris.id]


async def test_the_page_of_news_tells_for_free_what_it_no_longer_shows(
    world: World, said: Sequence[Message], owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    world.delete(said[298])
    world.edit(said[297], "changed")
    world.say(anna, owner, "news")
    world.calls.clear()
    result = await pull(logged_in, store)
    assert (result.new, result.edited, result.deleted) == (1, 1, 1)
    assert len(requests(world)) == 1
    assert len(requests(world, "messages.getMessages")) == 1


async def test_what_the_pull_has_just_read_is_not_read_again(
    world: World, said: Sequence[Message], owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    looked(store, anna, hours_ago=25)
    world.say(anna, owner, "news")
    world.edit(said[0], "changed")
    world.calls.clear()
    assert (await pull(logged_in, store)).edited == 1
    offsets = [request.offset_id for request in requests(world)]
    assert offsets[:3] == [0, 202, 102]
    assert len(offsets) <= 4


async def test_a_newest_message_that_vanished_is_noticed_at_once(
    world: World, said: Sequence[Message], anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    world.delete(said[299])
    assert (await pull(logged_in, store)).deleted == 1
    world.calls.clear()
    assert (await pull(logged_in, store)).deleted == 0
    assert requests(world) == []


async def test_what_was_taken_for_deleted_stands_again_where_telegram_shows_it(
    said: Sequence[Message], anna: User, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    store.delete(anna.id, [7], datetime.now(UTC))
    assert "message 6" not in texts(store, anna)
    await pull(logged_in, store, NOW)
    assert texts(store, anna) == [f"message {number}" for number in range(300)]


async def test_a_stored_count_below_telegrams_is_said_with_both_numbers(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=250)
    world.faults.omitted = {17, 18}
    result = await pull(logged_in, store)
    assert result.warnings == ("Anna: Telegram counts 250 messages, 248 are stored",)
