"""How fast Telegram is asked: a pace for every method, slowed by each of its rate limits and quickened by calm.

A flood wait halves the rate of its method, a calm minute gives a tenth back. It knows no request's meaning, and
remembers across restarts only what Telegram asked to wait for.
"""

import asyncio
import logging
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from typing import Any

from telethon import TelegramClient, errors
from telethon.tl.functions import InvokeWithTakeoutRequest

from exporter.account.refusals import FLOODS, come_back_later
from exporter.errors import DoppelgangerError
from exporter.progress import Say, unsaid
from exporter.storing.chatstate import ChatState

log = logging.getLogger(__name__)

LONGEST_WAIT = 300
"""Seconds of rate limit that are sat through; for more the user is asked to come back."""
TRIES = 5
"""Of one request, where Telegram has trouble of its own."""
CALM = 60.0
"""Seconds without a flood wait that give a tenth of the rate back."""
SLOWEST = 60.0
"""Seconds between two requests; no number of flood waits makes it more."""
JITTER = 0.1
"""A wait for one's turn is longer by up to this share: a machine's even beat is what Telegram looks for."""
WORTH_A_NOTE = 2.0
"""Seconds of waiting for one's turn that the user is told of."""

_TROUBLE = (errors.ServerError, errors.TimedOutError, TimeoutError)
GARBLED = (errors.TypeNotFoundError, BufferError, struct.error)
"""What Telethon raises where an answer's bytes make no sense."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as far as one waits for it."""

    tick: Callable[[], float] = time.monotonic
    """Seconds that only ever rise; what counts as long as the process lives."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """What is written down for the next process."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


CLOCK = Clock()
"""The machine's."""


@dataclass(slots=True)
class _Pace:
    """Of one method. Moments are ticks."""

    interval: float
    """Seconds between two requests."""
    due: float
    """When the next request may begin."""
    rest: float
    """Until when Telegram itself asked to wait."""
    began: float
    """When the last request began."""
    calm: float
    """Since when the rate was neither lowered nor raised."""
    took: float = 0.0
    """Seconds from the last request to its answer."""
    until: datetime | None = None
    """The end of the last wait that was written down, by whomever."""


class Limiter:
    """Call it with a request, not the client. Tasks may share it; those of one account heed each other's waits."""

    def __init__(
        self,
        client: TelegramClient,
        state: ChatState,
        per_second: float,
        *,
        say: Say = unsaid,
        clock: Clock = CLOCK,
        random: Random = SystemRandom(),  # noqa: B008 - without a state
    ) -> None:
        self._client = client
        self._state = state
        self._outside = self._least = 1 / per_second if per_second else 0.0
        self._takeout: int | None = None
        self._say = say
        self._clock = clock
        self._random = random
        self._paces: dict[str, _Pace] = {}
        self.requests = 0
        """That were sent."""
        self.slept = 0.0
        """Seconds that requests waited, for their turn or because Telegram asked to."""
        self.in_flight = 0
        """Requests that are not answered yet."""
        self.ended = False
        """Whether no further request may begin: it is cancelled instead."""

    async def __call__(self, request: Any) -> Any:
        """Send a request when its turn comes, again after a wait that Telegram asks for, or trouble of its own.

        Raises:
            ComeBackLater: Telegram asks, or asked an earlier run, for a wait of more than five minutes.
            CancelledError: requests have ended.
        """
        method = method_of(request)
        failures = 0
        while True:
            await self._turn(method)
            try:
                return await self._send(request)
            except FLOODS as flood:
                self._slow_down(method, flood.seconds)
            except _TROUBLE as error:  # two seconds or more have passed already
                failures += 1
                if failures == TRIES:
                    raise
                log.info("limiter.again", extra={"method": method, "error": type(error).__name__})
            except GARBLED as error:
                failures += 1
                if failures == TRIES:
                    raise DoppelgangerError(
                        "what Telegram answers cannot be read",
                        fix="run the same command again to go on; if that does not help, update doppelganger",
                    ) from error

    def check(self, *methods: str) -> None:
        """Raises:
        ComeBackLater: one of the methods has to rest for more than five minutes yet.
        """
        left = max(self._pace(method).rest for method in methods) - self._clock.tick()
        if left > LONGEST_WAIT:
            raise come_back_later(self._clock.now() + timedelta(seconds=left))

    def within(self, takeout_id: int | None) -> None:
        """Send what follows as part of a takeout, in which Telegram wants no pace; None for outside of any."""
        self._takeout, before = takeout_id, self._least
        self._least = self._outside if takeout_id is None else 0.0
        for pace in self._paces.values():
            slowed = pace.interval > before
            pace.interval = max(pace.interval, self._least) if slowed else self._least
            pace.due = max(pace.rest, pace.began + pace.interval)

    def seconds_per_request(self, method: str) -> float:
        """How long a request of the method takes now: its pace, or where that is quicker the last answer's delay."""
        pace = self._pace(method)
        return max(pace.interval, pace.took)

    async def _send(self, request: Any) -> Any:
        pace = self._paces[method_of(request)]
        if self.ended:
            raise asyncio.CancelledError
        self.requests += 1
        self.in_flight += 1
        try:
            return await self._client(
                request if self._takeout is None else InvokeWithTakeoutRequest(self._takeout, request)
            )
        finally:
            self.in_flight -= 1
            pace.took = self._clock.tick() - pace.began

    async def _turn(self, method: str) -> None:
        """Wait until the method may be called, and take the turn. Who wakes second waits for the next one."""
        pace = self._pace(method)
        self._recover(pace)
        while (wait := pace.due - self._clock.tick()) > 0:
            self.check(method)
            if pace.due <= pace.rest:
                self._say(f"sleeping {round(wait)} s: Telegram's rate limit")
            elif wait > WORTH_A_NOTE:
                self._say(f"next request in {round(wait)} s: slowed down by Telegram's rate limit")
            self.slept += wait
            await self._clock.sleep(wait)
        pace.began = self._clock.tick()
        pace.due = pace.began + pace.interval * (1 + JITTER * self._random.random())

    def _slow_down(self, method: str, seconds: int) -> None:
        """Halve the rate. Where there was no pace, the rate is that of the requests so far, at least one a second."""
        pace, now = self._paces[method], self._clock.tick()
        pace.interval = min(2 * max(pace.interval, min(pace.took, 1.0)), SLOWEST)
        rest = now + seconds + pace.interval * JITTER * self._random.random()
        pace.due = pace.rest = pace.calm = max(pace.rest, rest)
        self._state.rest(method, self._clock.now() + timedelta(seconds=seconds))
        pace.until = self._state.resting(method)
        self._client._flood_waited_requests.clear()  # the client's own memory takes all calls of a takeout for one
        log.info("limiter.flood", extra={"method": method, "seconds": seconds, "interval": round(pace.interval, 3)})
        self.check(method)

    def _recover(self, pace: _Pace) -> None:
        calm_for = int((self._clock.tick() - pace.calm) // CALM)
        if calm_for > 0:
            pace.interval = max(self._least, pace.interval / 1.1**calm_for)
            pace.calm += calm_for * CALM

    def _pace(self, method: str) -> _Pace:
        """The method's pace, with what any limiter of this account was asked to wait for, in any process."""
        now = self._clock.tick()
        pace = self._paces.setdefault(method, _Pace(self._least, due=now, rest=now, began=now, calm=now))
        until = self._state.resting(method)
        if until is not None and until != pace.until:
            rest = now + max(0.0, (until - self._clock.now()).total_seconds())
            pace.until = until
            pace.rest = max(pace.rest, rest)
            pace.due, pace.calm = max(pace.due, pace.rest), pace.rest
        return pace


def method_of(request: Any) -> str:
    """A request's method as Telegram's documentation writes it: `messages.getHistory`."""
    kind = type(request)
    room = kind.__module__.rpartition(".")[2]
    name = kind.__name__.removesuffix("Request")
    name = name[0].lower() + name[1:]
    return name if room == "functions" else f"{room}.{name}"
