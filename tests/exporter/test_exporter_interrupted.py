"""A sync that is killed or interrupted, and the one that goes on. Numbers are acceptance points of the design."""

import asyncio
import json
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from exporter.settings.config import Config
from exporter.storing.store import open_store
from sandbox.values import User
from sandbox.world import World

from .conftest import Command, history
from .pulling import requests, texts


async def stalled(
    world: World, start: Callable[..., Awaitable[Any]], page: int, *, seconds: float = 60
) -> asyncio.subprocess.Process:
    """A sync that waits for that page of history."""
    world.fault("messages.getHistory", delay=seconds, after=page)
    process = await start("sync")
    while len(requests(world)) <= page:  # noqa: ASYNC110 - it is another process that calls
        await asyncio.sleep(0.01)
    return process


@pytest.mark.parametrize("seed", [1, 2])
async def test_acceptance_02_after_kill_9_the_next_run_goes_on(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, start: Any, command: Command, seed: int
) -> None:
    history(world, owner, anna, count=700)
    history(world, owner, boris, count=700)
    page = random.Random(seed).randrange(1, 14)  # noqa: S311
    process = await stalled(world, start, page)
    process.kill()
    await process.wait()
    world.faults.clear()
    with open_store(logged_in.database) as store:
        kept = len(texts(store, anna)) + len(texts(store, boris))
    assert kept == 100 * page
    world.calls.clear()
    ended = await command("sync", "--json")
    assert (ended.code, json.loads(ended.out)["new"]) == (0, 1400 - kept)
    assert len(requests(world)) <= (1400 - kept) // 100 + 3  # a page lost, two ends of history
    with open_store(logged_in.database) as store:
        for friend in (anna, boris):
            assert texts(store, friend) == [f"message {number}" for number in range(700)]
            assert len(store.intervals(friend.id)) == 1


async def test_ctrl_c_lets_the_page_in_flight_end_and_says_how_to_go_on(
    world: World, owner: User, anna: User, logged_in: Config, start: Any, command: Command
) -> None:
    history(world, owner, anna, count=700)
    process = await stalled(world, start, 3, seconds=0.3)
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith(b"Interrupted. Run the same command again to go on: python")
    assert b" -m exporter sync --config " in err and b"Traceback" not in err
    ended = await command("sync", "--json")
    assert json.loads(ended.out)["new"] == 300


async def test_a_second_ctrl_c_does_not_wait(
    world: World, owner: User, anna: User, logged_in: Config, start: Any
) -> None:
    history(world, owner, anna, count=700)
    process = await stalled(world, start, 3)
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(0.1)  # two signals at once would be one
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
    with open_store(logged_in.database) as store:
        assert len(texts(store, anna)) == 300


async def test_ctrl_c_ends_a_wait_at_once(world: World, owner: User, anna: User, logged_in: Config, start: Any) -> None:
    history(world, owner, anna, count=300)
    world.fault("messages.getHistory", error=(420, "FLOOD_WAIT_60"), after=2)
    process = await start("sync")
    await process.stderr.readuntil(b"sleeping 60 s: Telegram's rate limit")
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(5):
        _, err = await process.communicate()
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith(b"Interrupted.")
