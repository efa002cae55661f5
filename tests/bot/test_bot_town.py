"""A whole town writes to a double that is killed and started again, over a bad network: nothing is sent twice, nothing
that policy forbids, nobody is forgotten, and nothing grows.

`SOAK_SEED` repeats a run, as far as the machine allows; `SOAK_MINUTES` makes the long one shorter.
"""

import json
import os
import secrets
import sys

import pytest

from sandbox.world import World
from tests.bot.town.aftermath import growth
from tests.bot.town.soak import Plan, soak

SEED = int(os.environ.get("SOAK_SEED", secrets.randbelow(10**6)))
MINUTES = float(os.environ.get("SOAK_MINUTES", 10))
MAY_GROW = {"rss_mb": 20, "files": 4, "tasks": 50}
"""From the third minute of a life to its end. What is kept in mind, of chats and of prompts, has reached its bound by
then. Files and tasks are as many as before, but for what is just under way."""


@pytest.fixture
def world():
    world = World()
    world.own(world.person("Olive", username="olive"))
    return world


@pytest.fixture
def tell(record_property, capsys):
    """Show what a soak found, whether it went well or not."""

    def show(figures):
        record_property("figures", json.dumps(figures))
        with capsys.disabled():
            sys.stdout.write(f"\n{json.dumps(figures)}\n")

    return show


@pytest.mark.timeout(600)
async def test_twelve_contacts_and_a_kill(sandbox, tmp_path, tell):
    plan = Plan(contacts=12, messages=200, seconds=5, killing=0.3, life=2, faults=0.5, owner=2)
    outcome = await soak(sandbox, tmp_path, plan, SEED)
    tell(outcome.figures)
    assert not outcome.complaints


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_two_hundred_contacts_and_twenty_thousand_messages(sandbox, tmp_path, tell):
    plan = Plan(
        contacts=200, messages=round(2_000 * MINUTES), seconds=60 * MINUTES, killing=0.5, life=2.5 * MINUTES,
        faults=2, owner=0.5,
    )  # fmt: skip
    outcome = await soak(sandbox, tmp_path, plan, SEED)
    samples = outcome.last.samples()
    grown = growth(samples, since=min(120, len(samples) // 3))
    tell(outcome.figures | grown)
    assert not outcome.complaints
    assert outcome.figures["sent"] > plan.contacts
    assert all(late <= early + MAY_GROW[what] for what, (early, late) in grown.items())
