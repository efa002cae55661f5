"""What a reader is told of time."""

from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from trainer.reading import marks
from trainer.reading.marks import HOUR, WIDEST, clock, length, mark

SUNDAY = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)


def test_the_clock_is_the_owners():
    assert clock(SUNDAY, UTC) == "Sunday evening"
    assert clock(SUNDAY, ZoneInfo("Asia/Tokyo")) == "Monday morning"
    assert clock(SUNDAY, ZoneInfo("Asia/Karachi")) == "Monday night"


@pytest.mark.parametrize(
    ("time", "told"),
    [
        (timedelta(minutes=11), "10 min"),
        (timedelta(minutes=38), "40 min"),
        (timedelta(minutes=58), "1 h"),
        (timedelta(hours=3, minutes=20), "3 h"),
        (timedelta(hours=23, minutes=40), "1 day"),
        (timedelta(days=2, hours=3), "2 days"),
        (timedelta(days=20), "3 weeks"),
        (timedelta(days=90), "3 months"),
        (timedelta(days=800), "2 years"),
    ],
)
def test_lengths_of_time_are_told_in_one_unit(time, told):
    assert length(time) == told


def test_only_beginnings_and_long_silences_are_marked():
    def after(silence):
        return mark(SUNDAY, SUNDAY + silence, quiet=HOUR, zone=UTC)

    assert mark(None, SUNDAY, quiet=HOUR, zone=UTC) == "Sunday evening"
    assert (after(timedelta(0)), after(HOUR)) == ("", "")
    assert after(3 * HOUR) == "3 h later"
    assert after(10 * HOUR) == "10 h later, Monday morning"
    assert after(timedelta(days=2)) == "2 days later, Tuesday evening"


def test_no_mark_is_wider_than_the_room_that_is_kept_for_it(tokenizer):
    lengths = {length(timedelta(minutes=minutes)) for minutes in range(10, 60 * 24 * 365, 600)}
    lengths |= {length(timedelta(minutes=minutes)) for minutes in range(10, 60 * 24, 10)}
    clocks = [f"{day} {part}" for day, part in product(marks._WEEKDAYS, marks._PARTS)]
    widest = max(len(tokenizer.text(f"{time} later, ")) for time in lengths)
    assert widest + max(len(tokenizer.text(one)) for one in clocks) <= len(tokenizer.text(WIDEST)) + 1
