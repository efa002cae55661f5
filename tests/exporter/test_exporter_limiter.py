"""The limiter over a Telegram of our own, on a clock of our own."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest
from telethon.errors import ServerError
from telethon.tl.functions.messages import GetDialogsRequest
from telethon.tl.functions.users import GetUsersRequest
from telethon.tl.types import InputPeerEmpty, InputUserSelf

from exporter.account.limiter import Limiter, method_of
from exporter.errors import ComeBackLater
from exporter.storing.store import Store
from sandbox.accounts import Takeout
from sandbox.values import User
from sandbox.world import World

from ..sandbox_fixtures import ClientOf
from .virtual import NOON, Steady, Virtual

ME = GetUsersRequest([InputUserSelf()])
METHOD = "users.getUsers"


@dataclass
class Asked:
    """A limiter, its time, and what it said."""

    limiter: Limiter
    time: Virtual
    notes: list[str]


@pytest.fixture
def asking(world: World, client_of: ClientOf, owner: User, store: Store):
    """`await asking(per_second)`: a limiter of the owner's account."""

    async def make(per_second: float = 1.0, time: Virtual | None = None, random: Random | None = None) -> Asked:
        time, notes = time or Virtual(), []
        client = await client_of(owner, request_retries=0, raise_last_call_error=True)
        world.calls.clear()
        limiter = Limiter(
            client, store.state, per_second, say=notes.append, clock=time.clock, random=random or Steady()
        )
        return Asked(limiter, time, notes)

    return make


async def test_one_request_a_second_each_method_by_itself(asking) -> None:
    asked = await asking()
    for _ in range(3):
        await asked.limiter(ME)
    await asked.limiter(GetDialogsRequest(None, 0, InputPeerEmpty(), limit=1, hash=0))
    assert asked.time.slept == [1.0, 1.0]
    assert (asked.limiter.requests, asked.limiter.slept, asked.notes) == (4, 2.0, [])


async def test_the_beat_is_not_even(asking) -> None:
    asked = await asking(random=Random(1))  # noqa: S311
    for _ in range(5):
        await asked.limiter(ME)
    assert len(set(asked.time.slept)) == 4
    assert all(1.0 <= wait <= 1.1 for wait in asked.time.slept)


async def test_no_pace_is_no_wait(asking) -> None:
    asked = await asking(0)
    for _ in range(5):
        await asked.limiter(ME)
    assert asked.time.slept == []


async def test_acceptance_05_a_flood_wait_of_7_seconds_is_obeyed_and_said(world: World, asking) -> None:
    asked = await asking()
    world.fault(METHOD, error=(420, "FLOOD_WAIT_7"))
    await asked.limiter(ME)
    assert asked.time.slept == [7.0]
    assert asked.notes == ["sleeping 7 s: Telegram's rate limit"]
    assert [call.method for call in world.calls].count(METHOD) == 2


async def test_a_wait_that_one_limiter_was_asked_for_holds_for_another(world: World, asking) -> None:
    time = Virtual()
    one, other = await asking(time=time), await asking(time=time)
    await other.limiter(ME)
    world.fault(METHOD, error=(420, "FLOOD_WAIT_400"))
    with pytest.raises(ComeBackLater):
        await one.limiter(ME)
    with pytest.raises(ComeBackLater):
        await other.limiter(ME)
    time.seconds += 390
    await other.limiter(ME)
    assert time.slept == [10.0]


async def test_a_flood_wait_for_those_who_do_not_pay_is_one_too(world: World, asking) -> None:
    asked = await asking()
    world.fault(METHOD, error=(420, "FLOOD_PREMIUM_WAIT_3"))
    await asked.limiter(ME)
    assert asked.time.slept == [3.0]


async def test_a_flood_wait_halves_the_rate_and_calm_minutes_bring_it_back(world: World, asking) -> None:
    asked = await asking()
    world.fault(METHOD, error=(420, "FLOOD_WAIT_7"), times=2)
    await asked.limiter(ME)
    asked.time.slept.clear()
    await asked.limiter(ME)
    assert asked.time.slept == [4.0]
    assert asked.notes[-1] == "next request in 4 s: slowed down by Telegram's rate limit"
    asked.time.seconds += 60
    await asked.limiter(ME)
    asked.time.slept.clear()
    await asked.limiter(ME)
    assert asked.time.slept == [round(4 / 1.1, 3)]
    asked.time.seconds += 60 * 60
    await asked.limiter(ME)
    asked.time.slept.clear()
    await asked.limiter(ME)
    assert asked.time.slept == [1.0]


async def test_a_flood_wait_slows_what_had_no_pace(world: World, asking) -> None:
    asked = await asking(0)
    world.fault(METHOD, error=(420, "FLOOD_WAIT_5"))
    await asked.limiter(ME)
    asked.limiter._paces[METHOD].interval = 0.5  # twice a round trip: the virtual clock sees none pass
    await asked.limiter(ME)
    asked.time.slept.clear()
    await asked.limiter(ME)
    assert asked.time.slept == [0.5]


async def test_what_a_takeout_slowed_is_no_quicker_than_others_after_it(world: World, asking) -> None:
    asked = await asking()
    asked.limiter.within(5)
    world.takeouts.append(Takeout(world.owner, {}, id=5))
    world.fault(METHOD, error=(420, "FLOOD_WAIT_7"))
    for _ in range(3):
        await asked.limiter(ME)
    assert asked.time.slept == [7.0]
    asked.limiter.within(None)
    await asked.limiter(ME)
    assert asked.time.slept == [7.0, 1.0]


async def test_acceptance_06_more_than_five_minutes_end_the_run_and_outlive_it(
    world: World, store: Store, asking
) -> None:
    time = Virtual()
    asked = await asking(time=time)
    world.fault(METHOD, error=(420, "FLOOD_WAIT_3600"))
    with pytest.raises(ComeBackLater, match="until 2024-05-01 13:00 UTC"):
        await asked.limiter(ME)
    assert store.state.resting(METHOD) == NOON + timedelta(hours=1)
    world.calls.clear()
    for limiter in (asked.limiter, (await asking(time=time)).limiter):
        with pytest.raises(ComeBackLater, match="until 2024-05-01 13:00 UTC"):
            await limiter(ME)
        with pytest.raises(ComeBackLater):
            limiter.check(METHOD)
    assert METHOD not in [call.method for call in world.calls]
    time.seconds += 3600
    await (await asking(time=time)).limiter(ME)
    assert time.slept == []


async def test_a_restart_sits_through_what_is_left_of_a_short_wait(store: Store, asking) -> None:
    store.state.rest(METHOD, NOON + timedelta(seconds=14))
    asked = await asking()
    await asked.limiter(ME)
    assert asked.time.slept == [14.0]
    assert asked.notes == ["sleeping 14 s: Telegram's rate limit"]


async def test_trouble_of_telegrams_own_is_tried_again_but_not_for_ever(world: World, asking, no_retry_delay) -> None:
    asked = await asking(0)
    world.fault(METHOD, error=(500, "INTERNAL"), times=4)
    await asked.limiter(ME)
    world.fault(METHOD, error=(500, "INTERNAL"), times=5)
    with pytest.raises(ServerError):
        await asked.limiter(ME)


def test_methods_are_named_as_telegram_names_them() -> None:
    assert method_of(ME) == METHOD
