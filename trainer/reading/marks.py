"""Time as a reader of a dialogue is told it: how much later a turn came, and at which hour of the owner's day. Pure.

A mark stands between turns, outside of all that anybody says. It is coarse, so that a model meets each one often.
"""

from datetime import datetime, timedelta, tzinfo

HOUR = timedelta(hours=1)
CLOCK_AFTER = 6 * HOUR
"""Once a silence was as long as this, it is another time of the day, which is told too."""
WIDEST = "11 months later, Wednesday afternoon"
"""No mark takes more tokens."""

_DAY = timedelta(days=1)
_UNITS = (
    (timedelta(days=320), timedelta(days=365.25), "year"),
    (timedelta(days=50), timedelta(days=30.44), "month"),
    (timedelta(days=14), 7 * _DAY, "week"),
    (timedelta(hours=23.5), _DAY, "day"),
    (timedelta(minutes=55), HOUR, "h"),
    (timedelta(0), timedelta(minutes=10), "min"),
)
"""From which length on time is told in which unit."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PARTS = ("night", "morning", "afternoon", "evening")
"""Of the day, six hours each."""


def mark(before: datetime | None, at: datetime, *, quiet: timedelta, zone: tzinfo) -> str:
    """What stands before a turn that begins at `at`, when what was said before it ended at `before`.

    Mostly nothing: only the beginning of a conversation, where `before` is None, and a silence longer than `quiet` are
    worth a word.
    """
    if before is None:
        return clock(at, zone)
    silence = at - before
    if silence <= quiet:
        return ""
    return f"{length(silence)} later" + (f", {clock(at, zone)}" if silence >= CLOCK_AFTER else "")


def clock(at: datetime, zone: tzinfo) -> str:
    """The day of the week and the part of the day, as the owner lives them: `Sunday evening`."""
    local = at.astimezone(zone)
    return f"{_WEEKDAYS[local.weekday()]} {_PARTS[local.hour // 6]}"


def length(time: timedelta) -> str:
    """A length of time in one unit, rounded: `20 min`, `3 h`, `2 days`."""
    unit, name = next((unit, name) for least, unit, name in _UNITS if time >= least)
    count = max(round(time / unit), 1)
    if name == "min":
        return f"{10 * count} min"
    return f"{count} {name}" if name == "h" or count == 1 else f"{count} {name}s"
