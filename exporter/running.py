"""What commands that run until they are stopped have in common: how they end. It knows nothing of what they do."""

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from exporter.client import Client
from exporter.errors import DoppelgangerError
from exporter.refusals import explained


async def stay(client: Client) -> None:
    """Until the connection ends for good, which is always a problem.

    Raises:
        DoppelgangerError: why it ended.
    """
    with explained():
        await client.disconnected
        if client.refused:
            raise client.refused
    raise DoppelgangerError("the connection to Telegram ended", fix="look at the network, then start this again")


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
