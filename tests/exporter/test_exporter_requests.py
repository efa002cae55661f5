"""One process has the account; a second one asks it to sync, sees how far it is, and gets what becomes of it."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from exporter.account.connection import AccountInUse, connect
from exporter.following.asking import ask_to_sync
from exporter.following.live import Live
from exporter.following.requests import Problem, Requests, RequestState, Wish
from exporter.progress import Step
from exporter.pulling.plan import Options
from exporter.pulling.sync import SyncResult
from exporter.settings.config import Config, Sync
from exporter.storing.store import Store, open_store
from sandbox.server import Sandbox
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import EVERYBODY_AGREES

from .conftest import Command, history
from .listening import Listener, following, until

EVERYBODY = Wish(Sync(kinds=frozenset({"private"}), requests_per_second=0), Options(), EVERYBODY_AGREES)
HELD = AccountInUse("process 1234 (python -m bot run)")
NEVER = 3600.0


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides look often."""
    for module in ("answering", "asking"):
        monkeypatch.setattr(f"exporter.following.{module}.POLL", 0.02)


@pytest_asyncio.fixture
async def live(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, listener: Listener
) -> AsyncIterator[Live]:
    """Keeps Anna current; Boris was never synced. Nothing that gets lost is looked for."""
    history(world, owner, anna, count=3)
    history(world, owner, boris, count=250)
    async with following(logged_in, store, listener, chats=("Anna",), reconcile_seconds=NEVER) as live:
        await until(lambda: live.reconciler.looked_at)
        yield live


async def ask(config: Config, steps: list[Step] | None = None, wish: Wish = EVERYBODY) -> SyncResult | None:
    """As a second process does, here in a thread."""

    def asking() -> SyncResult | None:
        with open_store(config.database) as store:
            report = steps.append if steps is not None else lambda step: None
            return ask_to_sync(config, store, wish, HELD, report=report, say=lambda line: None)

    return await asyncio.to_thread(asking)


@pytest.mark.usefixtures("live")
async def test_a_second_process_gets_the_sync_that_it_asked_for(
    boris: User, sandbox: Sandbox, logged_in: Config, store: Store, command: Command, listener: Listener
) -> None:
    ended = await command("sync", "--json")
    assert ended.code == 0
    result = json.loads(ended.out)
    assert (result["chats"], result["messages"], result["new"]) == (2, 253, 250)
    assert "in use by process" in ended.err and "asked it to sync" in ended.err
    assert "chats: 2/2" in ended.err, "it sees how far it is"
    assert len(list(store.messages(boris.id))) == 250
    assert listener.told == [], "history is no news"
    assert len(sandbox.mtproto._connections) == 1, "nobody else opened the session"
    assert store.database.execute("select count(*) from sync_request").fetchone() == (0,)


@pytest.mark.usefixtures("live")
async def test_options_come_along(world: World, anna: User, boris: User, logged_in: Config, store: Store) -> None:
    wish = Wish(EVERYBODY.choice, Options(chats=("Boris",), limit=100), EVERYBODY_AGREES)
    result = await ask(logged_in, wish=wish)
    assert (result.chats, result.new) == (1, 100)


@pytest.mark.usefixtures("live")
async def test_a_problem_of_the_other_process_is_the_askers_own(world: World, logged_in: Config) -> None:
    world.fault("messages.getDialogs", error=(420, "FLOOD_WAIT_3600"))
    with pytest.raises(Exception, match="asks to wait until") as ended:
        await ask(logged_in)
    assert ended.value.exit_code == 4


async def test_what_only_such_a_sync_finds_is_told_too(
    world: World, owner: User, anna: User, logged_in: Config, live: Live, listener: Listener
) -> None:
    world.say(anna, owner, "pushed")
    await listener.hears(("pushed", True))
    world.faults.silent_stream = True
    for text in ("lost", "lost too"):
        world.say(anna, owner, text)
    await ask(logged_in)
    await listener.hears(("pushed", True), ("lost", True), ("lost too", True))


@pytest.mark.usefixtures("live")
async def test_ctrl_c_withdraws_the_request_and_the_sync_ends(
    world: World, owner: User, boris: User, store: Store, start: Any, listener: Listener, anna: User
) -> None:
    world.fault("messages.getHistory", delay=60, after=1)
    process = await start("sync")
    await process.stderr.readuntil(b"asked it to sync")
    await until(lambda: len(list(store.messages(boris.id))) == 100)
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
    await until(lambda: store.database.execute("select count(*) from sync_request").fetchone() == (0,))
    world.say(anna, owner, "the follower goes on")
    await listener.hears(("the follower goes on", True))
    assert len(list(store.messages(boris.id))) == 100


@pytest.mark.usefixtures("live")
async def test_two_can_ask_at_once(logged_in: Config) -> None:
    results = await asyncio.gather(ask(logged_in), ask(logged_in))
    assert sorted(result.new for result in results) == [0, 250]


async def test_who_does_not_answer_is_left_alone(
    logged_in: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.following.asking.TAKEN_WITHIN", 0.05)
    async with connect(logged_in):
        with pytest.raises(AccountInUse, match="1234"):
            await ask(logged_in)
    assert Requests(store.database).take() is None


async def test_where_the_other_process_ends_the_asker_is_free_to_go_on(logged_in: Config, store: Store) -> None:
    async with connect(logged_in):
        asking = asyncio.create_task(ask(logged_in))
        requests = Requests(store.database)
        await until(requests.take)
    assert await asking is None


def test_a_request_and_its_outcomes_are_read_as_they_were_written(store: Store) -> None:
    requests = Requests(store.database)
    first, second = (requests.ask(EVERYBODY) for _ in range(2))
    assert requests.take().request_id == first
    requests.tell(first, Step("Anna", 1, 2, "sleeping"))
    assert requests.get(first).step == Step("Anna", 1, 2, "sleeping")
    assert requests.any_taken()
    requests.end(first, Problem("p", "f", 4))
    assert (requests.get(first).state, requests.get(first).outcome) == (RequestState.ENDED, Problem("p", "f", 4))
    assert not requests.any_taken()
    result = SyncResult(1, 2, 3, 4, 5, 0.5, 7, 0.1, ("a warning",))
    requests.end(second, result)
    assert requests.get(second).outcome == result
    requests.withdraw(second)
    assert requests.get(second) is None and requests.take() is None
