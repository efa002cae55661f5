"""Telegram's mode for exports. Numbers in names are acceptance points of the design."""

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon.sessions import SQLiteSession

from exporter.account.connection import connect
from exporter.account.limiter import Limiter
from exporter.errors import ComeBackLater
from exporter.pulling.plan import Options
from exporter.pulling.sync import sync
from exporter.pulling.takeout import DELAYED
from exporter.settings.config import Config, Sync
from exporter.storing.store import Store
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import Command, history
from .pulling import EVERYBODY, pull, requests, texts

TAKEOUT = Options(takeout=True)
INIT, FINISH = "account.initTakeoutSession", "account.finishTakeoutSession"


def kept_id(config: Config) -> int | None:
    """The takeout that the session remembers."""
    session = SQLiteSession(str(config.session))
    try:
        return session.takeout_id
    finally:
        session.close()


def ids(world: World) -> list[int | None]:
    """In which takeout each page of history was asked for."""
    return [call.takeout for call in world.calls if call.method == "messages.getHistory"]


async def test_everything_after_the_leave_is_part_of_it_and_it_is_finished_once(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=150)
    history(world, owner, boris, count=150)
    assert (await pull(logged_in, store, TAKEOUT)).new == 300
    (takeout,) = world.takeouts
    began = [call.method for call in world.calls].index(INIT)
    assert {call.takeout for call in world.calls[began + 1 :]} == {takeout.id}
    assert world.calls[-1].method == FINISH and len(requests(world, FINISH)) == 1
    assert takeout.success is True
    assert kept_id(logged_in) is None
    assert (await pull(logged_in, store)).new == 0, "without a takeout, calls stand alone again"
    assert world.calls[-1].takeout is None


async def test_leave_is_asked_for_what_is_chosen_and_no_more(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    flat = world.group("Flat", [owner, anna, boris])
    world.say(boris, flat, "hello")
    for name, broadcast in (("Club", False), ("News", True)):
        world.say(anna, world.supergroup(name, [anna, owner], broadcast=broadcast), "hello")
    for chats in (("Anna",), ("Flat",), ("Club",), ("News", "Anna")):
        await pull(logged_in, store, TAKEOUT, choice=Sync(chats=chats, requests_per_second=0))
    assert [takeout.options for takeout in world.takeouts] == [
        {"message_users": True},
        {"message_chats": True},
        {"message_megagroups": True, "message_chats": True},
        {"message_channels": True, "message_users": True},
    ]


async def test_acceptance_07_a_delay_is_told_with_what_to_do_and_nobody_sleeps(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    await pull(logged_in, store)
    world.say(anna, owner, "news")
    world.fault(INIT, error=(420, "TAKEOUT_INIT_DELAY_86400"))
    world.calls.clear()
    before = datetime.now(UTC)
    with pytest.raises(ComeBackLater, match="or once you approve it") as told:
        await pull(logged_in, store, TAKEOUT)
    assert datetime.now(UTC) - before < timedelta(seconds=5)
    assert "approve the export" in told.value.fix and told.value.exit_code == 4
    assert requests(world) == []
    assert timedelta(hours=23) < store.state.resting(DELAYED) - before <= timedelta(hours=25)
    assert len(texts(store, anna)) == 3
    assert (await pull(logged_in, store, TAKEOUT)).new == 1, "approved meanwhile"


async def test_acceptance_07_a_delay_is_exit_code_4(
    world: World, owner: User, anna: User, logged_in: Config, command: Command
) -> None:
    history(world, owner, anna, count=3)
    world.fault(INIT, error=(420, "TAKEOUT_INIT_DELAY_86400"))
    ended = await command("sync", "--takeout", "--json")
    assert (ended.code, ended.out) == (4, "")
    assert "fix: approve the export in Telegram's message to your other devices" in ended.err


async def stopped(world: World, start: Any, number: signal.Signals) -> tuple[int, bytes]:
    """An export that gets a signal while it waits for its fourth page: its exit code, and what it said."""
    world.fault("messages.getHistory", delay=0.3, after=3)
    process = await start("sync", "--takeout")
    while len(requests(world)) < 4:  # noqa: ASYNC110 - it is another process that calls
        await asyncio.sleep(0.01)
    process.send_signal(number)
    _, err = await process.communicate()
    return process.returncode, err


async def test_acceptance_08_after_ctrl_c_the_same_takeout_goes_on_and_is_finished_at_the_very_end(
    world: World, owner: User, anna: User, logged_in: Config, start: Any, command: Command
) -> None:
    history(world, owner, anna, count=700)
    code, err = await stopped(world, start, signal.SIGINT)
    assert code == 130 and b" -m exporter sync --takeout --config " in err.splitlines()[-1]
    assert requests(world, FINISH) == []
    (takeout,) = world.takeouts
    assert kept_id(logged_in) == takeout.id
    ended = await command("sync", "--takeout", "--json")
    assert json.loads(ended.out)["new"] == 300
    assert set(ids(world)) == {takeout.id}
    assert (len(requests(world, INIT)), len(requests(world, FINISH))) == (1, 1)
    assert world.calls[-1].method == FINISH


async def test_after_kill_9_the_same_takeout_goes_on(
    world: World, owner: User, anna: User, logged_in: Config, start: Any, store: Store
) -> None:
    history(world, owner, anna, count=700)
    await stopped(world, start, signal.SIGKILL)
    (takeout,) = world.takeouts
    assert kept_id(logged_in) == takeout.id
    assert (await pull(logged_in, store, TAKEOUT)).new == 400
    assert set(ids(world)) == {takeout.id} and takeout.success is True


async def test_a_takeout_that_telegram_forgot_is_begun_anew_and_pages_are_kept(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=500)
    world.fault("messages.getHistory", error=(400, "TAKEOUT_INVALID"), after=2)
    assert (await pull(logged_in, store, TAKEOUT)).new == 500
    first, second = world.takeouts
    assert ids(world) == [first.id] * 3 + [second.id] * 3
    assert (first.success, second.success) == (None, True)
    assert [request.offset_id for request in requests(world)][2:4] == [301, 301]


async def test_a_takeout_that_was_forgotten_between_two_runs(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    session = SQLiteSession(str(logged_in.session))
    session.takeout_id = 77
    session.close()
    assert (await pull(logged_in, store, TAKEOUT)).new == 3
    assert world.takeouts[0].success is True


async def test_within_a_takeout_nobody_waits_between_requests(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=500)
    async with connect(logged_in) as client:
        limiter = Limiter(client, store.state, per_second=20)
        result = await sync(client, store, EVERYBODY, agreed(store), TAKEOUT, limiter=limiter)
        assert (result.new, result.slept < 0.3) == (500, True)
        await limiter(requests(world)[-1])
        await limiter(requests(world)[-1])
    assert limiter.slept - result.slept > 0.02, "outside of it, they do again"
