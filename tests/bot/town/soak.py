"""A soak, from its beginning to its end: a town, a double that is killed again and again, bad weather, a referee."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.deciding.loops import MARK
from bot.tables import migrations
from exporter.account.connection import connect
from exporter.pulling.sync import sync
from exporter.rights.consent import Ledger
from exporter.settings.config import Config, load
from exporter.storing.store import open_store
from sandbox.server import Sandbox
from tests.bot.bigram import write_artifact
from tests.bot.conftest import log_in
from tests.bot.seeded import seeded
from tests.bot.town.aftermath import broken, unsettled, words_in
from tests.bot.town.lives import Life, Lives
from tests.bot.town.people import Contacts, Owner, utc_now
from tests.bot.town.referee import Bounds, Referee
from tests.bot.town.town import Kind, Town
from tests.bot.town.truth import Truth
from tests.bot.town.weather import Weather
from tests.sandbox_fixtures import account_settings

NOTICE = "My double answers here."
LIMITS = {"away_minutes": 0.1, "present_minutes": 0.02, "contact_per_hour": 12, "contact_per_day": 12, "in_a_row": 4}
PACE = 0.01
SETTLED_WITHIN = 300.0
"""Seconds after the storm; a desk tries again after 30 what Telegram did not want."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard, and how long."""

    contacts: int
    messages: int
    seconds: float
    """From the first message to the last."""
    killing: float
    """The share of the messages during which processes are killed; the last one lives on to the end."""
    life: float
    """The mean time until one is."""
    faults: float
    """The mean time between two faults."""
    owner: float
    """The mean time between two things that the owner does."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    complaints: list[str]
    figures: dict[str, Any] = field(default_factory=dict)
    last: Life | None = None


async def soak(sandbox: Sandbox, folder: Path, plan: Plan, seed: int) -> Outcome:
    """Run one; the complaints are everything that was wrong."""
    town = Town(sandbox.world, seeded(seed), plan.contacts)
    config = await _prepare(sandbox, town, folder, plan)
    truth = Truth(town)
    truth.listen()
    sandbox.world.calls.clear()
    lives = Lives(folder / "config.toml", truth, seeded(seed + 1))
    weather = Weather(sandbox, seeded(seed + 2))
    contacts = Contacts(town, truth, seeded(seed + 3))
    with open_store(config.database, migrations) as store:
        owner = Owner(town, truth, seeded(seed + 4), store, config)
        writing = asyncio.create_task(_write(contacts, lives, plan))
        with _going_on(weather.run(plan.faults, lives.ready)), _going_on(owner.run(plan.owner)):
            chance = seeded(seed + 5)
            while contacts.said < plan.messages * plan.killing:
                await lives.until_killed(chance.expovariate(1 / plan.life))
        async with lives.to_the_end() as last:
            with _going_on(weather.run(plan.faults, lives.ready)), _going_on(owner.run(plan.owner)):
                await writing
            owner.settle()
            weather.clear()
            left = await _settle(truth, store)
        complaints = [*left, *broken(store, config)]
    referee = Referee(truth, sandbox.world.calls, _bounds(plan))
    complaints += referee.complaints()
    complaints += [line for life in lives.ended for line in words_in(town, life.log)]
    figures = {
        "seed": seed, "messages": contacts.said, **contacts.did, **owner.did, "kills": len(lives.ended) - 1,
        "faults": weather.met.total(), "sent": len(referee.sent), "by itself": len(referee.automatic),
        "calls": len(sandbox.world.calls), "ready after": [round(life.ready_after, 1) for life in lives.ended],
    }  # fmt: skip
    (folder / "complaints.txt").write_text("\n".join(complaints), "utf-8")
    return Outcome(complaints, figures, last)


def _bounds(plan: Plan) -> Bounds:
    return Bounds(
        LIMITS["away_minutes"] * 60,
        LIMITS["contact_per_hour"],
        plan.messages // 20,
        LIMITS["in_a_row"],
        f"{NOTICE} {MARK}",
    )


@contextmanager
def _going_on(work: Any) -> Iterator[None]:
    """Beside the block, until its end."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()


async def _write(contacts: Contacts, lives: Lives, plan: Plan) -> None:
    """Contacts write from when the first process is ready."""
    await lives.begun.wait()
    await contacts.run(plan.messages, plan.seconds)


async def _settle(truth: Truth, store: Any) -> list[str]:
    """Wait until nothing is left to do; what is left where that lasts too long."""
    deadline = time.monotonic() + SETTLED_WITHIN
    while (left := list(unsettled(truth, store))) and time.monotonic() < deadline:  # noqa: ASYNC110 - it lies in another process
        await asyncio.sleep(0.5)
    return left


async def _prepare(sandbox: Sandbox, town: Town, folder: Path, plan: Plan) -> Config:
    """Logged in and synced; somebody never agreed."""
    limits = {**LIMITS, "quiet_hours": '""', "likelihood": 0, "topics": "[]"}
    limits |= {"per_hour": plan.messages // 20, "per_day": plan.messages // 20}
    file = folder / "config.toml"
    file.write_text(
        f"""{account_settings(sandbox, folder / "state")}
[sync]
kinds = ["private", "group"]
requests_per_second = 0
reconcile_seconds = 2
[reply]
draft = {town.listed(Kind.DRAFT, Kind.DRAFT_GROUP)}
auto = {town.listed(Kind.AUTO, Kind.AUTO_GROUP, Kind.SILENT)}
off = {town.listed(Kind.OFF)}
pace = {PACE}
settle_seconds = {0.3 / PACE}
disclosure = "once"
notice = "{NOTICE}"
limits = {{ {", ".join(f"{key} = {value}" for key, value in limits.items())} }}
""",
        "utf-8",
    )
    config = load(file, environ={})
    log_in(sandbox, config, town.world.owner)
    write_artifact(config.models, [("yes",)], owner=town.world.owner.name)
    with open_store(config.database, migrations) as store:
        ledger = Ledger(store.database, config.consent)
        async with connect(config) as client:
            await sync(client, store, config.sync, ledger)
        for contact in town.of(Kind.SILENT):
            ledger.revoke(store.peers()[contact.chat_id], ["store", "reply"], utc_now())
    return config
