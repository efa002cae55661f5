"""A clock for limiters on which time passes where somebody sleeps, and nowhere else."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from exporter.account.limiter import Clock

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
"""When it begins."""


class Steady(Random):
    """No jitter."""

    def random(self) -> float:
        return 0.0


@dataclass
class Virtual:
    """Time that passes where somebody sleeps."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept.append(round(seconds, 3))

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, lambda: NOON + timedelta(seconds=self.seconds), self.sleep)
