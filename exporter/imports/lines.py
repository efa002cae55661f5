"""The lines of a WhatsApp export as entries: who, when, what. Pure; what a text means is told by `markers`.

The format is nobody's standard: it differs by system, language and region of the phone. What decides, the file itself
must tell, so it is read twice: `survey` finds the style, `read_entries` reads by it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from exporter.imports.markers import DIRECTIONS, read_text
from exporter.messages import MessageKind

_DATE = r"(\d{1,4})(?P<between>[./-])\s?(\d{1,2})[./-]\s?(\d{1,4})\.?"
_BEFORE = r"(?P<before>上午|下午|오전|오후|午前|午後)?\s?"
_AFTER = r"(?:\s?(?P<after>[AaPp]\.?\s?[Mm]\.?|ص|م|[πμ]\.?μ\.?))?"
_TIME = rf"{_BEFORE}(\d{{1,2}})[:.](\d{{2}})(?:[:.](\d{{2}}))?{_AFTER}"
IOS = re.compile(rf"\[{_DATE}[,،]?\s{_TIME}\]\s?(?P<rest>.*)", re.DOTALL)
"""`[31.12.23, 23:59:58] Anna: …`"""
ANDROID = re.compile(rf"{_DATE}[,،]?\s{_TIME}\s[-–]\s(?P<rest>.*)", re.DOTALL)
"""`12/31/23, 11:59 PM - Anna: …`"""
_AFTERNOON = ("p", "م", "μ", "下午", "오후", "午後")
_SAID = re.compile(r"([^\n]*?):(?: |$)")
_NOT_A_NAME = re.compile(r'["“”„«»\n]|.{81}')
"""Of a line like `Anna changed the subject to “a: b”`, what stands before the colon is no name."""
_FIRST_YEAR, _LAST_YEAR = 2009, 2100
"""WhatsApp is from 2009."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one file writes its lines."""

    header: re.Pattern[str]
    order: str
    """Of day, month and year in dates: `dmy`, `mdy` or `ymd`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody said."""

    said_at: datetime
    """Naive: the local time of the phone, as precise as the file has it."""
    sender: str
    kind: MessageKind
    text: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that begins like a message, and is none."""

    number: int
    why: str


@dataclass(slots=True)
class _Dates:
    """What the dates of all lines of one style say about their order."""

    header: re.Pattern[str]
    lines: int = 0
    forced: Counter[str] = field(default_factory=Counter)
    """Dates that make sense in this order only."""
    backward: Counter[str] = field(default_factory=Counter)
    """Steps back in time, were the order this one."""
    last: dict[str, tuple[int, ...]] = field(default_factory=dict)
    american: bool = False
    """Slashes and a clock of twelve hours."""

    def see(self, match: re.Match[str]) -> None:
        """Count one line's date."""
        self.lines += 1
        first, second, _ = numbers = _numbers(match)
        if first > 31:
            self.forced["ymd"] += 1
        elif (first > 12) != (second > 12):
            self.forced["dmy" if first > 12 else "mdy"] += 1
        self.american = match["between"] == "/" and match["after"] is not None
        for order in ("dmy", "mdy"):
            date = tuple(numbers[order.index(part)] for part in "ymd")
            self.backward[order] += date < self.last.get(order, date)
            self.last[order] = date

    def order(self) -> str:
        """What most numbers force; else what makes time go forward; else what is usual."""
        for order, _ in self.forced.most_common(1):
            return order
        if self.backward["dmy"] != self.backward["mdy"]:
            return min(("dmy", "mdy"), key=self.backward.__getitem__)
        return "mdy" if self.american else "dmy"


def survey(lines: Iterable[str]) -> Style | None:
    """The style of most lines that begin a message; None where there is no such line."""
    seen = [_Dates(IOS), _Dates(ANDROID)]
    for line in lines:
        clean = line.translate(DIRECTIONS)
        for dates in seen:
            if match := dates.header.match(clean):
                dates.see(match)
    most = max(seen, key=lambda dates: dates.lines)
    return Style(most.header, most.order()) if most.lines else None


def read_entries(lines: Iterable[str], style: Style) -> Iterator[Entry | BadLine]:
    """What people said, in the order of the file; lines of WhatsApp's own are left out."""
    begun: tuple[int, re.Match[str], list[str]] | None = None
    for number, line in enumerate(lines, 1):
        if match := style.header.match(line.translate(DIRECTIONS)):
            if begun:
                yield from _entry(*begun, style.order)
            begun = number, match, [line]
        elif begun:
            begun[2].append(line)
    if begun:
        yield from _entry(*begun, style.order)


def _entry(number: int, match: re.Match[str], lines: list[str], order: str) -> Iterator[Entry | BadLine]:
    """At most one: none where WhatsApp itself speaks."""
    said = _SAID.match(match["rest"])
    name = said[1].removeprefix("~").strip() if said else ""  # `~` stands before names that strangers gave themselves
    if not said or not name or _NOT_A_NAME.search(name):
        return
    read = read_text(_from(match.start("rest") + said.end(), "\n".join(lines)))
    if read is None:
        return
    try:
        said_at = _moment(match, order)
    except ValueError:
        yield BadLine(number, "date or time")
        return
    yield Entry(said_at, name, *read)


def _from(position: int, raw: str) -> str:
    """What comes at that position of the line without marks, with the marks: they tell who speaks."""
    for index, character in enumerate(raw):
        if position == 0:
            return raw[index:]
        position -= ord(character) not in DIRECTIONS
    return ""


def _moment(match: re.Match[str], order: str) -> datetime:
    numbers = _numbers(match)
    year, month, day = (numbers[order.index(part)] for part in "ymd")
    year += 2000 if year < 100 else 0
    hour, minute, second = (int(match[place] or 0) for place in (6, 7, 8))
    if half := match["before"] or match["after"]:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of a clock of twelve")
        hour = hour % 12 + (12 if half.lower().startswith(_AFTERNOON) else 0)
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError("no year of WhatsApp's")
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the file does not know its zone


def _numbers(match: re.Match[str]) -> tuple[int, int, int]:
    return int(match[1]), int(match[3]), int(match[4])
