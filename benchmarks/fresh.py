"""Work in a process of its own, so that no contender finds what another one loaded."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from exporter.errors import DoppelgangerError


def fresh(work: Callable[..., Any], *arguments: object) -> Any:
    """What `work` returns in a process of its own, which alone loads what it needs, and comes to its own end.

    Raises:
        DoppelgangerError: somebody ended that process.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        try:
            return process.submit(work, *arguments).result()
        except BrokenProcessPool as broken:
            raise DoppelgangerError(
                f"the process of {work.__name__} was ended by somebody else",
                fix="see whether the system killed it for want of memory",
            ) from broken
