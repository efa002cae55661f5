"""A stream that fell silent is noticed. Numbers are acceptance points of the design."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from exporter.errors import DoppelgangerError
from exporter.following.watchdog import Verdict, Watchdog
from exporter.settings.config import Config
from exporter.storing.store import Store
from sandbox.values import User
from sandbox.world import World

from .conftest import history
from .listening import PERIOD, Listener, following, news, until

SHORT = timedelta(seconds=3 * PERIOD)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(autouse=True)
def said_before(world: World, owner: User, anna: User, boris: User) -> None:
    for friend in (anna, boris):
        history(world, owner, friend, count=3)


async def test_acceptance_19_a_silent_stream_is_noticed_and_mended(
    world: World,
    owner: User,
    anna: User,
    logged_in: Config,
    store: Store,
    listener: Listener,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with following(logged_in, store, listener, chats=("Anna",), patience=SHORT) as live:
        await until(lambda: live.reconciler.looked_at)
        world.faults.silent_stream = True
        world.say(anna, owner, "news 0")
        await until(lambda: live._client.link.made == 2)
        world.faults.silent_stream = False
        await asyncio.sleep(2 * PERIOD)
        world.say(anna, owner, "news 1")
        await until(lambda: live.follower.pushes)
        await listener.hears(*news(2))
        await asyncio.sleep(8 * PERIOD)
        assert live._client.link.made == 2
    assert any("connecting anew" in line for line in listener.lines)
    assert ("exporter.following.reconcile", logging.WARNING, "stream.silent") in caplog.record_tuples


async def test_acceptance_19_a_stream_that_stays_silent_ends_the_follower(
    world: World,
    owner: User,
    anna: User,
    logged_in: Config,
    store: Store,
    listener: Listener,
) -> None:
    world.faults.silent_stream = True
    with pytest.raises(DoppelgangerError, match="nothing comes from Telegram by itself") as ended:
        async with following(logged_in, store, listener, chats=("Anna",), patience=SHORT):
            for number in range(200):
                world.say(anna, owner, f"news {number}")
                await asyncio.sleep(PERIOD)
    assert ended.value.exit_code == 1
    assert listener.told == news(len(listener.told)) and len(listener.told) > 3


def test_the_watchdog_bites_only_where_news_had_to_be_fetched() -> None:
    now = datetime.now(UTC)
    dog = Watchdog(timedelta(minutes=3))

    def look(minute: int, fetched: int, pushes: int) -> Verdict:
        return dog.look(fetched=fetched, pushes=pushes, now=now + timedelta(minutes=minute))

    assert [look(minute, 0, 0) for minute in range(60)] == [Verdict.FINE] * 60, "nobody writes"
    assert [look(60, 1, 0), look(61, 1, 0), look(62, 0, 1), look(65, 0, 1)] == [Verdict.FINE] * 4, "one push was lost"
    assert [look(70, 1, 1), look(72, 1, 1), look(73, 1, 1)] == [Verdict.FINE, Verdict.FINE, Verdict.RECONNECT]
    assert [look(74, 0, 1), look(90, 0, 1)] == [Verdict.FINE, Verdict.FINE], "a new connection, and nobody writes"
    assert [look(91, 2, 1), look(94, 0, 1)] == [Verdict.FINE, Verdict.GIVE_UP]


def test_a_push_after_the_reconnection_means_that_all_is_well() -> None:
    now = datetime.now(UTC)
    dog = Watchdog(timedelta(0))
    verdicts = [dog.look(fetched=1, pushes=pushes, now=now) for pushes in (0, 1, 1)]
    assert verdicts == [Verdict.RECONNECT, Verdict.FINE, Verdict.RECONNECT]
