"""Until when a note holds, read out of its own words: "in Lisbon until Friday", "bis 18 Uhr", "на 3 дня". Pure.

It knows the owner's clock and the words in `expiry.toml`, and guesses nothing: what it does not understand holds until
the end of the next day, and whoever keeps the note can say so. `dateparser` was tried instead: it reads 5.12. as twelve
minutes past five, "Freitag 18 Uhr" as the 18th, and nothing in "пятницы".
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path

WORDS = Path(__file__).with_name("expiry.toml")
HELD_ANYWAY = 1
"""Days after this one that a note holds which does not say how long."""

_LISTS = ("until", "for", "between", "next", "today", "tomorrow", "noon", "midnight", "clock")
_ORDERED = ("weekdays", "months", "numbers")
_UNITS = ("minute", "hour", "day", "week", "month")
_MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of all languages together: each by what it says."""

    words: Mapping[str, frozenset[str]]
    """By kind: those that begin such a phrase, say tomorrow, and so on."""
    numbered: Mapping[str, Mapping[str, int]]
    """Weekdays from 0, months and numbers from 1, by their names; units of time by the number in `_UNITS`."""


class Expiry:
    """Reads phrases in the languages that it was given the words of."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._numbered = vocabulary.numbered
        words = {kind: _any(found) for kind, found in {**vocabulary.words, **vocabulary.numbered}.items()}
        between = rf"(?:(?:{words['between']}|[',])\s*)*"
        clock = rf"(?:{words['clock']}|h|[ap]\.?m\b\.?)"
        timed = (
            rf"(?P<noon>{words['noon']})|(?P<midnight>{words['midnight']})"
            r"|(?P<hour>[01]?\d|2[0-4])(?:[:.h](?P<minute>[0-5]\d))?"
            rf"\s?(?P<half>{clock})?(?![\d.:/-]*\d|\w)"
        )
        dated = (
            rf"(?P<iso>20\d\d-\d\d-\d\d)(?!\d)|(?P<tomorrow>{words['tomorrow']})|(?P<today>{words['today']})"
            rf"|(?P<next>(?:{words['next']})\s+)?(?P<weekday>{words['weekdays']})"
            rf"|(?P<day>\d{{1,2}})(?:\s?(?:st|nd|rd|th|er)\b|\.)?\s?(?:{words['between']})?\s*(?P<month>{words['months']})"
            r"\.?(?:\s?,?\s?(?P<year>\d{4}))?"
            rf"|(?P<month_first>{words['months']})\.?\s(?P<day_last>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[:.h]\d)"
            rf"|(?P<number>\d{{1,2}})[./](?P<of>1[0-2]|0?[1-9])(?!\d|\s?{clock})(?:[./](?P<in>20\d\d|\d\d(?!\d)))?\.?"
            r"|(?P<ordinal>\d{1,2})(?:st|nd|rd|th|\.)(?![\d\w])"
        )
        self._until = re.compile(
            rf"(?:{words['until']})\s*{between}"
            rf"(?:(?:{dated})(?:\s*{between}(?:{_renamed(timed)}))?|(?:{timed})(?:\s*{between}(?:{_renamed(dated)}))?)"
        )
        self._lasting = re.compile(
            rf"(?:{words['for']})\s+(?:(?:{words['next']}|{words['between']})\s+)*(?:(?P<count>\d{{1,2}}|{words['numbers']})\s*)?"
            rf"(?P<unit>{words['units']})"
        )
        self._today = re.compile(words["today"])

    def of(self, text: str, *, now: datetime, zone: tzinfo) -> datetime:
        """When what the owner says at `now`, by the clock of his zone, holds no more: in UTC, and later than `now`."""
        plain = _plain(text)
        local = now.astimezone(zone)
        readings = [
            *(self._named(_Found(found), local) for found in self._until.finditer(plain)),
            *(self._lasts(found, local) for found in self._lasting.finditer(plain)),
            *(_after(local.date(), local) for _ in self._today.finditer(plain)),
        ]
        ends = (end.astimezone(UTC) for end in readings if end)
        later = next((end for end in ends if end > now), None)
        return later or _after(local.date() + timedelta(days=HELD_ANYWAY), local).astimezone(UTC)

    def _named(self, found: "_Found", local: datetime) -> datetime | None:
        """The end of the named day, or the hour of it; None where there is no such day, or it is over."""
        try:
            day = self._day(found, local.date())
        except ValueError:
            return None
        if not (found["hour"] or found["noon"] or found["midnight"]):
            return _after(day, local) if day else None
        hours = _hours(found)
        moments = sorted(
            datetime.combine(one, time(0), local.tzinfo) + hour
            for one in ([day] if day else [local.date(), local.date() + timedelta(days=1)])
            for hour in hours
        )
        return next((moment for moment in moments if moment > local), None)

    def _day(self, found: "_Found", today: date) -> date | None:
        """The day that is named, if one is. Raises ValueError where there is no such day."""
        if found["iso"]:
            return date.fromisoformat(found["iso"])
        if found["today"] or found["tomorrow"]:
            return today + timedelta(days=bool(found["tomorrow"]))
        if found["weekday"]:
            ahead = (self._number("weekdays", found["weekday"]) - today.weekday() - 1) % 7 + 1
            in_this_week = ahead <= 6 - today.weekday()
            return today + timedelta(days=ahead + 7 * bool(found["next"] and in_this_week))
        if found["ordinal"]:
            return _next_on(int(found["ordinal"]), today)
        day, month = found["day"] or found["day_last"] or found["number"], found["month"] or found["month_first"]
        if not day:
            return None
        number = self._number("months", month) if month else int(found["of"])
        if year := found["year"] or found["in"]:
            return date(int(year) % 100 + 2000, number, int(day))
        return next(one for one in (date(today.year + years, number, int(day)) for years in (0, 1)) if one >= today)

    def _lasts(self, found: re.Match[str], local: datetime) -> datetime:
        """So long from now; what is told in days ends with a day."""
        count = found["count"] or "1"
        number = int(count) if count.isdecimal() else self._number("numbers", count)
        unit = _UNITS[self._number("units", found["unit"])]
        if unit in ("minute", "hour"):
            return local.astimezone(UTC) + number * timedelta(**{f"{unit}s": 1})
        days = {"day": 1, "week": 7, "month": _MONTH_DAYS}[unit]
        return _after(local.date() + timedelta(days=number * days), local)

    def _number(self, kind: str, word: str) -> int:
        return self._numbered[kind][word]


class _Found:
    """What a phrase names; which of its parts came first does not matter."""

    def __init__(self, found: re.Match[str]) -> None:
        self._groups = found.groupdict()

    def __getitem__(self, name: str) -> str:
        return self._groups[name] or self._groups[f"{name}_"] or ""


def load_expiry(path: Path = WORDS) -> Expiry:
    """The reader of this release."""
    languages = tomllib.loads(path.read_text("utf-8")).values()
    words = {kind: frozenset(word for one in languages for word in _listed(one.get(kind, ""))) for kind in _LISTS}
    numbered = {
        kind: {word: number for one in languages for number, word in _counted(one[kind], first=kind != "weekdays")}
        for kind in _ORDERED
    }
    units = {
        word: number for one in languages for number, unit in enumerate(_UNITS) for word in _listed(one["units"][unit])
    }
    return Expiry(Vocabulary(words, numbered | {"units": units}))


def _hours(found: _Found) -> Sequence[timedelta]:
    """The hour of a day that is meant; both halves of it where a bare number may be of either."""
    if found["noon"] or found["midnight"]:
        return [timedelta(hours=12 if found["noon"] else 24)]
    hour, half = int(found["hour"]), found["half"][:1]
    if half in ("a", "p"):
        return [timedelta(hours=hour % 12 + 12 * (half == "p"), minutes=int(found["minute"] or 0))]
    is_bare = not found["minute"] and not half and hour <= 12
    return [
        timedelta(hours=one, minutes=int(found["minute"] or 0)) for one in ([hour, hour + 12] if is_bare else [hour])
    ]


def _next_on(number: int, today: date) -> date:
    """The next day of a month that has this number. Raises ValueError where months have none."""
    if not 1 <= number <= 31:
        raise ValueError(number)
    return next(day for days in range(62) if (day := today + timedelta(days=days)).day == number)


def _after(day: date, local: datetime) -> datetime:
    """The end of a day."""
    return datetime.combine(day + timedelta(days=1), time(0), local.tzinfo)


def _plain(text: str) -> str:
    """As it is compared: no capitals, no accents, one kind of apostrophe, and single spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'"))
    return " ".join("".join(sign for sign in decomposed if not unicodedata.combining(sign)).split())


def _listed(words: str) -> list[str]:
    return _plain(words).replace("|", " ").split()


def _counted(words: str, *, first: bool) -> Iterable[tuple[int, str]]:
    return ((number, one) for number, same in enumerate(_plain(words).split(), int(first)) for one in same.split("|"))


def _any(words: Iterable[str]) -> str:
    """Any of these words, whole, the longest first."""
    return rf"(?<![^\W\d_])(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})(?!\w)"


def _renamed(pattern: str) -> str:
    """The same for a second place: a group's name may stand once."""
    return re.sub(r"\(\?P<(\w+)>", r"(?P<\1_>", pattern)
