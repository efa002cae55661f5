"""Work in a process of its own, so that no contender finds what another one loaded."""

import multiprocessing
from collections.abc import Callable
from typing import Any


def fresh(work: Callable[..., Any], *arguments: object) -> Any:
    """What `work` returns in a process of its own, which alone loads what it needs."""
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(work, arguments)
