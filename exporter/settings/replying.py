"""The configuration's section on when the double speaks, and for whom."""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from exporter.settings.section import Contact, Section


def _hours(told: object) -> object:
    """Two times of day out of `23:00-08:00`; None out of nothing."""
    if not isinstance(told, str):
        return told
    if not told.strip():
        return None
    try:
        begin, end = (time.fromisoformat(part.strip()) for part in told.split("-"))
    except ValueError:
        raise ValueError('no hours; an example is "23:00-08:00", and "" is none') from None
    return begin, end


Hours = tuple[time, time]
"""From when until when, on the owner's clock; perhaps across midnight."""


Topic = Literal[
    "identity", "code", "money", "health", "grief", "conflict", "promise", "place", "time", "number", "link", "unseen",
    "language",
]  # fmt: skip
"""What `bot.deciding.guard` finds in words, theirs or the double's."""


Disclosure = Literal["none", "once", "mark"]
"""Whether a contact is told that a program answers: never, before its first answer, or at the end of every message."""


class Limits(Section):
    """What keeps an automatic answer back: where one of these speaks against it, the owner gets a draft."""

    away_minutes: float = Field(default=30.0, ge=0)
    """So long after his own words in a chat, the double keeps away from it."""
    present_minutes: float = Field(default=2.0, ge=0)
    """So long after he read there, began to write there, or was online, nothing is sent automatically."""
    quiet_hours: Annotated[Hours | None, BeforeValidator(_hours)] = (time(23), time(8))
    """When nothing is sent automatically."""
    contact_per_hour: int = Field(default=20, ge=0)
    """Messages to one chat, and below, to all together; what the owner chose counts, too."""
    contact_per_day: int = Field(default=40, ge=0)
    per_hour: int = Field(default=60, ge=0)
    per_day: int = Field(default=200, ge=0)
    likelihood: float = Field(default=0.1, ge=0, le=1)
    """The least that the model must find its own words likely, token by token in the geometric mean."""
    topics: frozenset[Topic] = frozenset(get_args(Topic))
    """Of which nothing is said automatically; `language` is any that the guard does not know."""
    in_a_row: int = Field(default=6, ge=1)
    """Automatic answers in a chat until the owner says or chooses something there himself."""


class Reply(Section):
    """For whom the double speaks, and how. Who is in no list and no folder is left alone."""

    draft: tuple[Contact, ...] = ()
    auto: tuple[Contact, ...] = ()
    off: tuple[Contact, ...] = ()
    """Left alone, whatever folder they lie in."""
    draft_folder: str | None = None
    """Title of one of the owner's folders: whom he puts there one by one is drafted for."""
    auto_folder: str | None = None
    limits: Limits = Limits()
    disclosure: Disclosure = "once"
    """Of automatic messages; what the owner chose is his own."""
    disclosures: Mapping[str, Disclosure] = {}
    """The same for some contacts alone."""
    notice: Annotated[str, Field(min_length=1, max_length=400)] = "My double answers here: a program with my words."
    """What is told once, in the owner's words."""
    proposals: int = Field(default=3, ge=1, le=9)
    temperature: float = Field(default=0.8, gt=0, le=2)
    settle_seconds: float | None = Field(default=None, ge=0)
    """How long a contact must be quiet before their burst counts as over; None: learned from their own pauses."""
    pace: float = Field(default=1.0, ge=0)
    """All human delays are multiplied by this; 1 is life, 0 is a test."""
