"""Figures as one says them, alike in the terminal and in the chart; and what of them is worth saying."""

from calendar import day_abbr, day_name
from collections.abc import Collection, Iterable
from datetime import date

from exporter.messages import Peer, PeerKind
from exporter.stats.figures import Figures, Week
from exporter.stats.vocabulary import words

WEEKDAYS = tuple(day_abbr)


def day(when: date) -> str:
    """3 October 2025."""
    return f"{when.day} {when:%B %Y}"


def period(figures: Figures) -> str:
    """From the first day to the last."""
    first, last = min(figures.days), max(figures.days)
    return day(first) if first == last else f"{day(first)} – {day(last)}"


def duration(seconds: float | None) -> str:
    """45 s, 2 min 5 s, 3 h; a dash where there is none."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 10:
        return " ".join(filter(None, (f"{minutes} min" if minutes else "", f"{rest} s" if rest or not minutes else "")))
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")))


def number(value: float | None) -> str:
    """One digit behind the point; a dash where there is none."""
    return "–" if value is None else f"{value:,.1f}"


def peak(week: Week) -> str:
    """The busiest hour of a week: Sunday at 19:00."""
    _, weekday, hour = max(
        (count, -weekday, -hour) for weekday, row in enumerate(week) for hour, count in enumerate(row)
    )
    return f"{day_name[-weekday]} at {-hour}:00"


def names_of(peers: Iterable[Peer]) -> Collection[str]:
    """The words of people's names, which say more about whom one talks of than about how one talks."""
    people = (PeerKind.USER, PeerKind.BOT, PeerKind.SELF)
    return frozenset(word for peer in peers if peer.kind in people for word in words(peer.name))
