"""`python -m exporter follow` as a process."""

import asyncio
import signal
from typing import Any

import pytest

from exporter.settings.config import Config
from exporter.storing.store import Store
from sandbox.values import User
from sandbox.world import World

from .conftest import history
from .listening import until


@pytest.fixture(autouse=True)
def said_before(world: World, owner: User, anna: User) -> None:
    history(world, owner, anna, count=3)


async def following(start: Any) -> asyncio.subprocess.Process:
    """The process, once it follows."""
    process = await start("follow")
    async with asyncio.timeout(20):
        line = await process.stderr.readuntil(b"of them new\n")
    assert b"following 1 chat: 3 messages, 3 of them new" in line
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
async def test_it_stores_what_is_said_until_it_is_stopped(
    world: World, owner: User, anna: User, logged_in: Config, store: Store, start: Any, number: int, code: int
) -> None:
    process = await following(start)
    world.say(anna, owner, "canary")
    await until(lambda: len(list(store.messages(anna.id))) == 4)
    process.send_signal(number)
    _, err = await process.communicate()
    assert process.returncode == code
    assert b"Traceback" not in err and b"canary" not in err


async def test_a_revoked_session_is_exit_code_3(world: World, owner: User, logged_in: Config, start: Any) -> None:
    file = logged_in.state.parent / "config.toml"
    file.write_text(file.read_text() + "reconcile_seconds = 0.1\n")
    process = await following(start)
    world.revoke(owner)
    _, err = await process.communicate()
    assert process.returncode == 3
    assert b"fix: run `python -m exporter login`" in err and b"Traceback" not in err


async def test_a_killed_one_leaves_the_account_to_who_asked_it(world: World, logged_in: Config, start: Any) -> None:
    process = await following(start)
    world.fault("messages.getDialogs", delay=60)
    asking = await start("sync")
    await asking.stderr.readuntil(b"asked it to sync")
    process.kill()
    await process.communicate()
    world.faults.clear()
    out, _ = await asking.communicate()
    assert (asking.returncode, out) == (0, b"1 chat, 3 messages, 0 of them new\n")
