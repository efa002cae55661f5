"""Where a program spends its time, by looking at what it does a thousand times a second: hardly slower than without."""

import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

EVERY = 0.001
"""Seconds between two looks."""
REST = "the rest"


@contextmanager
def sampled(rooms: Mapping[str, str]) -> Iterator[Counter[str]]:
    """Seconds by stage, complete when the block ends. For the main thread, one at a time.

    Args:
        rooms: start of a source file's path -> the stage it belongs to; of several that fit, the first one counts. A
            moment belongs to the innermost function that has a stage.
    """
    seconds: Counter[str] = Counter()
    stages: dict[str, str | None] = {}
    last = time.perf_counter()

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[_stage(frame, rooms, stages)] += now - last  # type: ignore[assignment]  # a counter of seconds
        last = now

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)
    try:
        yield seconds
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _stage(frame: FrameType | None, rooms: Mapping[str, str], stages: dict[str, str | None]) -> str:
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in stages:
            stages[file] = next((stage for start, stage in rooms.items() if file.startswith(start)), None)
        if (stage := stages[file]) is not None:
            return stage
        frame = frame.f_back
    return REST
