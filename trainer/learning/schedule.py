"""How far a training has come, and how fast it learns there: a learning rate that comes to rest in time.

It knows steps and seconds, and nothing of models.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

WARMUP = 5
"""Steps in which the learning rate rises."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was done so far, over all processes that worked on it."""

    seconds: float = 0.0
    tokens: int = 0

    @property
    def tokens_per_second(self) -> float:
        """Rows' own tokens, padding left out."""
        return self.tokens / self.seconds if self.seconds else 0.0


class Budget:
    """How far training has come: by steps, or by the time it may take, whichever is further.

    The learning rate falls along a cosine over that, so it comes to rest when the time is up, however slow the
    machine is (Li, Yumer, Ramanan: Budgeted Training, ICLR 2020).

    Without a limit of time it is a function of the step alone, so a resumed training repeats it exactly. With one, the
    seconds that led to a checkpoint count after it, and those that a kill has wasted do not: what is published has
    learned for the time that was allowed, with the learning rate of that time.
    """

    def __init__(
        self, *, steps: int, seconds: float | None, spent: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._steps, self._seconds, self._clock = steps, seconds, clock
        self._began = clock() - spent

    @property
    def spent(self) -> float:
        """Seconds, those of earlier processes included."""
        return self._clock() - self._began

    @property
    def timed(self) -> bool:
        """Whether the clock decides anything."""
        return self._seconds is not None

    def progress(self, step: int) -> float:
        """From 0 to 1, where training ends."""
        by_time = self.spent / self._seconds if self._seconds else 0.0
        return min(max(step / self._steps, by_time), 1.0)

    def factor(self, step: int) -> float:
        """Of the learning rate at this step."""
        return min((step + 1) / WARMUP, 1.0) * 0.5 * (1.0 + math.cos(math.pi * self.progress(step)))
