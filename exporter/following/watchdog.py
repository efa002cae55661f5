"""Whether updates still come by themselves. Pure: it is told what was seen, and asks nobody.

A connection can stand, and answer, while nothing is pushed any more. That nothing comes is no sign of it: perhaps
nobody writes. A sign is news that had to be fetched while no push came.
"""

from datetime import datetime, timedelta
from enum import Enum, auto


class Verdict(Enum):
    """What to do about it."""

    FINE = auto()
    RECONNECT = auto()
    """Nothing comes by itself: a new connection may help."""
    GIVE_UP = auto()
    """It did not help."""


class Watchdog:
    """Looks on after each round of the reconciler. `patience` is how long news may come without a push."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience
        self._pushes = 0
        self._silent_since: datetime | None = None
        self._reconnected = False

    def look(self, *, fetched: int, pushes: int, now: datetime) -> Verdict:
        """After a round that had to fetch so many messages; `pushes` counts what ever came by itself."""
        if pushes != self._pushes:
            self._pushes, self._silent_since, self._reconnected = pushes, None, False
            return Verdict.FINE
        if fetched and self._silent_since is None:
            self._silent_since = now
        if self._silent_since is None or now - self._silent_since < self._patience:
            return Verdict.FINE
        self._silent_since = None
        if self._reconnected:
            return Verdict.GIVE_UP
        self._reconnected = True
        return Verdict.RECONNECT
