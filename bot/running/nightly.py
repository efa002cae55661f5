"""When the bot trains by itself: every night, at an hour of the owner's. What it misses while off stays missed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta, tzinfo

LOOK = 30.0
"""Seconds between two looks at the clock: a machine that slept wakes up at another time."""
LATE = timedelta(minutes=10)
"""So long after its hour a training may still begin."""


def following(now: datetime, at: time, zone: tzinfo) -> datetime:
    """The next moment at which clocks in the owner's zone show `at`, once a day."""
    today = now.astimezone(zone).date()
    days = (datetime.combine(today + timedelta(days=ahead), at, zone).astimezone(UTC) for ahead in range(3))
    return next(moment for moment in days if moment > now)


async def every_night(
    at: time,
    zone: tzinfo,
    begin: Callable[[], object],
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Call `begin` whenever it is that time, for ever."""
    while True:
        due = following(clock(), at, zone)
        while (left := (due - clock()).total_seconds()) > 0:
            await sleep(min(left, LOOK))
        if clock() - due <= LATE:
            begin()
