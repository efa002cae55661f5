"""Until when a note of the owner's holds, as he writes it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.composing.expiry import load_expiry

EXPIRY = load_expiry()
ZONE = ZoneInfo("Europe/Berlin")
PIECES = ("until", "bis", "до", "for", "3", "31", ".", "Feb", "29", "18", ":", "00", "Uhr", "pm", "next", "Friday")
NOW = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)  # a Saturday, 17:30 in Berlin


def read(text, now=NOW, zone=ZONE):
    return f"{EXPIRY.of(text, now=now, zone=zone).astimezone(zone):%d.%m.%Y %H:%M}"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("in Lisbon until Friday", "28.11.2026 00:00"),
        ("no calls until 18:00", "21.11.2026 18:00"),
        ("till 6", "21.11.2026 18:00"),
        ("until 6am", "22.11.2026 06:00"),
        ("UNTIL 6 pm on Friday, then home", "27.11.2026 18:00"),
        ("Friday is free, but busy till Thursday 12:30", "26.11.2026 12:30"),
        ("away for 3 days", "25.11.2026 00:00"),
        ("for the next 2 hours", "21.11.2026 19:30"),
        ("away for a week", "29.11.2026 00:00"),
        ("till 5 Dec", "06.12.2026 00:00"),
        ("until December 5th", "06.12.2026 00:00"),
        ("until the 5th", "06.12.2026 00:00"),
        ("till 1 Nov", "02.11.2027 00:00"),
        ("until 2027-01-02", "03.01.2027 00:00"),
        ("until next Monday", "24.11.2026 00:00"),
        ("until Saturday", "29.11.2026 00:00"),
        ("until tomorrow noon", "22.11.2026 12:00"),
        ("at the doctor's today", "22.11.2026 00:00"),
        ("bis Freitag 18 Uhr", "27.11.2026 18:00"),
        ("bis 5.12.", "06.12.2026 00:00"),
        ("bis 18.30", "21.11.2026 18:30"),
        ("bis 8.10 Uhr", "22.11.2026 08:10"),
        ("für drei Tage weg", "25.11.2026 00:00"),
        ("à Lisbonne jusqu\N{RIGHT SINGLE QUOTATION MARK}au 5 décembre", "06.12.2026 00:00"),
        ("jusqu'à 18h30", "21.11.2026 18:30"),
        ("pour 3 jours", "25.11.2026 00:00"),
        ("в Лиссабоне до пятницы", "28.11.2026 00:00"),
        ("до 5 декабря", "06.12.2026 00:00"),
        ("на неделю", "29.11.2026 00:00"),
        ("en Lisboa hasta el miércoles", "26.11.2026 00:00"),
        ("hasta las 18:00", "21.11.2026 18:00"),
        ("hasta mañana", "23.11.2026 00:00"),
    ],
)
def test_the_moment_that_is_named(text, end):
    assert read(text) == end


@pytest.mark.parametrize(
    "text", ["I like cake", "until I am back", "until 99:99", "until 31 Feb", "until 3 Oct 2026", ""]
)
def test_what_names_none_or_one_that_is_over_holds_until_the_end_of_tomorrow(text):
    assert read(text) == "23.11.2026 00:00"


def test_days_are_those_of_the_owners_clock():
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert read("until tomorrow", now=late) == "24.11.2026 00:00"
    assert EXPIRY.of("today", now=late, zone=ZONE) == datetime(2026, 11, 22, 23, tzinfo=UTC)
    before_clocks_change = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert EXPIRY.of("for 1 day", now=before_clocks_change, zone=ZONE) == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert EXPIRY.of("for 24 h", now=before_clocks_change, zone=ZONE) == before_clocks_change + timedelta(hours=24)


@settings(max_examples=40)
@given(
    st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join),
    st.integers(0, 30_000).map(lambda days: NOW + timedelta(days=days / 2)),
)
def test_whatever_is_written_it_ends_and_later_than_now(text, now):
    assert now < EXPIRY.of(text, now=now, zone=ZONE) < now + timedelta(days=366 * 100)
