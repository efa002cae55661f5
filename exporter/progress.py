"""Progress as data: work reports `Step`s, the caller decides whether they become a bar, log lines or a chat message."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

PLAIN_EVERY = 5.0
"""Seconds between two lines of one stage where there is no terminal to draw on."""


@dataclass(frozen=True, slots=True)
class Step:
    """`done` of `total` units of `stage`; `note` says more: a rate, a loss, a wait."""

    stage: str
    done: float
    total: float
    note: str = ""


Report = Callable[[Step], None]


def silent(step: Step) -> None:
    """Report to nobody."""


@contextmanager
def progress(console: Console) -> Iterator[Report]:
    """Draw steps on a terminal as one bar a stage; print a line now and then where there is none."""
    if not console.is_terminal:
        yield _plain(console)
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        console=console,
    )
    tasks: dict[str, TaskID] = {}

    def report(step: Step) -> None:
        if step.stage not in tasks:
            tasks[step.stage] = bars.add_task(step.stage, total=step.total, note=step.note)
        bars.update(tasks[step.stage], completed=step.done, total=step.total, note=step.note)

    with bars:
        yield report


def _plain(console: Console) -> Report:
    printed: dict[str, float] = {}
    finished: set[str] = set()

    def report(step: Step) -> None:
        now = time.monotonic()
        ends = step.done >= step.total
        due = now - printed.get(step.stage, -PLAIN_EVERY) >= PLAIN_EVERY
        if step.stage not in finished and (ends or due):
            printed[step.stage] = now
            line = f"{step.stage}: {step.done:g}/{step.total:g} {step.note}".rstrip()
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        if ends:
            finished.add(step.stage)
        else:
            finished.discard(step.stage)

    return report
