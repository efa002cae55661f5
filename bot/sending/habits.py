"""How fast the owner writes in one chat: learned from when his messages there arrived, and kept as deciles. Pure.

A message that follows one of his own took him a pause and its typing, so how much longer the longer ones took tells how
fast he types: the median slope of all pairs (Theil 1950, Sen 1968), which a few odd ones do not move. What is left is
the pause. Telegram's times are whole seconds. Of a chat with few messages, what is usual has the say.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise
from random import Random
from statistics import median, quantiles

from exporter.messages import Message, MessageKind
from exporter.storing import ghostwritten

Deciles = tuple[float, ...]
"""Nine numbers that cut what was seen into tenths, the lowest first."""

SLOWEST_ANSWER = 480.0
"""Seconds. What took longer is no answer that a double could give: after ten minutes it gives none by itself."""
LONGEST_PAUSE = 60.0
"""Seconds within a burst; after more he did something else."""
PAIRED = 150
"""Follow-ups, the newest, that are compared with each other."""
APART = 8
"""Characters by which two must differ in length to tell anything."""
SPEEDS = (2.0, 12.0)
"""Characters per second that a person types, with few exceptions on either side."""
PRIOR = 2
"""How many times what is usual counts, nine numbers each time."""


@dataclass(frozen=True, slots=True)
class Habits:
    """The owner's, in one chat."""

    delay: Deciles
    """Seconds from their last word until his first message arrives."""
    gap: Deciles
    """Seconds of silence between two messages of a burst, before he types the second."""
    speed: float
    """Characters that he types in a second."""


USUAL = Habits(
    delay=(6.0, 9.0, 12.0, 16.0, 22.0, 30.0, 45.0, 75.0, 150.0),
    gap=(0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.5),
    speed=4.5,
)
"""Of somebody who has his phone at hand: typing at 3 to 6 characters a second, 0.8 to 2.5 seconds between messages."""


def learn(messages: Iterable[Message], foreign: Collection[ghostwritten.Key] = ()) -> Habits:
    """The habits that a chat shows, oldest message first; `foreign` are those whose words are a model's."""
    delays: list[float] = []
    follow_ups: list[tuple[float, int]] = []
    for before, message in pairwise(message for message in messages if message.said):
        if not _typed(message, foreign):
            continue
        seconds = (message.sent_at - before.sent_at).total_seconds()
        if not before.outgoing and seconds <= SLOWEST_ANSWER:
            delays.append(seconds)
        elif _typed(before, foreign) and seconds <= LONGEST_PAUSE:
            follow_ups.append((seconds, len(message.text)))
    speed = _speed(follow_ups[-PAIRED:])
    gaps = [max(seconds - length / speed, 0.0) for seconds, length in follow_ups]
    return Habits(_deciles(delays, USUAL.delay), _deciles(gaps, USUAL.gap), speed)


def draw(deciles: Deciles, random: Random) -> float:
    """A number as likely as those that were seen, from the first of the nine to the last."""
    at, part = divmod(random.random() * (len(deciles) - 1), 1)
    low, high = deciles[int(at)], deciles[int(at) + 1]
    return low + part * (high - low)


def _typed(message: Message, foreign: Collection[ghostwritten.Key]) -> bool:
    """Whether the owner's own fingers wrote it."""
    return (
        message.outgoing
        and message.kind is MessageKind.TEXT
        and not message.forwarded
        and not message.via_bot
        and (message.chat_id, message.message_id) not in foreign
    )


def _speed(follow_ups: list[tuple[float, int]]) -> float:
    pairs = combinations(follow_ups, 2)
    slopes = [(long[0] - short[0]) / (long[1] - short[1]) for short, long in pairs if abs(long[1] - short[1]) >= APART]
    if not slopes:
        return USUAL.speed
    slowest, fastest = SPEEDS
    own = 1 / min(max(median(slopes), 1 / fastest), 1 / slowest)
    weight = len(follow_ups) / (len(follow_ups) + PRIOR * len(USUAL.gap))
    return float(own**weight * USUAL.speed ** (1 - weight))


def _deciles(seen: list[float], usual: Deciles) -> Deciles:
    return tuple(quantiles([*seen, *usual * PRIOR], n=10))
