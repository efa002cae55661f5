"""What commands that run until they are stopped have in common: what ends them, and what does not.

It knows nothing of what they do.
"""

import asyncio
import logging
import signal
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from exporter.account.client import Client
from exporter.account.limiter import CLOCK, Clock
from exporter.account.refusals import explained
from exporter.errors import ComeBackLater, DoppelgangerError, Passing
from exporter.following.notify import ALIVE, Tell
from exporter.progress import Say

FIRST_REST, LONGEST_REST = 5.0, 300.0
"""Seconds until what ended for a passing reason is begun again; each time in a row twice as long."""
LOOK = 30.0
"""Seconds between two looks at the clock: a machine that slept wakes up at another time."""

log = logging.getLogger(__name__)


async def persevere(
    work: Callable[[], Awaitable[None]], say: Say, tell: Tell = lambda state: None, *, clock: Clock = CLOCK
) -> None:
    """Do a work, and begin it again whenever something ends it that passes by itself; `say` tells of that.

    `tell` is what lets a service manager know that this is no hanging.

    Raises:
        DoppelgangerError: something that no waiting mends.
    """
    rest = FIRST_REST
    while True:
        began = clock.tick()
        try:
            await work()
            return
        except Passing as trouble:
            rest = FIRST_REST if clock.tick() - began > LONGEST_REST else rest
            until = clock.now() + timedelta(seconds=rest)
            if isinstance(trouble, ComeBackLater):
                until = max(until, trouble.until)
            log.warning("ended.for_now", extra={"error": type(trouble).__name__, "until": f"{until:%FT%T}"})
            say(f"{trouble.problem}; I try again at {until:%H:%M:%S} UTC")
        while (left := (until - clock.now()).total_seconds()) > 0:
            tell(ALIVE)
            await clock.sleep(min(left, LOOK))
        rest = min(2 * rest, LONGEST_REST)


async def stay(client: Client) -> None:
    """Until the connection ends for good, which is always a problem.

    Raises:
        DoppelgangerError: why it ended; Passing, where a new one may stand.
    """
    with explained():
        await client.disconnected
        if client.refused:
            raise client.refused
    raise Passing("the connection to Telegram ended", fix="look at the network, then start this again")


@contextmanager
def ended_by(number: signal.Signals) -> Iterator[None]:
    """Let a signal end the block, and the block end well."""
    loop, task, came = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def end() -> None:
        came.set()
        if task:
            task.cancel()

    loop.add_signal_handler(number, end)
    try:
        yield
    except asyncio.CancelledError:
        if task is None or not came.is_set():
            raise
        task.uncancel()
    finally:
        loop.remove_signal_handler(number)


@contextmanager
def one_problem() -> Iterator[None]:
    """Of a task group's errors, raise the one that the user can mend; a bug keeps its traceback."""
    try:
        yield
    except ExceptionGroup as group:
        problem: Exception | None = group.subgroup(_MENDABLE)
        if problem is None:
            raise
        while isinstance(problem, ExceptionGroup):
            problem = problem.exceptions[0]
        raise problem from group


_MENDABLE = (DoppelgangerError, sqlite3.Error, OSError)
"""Whoever opened the database or runs the command knows what to say of the last two."""
