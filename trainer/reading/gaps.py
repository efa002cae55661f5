"""How long a silence ends a conversation: learned from each chat's own silences. Pure.

Silences come in two kinds, pauses within a conversation and those between two, and each kind's logarithms lie around a
middle of their own. So two log-normal distributions are fitted by expectation maximization, and the gap is where a
silence is as likely of the one kind as of the other (Halfaker et al.: User Session Identification Based on Strong
Regularities in Inter-activity Time, WWW 2015, who find it near an hour wherever people are at work).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from trainer.reading.marks import HOUR

SHORTEST, LONGEST = timedelta(minutes=10), timedelta(hours=12)
"""Bounds of what is learned."""
PRIOR = 50
"""Silences after which a chat's own gap weighs as much as an hour does."""
APART = 1.5
"""How many natural logarithms the two middles must lie apart, or there are no two kinds."""

_BIN = 0.25
"""Width of the histogram that is fitted, in natural logarithms of seconds: a chat of any size takes as long."""
_ROUNDS = 200

Numbers = NDArray[np.float64]


def learn_gap(silences: Iterable[float]) -> timedelta:
    """The silence, of those between the messages of one chat (in seconds), that ends a conversation there.

    A chat with few silences, or of one kind, is held to an hour; it comes into its own the more of them there are.
    """
    logs = np.array([log(max(silence, 1.0)) for silence in silences])
    valley = _valley(logs) if len(logs) > 1 else None
    if valley is None:
        return HOUR
    own = len(logs) / (len(logs) + PRIOR)
    seconds = exp(own * valley + (1 - own) * log(HOUR.total_seconds()))
    return min(max(timedelta(seconds=round(seconds)), SHORTEST), LONGEST)


def typical(gaps: Sequence[timedelta]) -> timedelta:
    """The middle one of the gaps, for a chat that nothing is known of; an hour where there are none."""
    return sorted(gaps)[len(gaps) // 2] if gaps else HOUR


def _valley(logs: Numbers) -> float | None:
    """Where the two distributions weigh the same, between their middles; None where there are no two."""
    counts, edges = np.histogram(logs, bins=np.arange(0.0, logs.max() + 2 * _BIN, _BIN))
    kept = counts > 0
    points, weights = (edges[:-1] + _BIN / 2)[kept], counts[kept].astype(float)
    border = log(HOUR.total_seconds())
    share: Numbers = np.where(points < border, 0.95, 0.05)  # of being a pause within: one starts from an hour
    for _ in range(_ROUNDS):
        within, between = _part(points, weights * share), _part(points, weights * (1 - share))
        inside, outside = within.density(points), between.density(points)
        before, share = share, inside / (inside + outside)
        if np.abs(share - before).max() < 1e-4:
            break
    if min(within.weight, between.weight) < 1.0 or between.middle - within.middle < APART:
        return None
    grid = np.linspace(within.middle, between.middle, 400)
    even = np.abs(np.log(within.density(grid)) - np.log(between.density(grid)))
    return float(grid[even.argmin()])


@dataclass(frozen=True, slots=True)
class _Part:
    """One kind of silence: how many there are of it, and the normal distribution of their logarithms."""

    weight: float
    middle: float
    spread: float

    def density(self, points: Numbers) -> Numbers:
        """How many there are near each of these points; never nothing, so that it can be divided by."""
        bell: Numbers = np.exp(-0.5 * ((points - self.middle) / self.spread) ** 2)
        return self.weight / self.spread * bell + 1e-300


def _part(points: Numbers, weights: Numbers) -> _Part:
    """Fitted to weighted points; narrower than two bins is not to be told from one."""
    weight = float(weights.sum()) + 1e-12
    middle = float((weights * points).sum() / weight)
    spread = float(np.sqrt((weights * (points - middle) ** 2).sum() / weight))
    return _Part(weight, middle, max(spread, 2 * _BIN))
