"""How long a person takes: to think, to type, to breathe between two messages. Pure: chance is passed in.

All durations are seconds; `pace` multiplies them: 1 is life, 0 is a test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

THINK = (3.0, 12.0)
TYPED_PER_SECOND = (3.0, 6.0)
TYPING = (1.5, 25.0)
GAP = (0.8, 2.5)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message of a burst."""

    text: str
    gap: float
    """Silence before the typing begins."""
    typing: float
    """How long the other side sees that something is being written."""


def think(random: Random, *, pace: float) -> float:
    """From the end of their burst until the first sign of an answer; the model's own time is part of it."""
    return random.uniform(*THINK) * pace


def bubbles(texts: Sequence[str], random: Random, *, pace: float) -> tuple[Bubble, ...]:
    """When each message of a burst is written. No gap stands before the first."""
    return tuple(
        Bubble(text, gap=random.uniform(*GAP) * pace if index else 0.0, typing=_typing(text, random) * pace)
        for index, text in enumerate(texts)
    )


def _typing(text: str, random: Random) -> float:
    shortest, longest = TYPING
    return min(max(len(text) / random.uniform(*TYPED_PER_SECOND), shortest), longest)
