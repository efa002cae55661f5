"""When the bot trains by itself, on a clock of the test's own."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.running.nightly import LATE, every_night, following

LISBON, AT = ZoneInfo("Europe/Lisbon"), time(3, 30)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-07-01T00:00", "2026-07-01T02:30"),  # summer: an hour ahead of UTC
        ("2026-07-01T02:30", "2026-07-02T02:30"),
        ("2026-07-01T23:30", "2026-07-02T02:30"),  # already the next day in Lisbon
        ("2026-12-01T03:29", "2026-12-01T03:30"),
        ("2026-10-25T02:00", "2026-10-25T03:30"),  # the night of 25 hours
        ("2026-03-29T00:00", "2026-03-29T02:30"),  # the night of 23
    ],
)
def test_the_next_night_is_told_by_the_owners_clock(now, due):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert following(moment, AT, LISBON) == datetime.fromisoformat(due).replace(tzinfo=UTC)


class Morning(Exception):
    """Enough was seen."""


@pytest.mark.parametrize(("asleep", "begun"), [(timedelta(0), [1, 2]), (LATE, [1, 2]), (timedelta(hours=7), [2])])
async def test_once_a_night_and_what_a_sleeping_machine_missed_is_not_made_up_for(asleep, begun):
    """In the first night the machine sleeps for so long from 3:30 on."""
    now, began = datetime(2026, 1, 1, 2, tzinfo=UTC), []
    naps = [asleep]

    async def sleep(seconds):
        nonlocal now
        if now.day == 3:
            raise Morning
        now += timedelta(seconds=seconds)
        if now >= datetime(2026, 1, 1, 3, 30, tzinfo=UTC) and naps:
            now += naps.pop()

    with pytest.raises(Morning):
        await every_night(AT, UTC, lambda: began.append(now.day), clock=lambda: now, sleep=sleep)
    assert began == begun
