"""How long a person takes: to answer, to type, to breathe between two messages. Pure: chance is passed in.

All durations are seconds; `pace` multiplies them: 1 is life, 0 is a test. They are drawn from the owner's habits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from bot.sending.habits import Habits, draw

SHORTEST_DELAY = 3.0
"""Nobody reads and answers faster."""
UNEVEN = (0.8, 1.25)
"""By how much one message is typed faster or slower than another."""
TYPING = (1.0, 25.0)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message of a burst."""

    text: str
    gap: float
    """Silence before the typing begins."""
    typing: float
    """How long the other side sees that something is being written."""


def delay(habits: Habits, random: Random, *, pace: float) -> float:
    """From their last word until the first message arrives: thinking, reading and typing, the model's work too."""
    return max(draw(habits.delay, random), SHORTEST_DELAY) * pace


def bubbles(texts: Sequence[str], habits: Habits, random: Random, *, pace: float) -> tuple[Bubble, ...]:
    """When each message of a burst is written. No gap stands before the first."""
    return tuple(
        Bubble(text, gap=draw(habits.gap, random) * pace if index else 0.0, typing=_typing(text, habits, random) * pace)
        for index, text in enumerate(texts)
    )


def lasts(burst: Sequence[Bubble]) -> float:
    """From its first typing to its last message."""
    return sum(bubble.gap + bubble.typing for bubble in burst)


def _typing(text: str, habits: Habits, random: Random) -> float:
    shortest, longest = TYPING
    return min(max(len(text) / (habits.speed * random.uniform(*UNEVEN)), shortest), longest)
