"""Whatever goes wrong on the way, no page is lost and none half stored, and the user is told what to do."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.errors import DoppelgangerError, LoginError
from exporter.progress import Step
from exporter.settings.config import Config
from exporter.storing.intervals import Interval
from exporter.storing.store import Store, open_store
from sandbox.values import User
from sandbox.world import World

from .conftest import history
from .pulling import pull, requests, texts

PAGE = "messages.getHistory"


@pytest.mark.parametrize("drop", ["before", "after"])
async def test_a_dropped_connection_is_taken_up_again(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, drop: Any
) -> None:
    history(world, owner, anna, count=300)
    world.fault("messages.getHistory", drop=drop, after=1)
    assert (await pull(logged_in, store)).new == 300


async def test_trouble_of_telegrams_own_is_tried_again(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, no_retry_delay: None
) -> None:
    history(world, owner, anna, count=300)
    world.fault("messages.getHistory", error=(500, "INTERNAL"), after=1)
    assert (await pull(logged_in, store)).new == 300


async def test_a_session_revoked_midway_keeps_its_pages(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=300)

    def revoke(step: Step) -> None:
        if step.stage == "Anna":
            world.revoke(owner)

    with pytest.raises(LoginError, match="ended elsewhere"):
        await pull(logged_in, store, report=revoke)
    assert len(texts(store, anna)) == 100


@pytest.mark.parametrize("reply", ["corrupt", "truncated"])
async def test_a_page_whose_bytes_make_no_sense_is_asked_for_again(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, reply: Any
) -> None:
    history(world, owner, anna, count=300)
    world.fault(PAGE, reply=reply, after=1)
    assert (await pull(logged_in, store)).new == 300
    assert [request.offset_id for request in requests(world)][:3] == [0, 201, 201]


async def test_pages_that_never_make_sense_end_the_run(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=300)
    world.fault(PAGE, reply="corrupt", after=1, times=9)
    with pytest.raises(DoppelgangerError, match="cannot be read"):
        await pull(logged_in, store)
    assert store.intervals(anna.id) == (Interval(201, 300),)


@pytest.mark.parametrize("reply", ["never", "damaged"])
async def test_a_page_that_never_comes_is_asked_for_again(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(world, owner, anna, count=300)
    world.fault(PAGE, reply=reply, after=1)
    monkeypatch.setattr("exporter.account.client.ANSWER_WITHIN", 0.2)
    assert (await pull(logged_in, store)).new == 300


async def test_a_full_disk_keeps_whole_pages_and_the_next_run_goes_on(
    world: World, owner: User, anna: User, logged_in: Config
) -> None:
    history(world, owner, anna, count=2_000, text="message {} " + 200 * "x")
    with pytest.raises(DoppelgangerError, match="the disk is full"), open_store(logged_in.database) as store:
        (pages,) = store.database.execute("pragma page_count").fetchone()
        store.database.execute(f"pragma max_page_count = {pages + 50}")
        await pull(logged_in, store)
    with open_store(logged_in.database) as store:
        (interval,) = store.intervals(anna.id)
        kept = store.count(anna.id)
        assert interval == Interval(2_001 - kept, 2_000) and 0 < kept < 2_000
        assert (await pull(logged_in, store)).new == 2_000 - kept
        assert len(texts(store, anna)) == 2_000


async def test_a_database_that_may_only_be_read_is_said_before_history_is_asked_for(
    world: World, owner: User, anna: User, logged_in: Config
) -> None:
    history(world, owner, anna, count=300)
    with pytest.raises(DoppelgangerError, match="may not be read or written"), open_store(logged_in.database) as store:
        store.database.execute("pragma query_only = on")
        await pull(logged_in, store)
    assert requests(world) == []


@pytest.mark.parametrize("hours", [-50, 50])
async def test_a_wrong_clock_changes_nothing(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, hours: int
) -> None:
    off = timedelta(hours=hours).total_seconds()
    world.clock = lambda: time.time() + off
    world.say(anna, owner, "now")
    assert (await pull(logged_in, store)).new == 1
    (said,) = store.messages(anna.id)
    assert abs((said.sent_at - datetime.now(UTC)).total_seconds() - off) < 60
    world.say(anna, owner, "and again")
    assert (await pull(logged_in, store)).new == 1
