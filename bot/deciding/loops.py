"""Whether the double talks with a person, or in circles with another machine. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher
from itertools import groupby, pairwise, takewhile

from exporter.messages import Message

MARK = "🤖"
"""What an automatic message ends with where the owner wants it known; so does that of another's double."""
AT_ONCE = timedelta(seconds=2)
"""A person does not answer faster than this again and again."""
NEARLY = 0.9
"""From this ratio of `difflib.SequenceMatcher` on, two texts count as the same."""
LONG = 20
"""Characters: a text as long as that is said twice by an answering machine, not by a person."""

Exchange = tuple[str, str]
"""What they said, and what the double answered."""


@dataclass(frozen=True, slots=True)
class Run:
    """Automatic answers of one chat, since the owner last had a hand in it."""

    answers: int = 0
    quick: int = 0
    """How many of them were answered in turn within `AT_ONCE`."""
    alike: int = 0
    """How many of them, with what they answer, are nearly the same as another."""
    marked: bool = False
    """What is to be answered now bears the mark of a double."""


def run_of(messages: Sequence[Message], automatic: Collection[int]) -> Run:
    """The run that ends with the newest of a chat's messages, oldest first, which is theirs and is to be answered.

    `automatic` are the ids of what the double sent by itself.
    """
    since = takewhile(lambda one: not one.outgoing or one.message_id in automatic, reversed(messages))
    turns = [list(turn) for _, turn in groupby(reversed(list(since)), key=lambda one: one.outgoing)]
    own = [turn for turn in turns if turn[0].outgoing]
    return Run(
        answers=len(own),
        quick=sum(then[0].sent_at - turn[-1].sent_at <= AT_ONCE for turn, then in pairwise(turns) if turn[0].outgoing),
        alike=_alike(list(_exchanges(turns))),
        marked=bool(turns) and any(one.text.rstrip().endswith(MARK) for one in turns[-1]),
    )


def _exchanges(turns: Sequence[Sequence[Message]]) -> Iterator[Exchange]:
    for theirs, own in pairwise(turns):
        if own[0].outgoing:
            yield _text(theirs), _text(own)


def _text(turn: Sequence[Message]) -> str:
    return "\n".join(one.text for one in turn).casefold()[:500]


def _alike(exchanges: Sequence[Exchange]) -> int:
    return sum(
        any(_same(one, other) for place, other in enumerate(exchanges) if place != at)
        for at, one in enumerate(exchanges)
    )


def _same(one: Exchange, other: Exchange) -> bool:
    return _nearly(one[0], other[0]) and (len(one[0]) >= LONG or _nearly(one[1], other[1]))


def _nearly(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= NEARLY
