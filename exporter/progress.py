"""Progress as data: work reports `Step`s, the caller decides whether they become a bar, log lines or a chat message."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

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

PERCENT = 100

PLAIN_EVERY = 5.0
"""Seconds between two lines of one stage where there is no terminal to draw on."""
TELL_EVERY = 0.2
"""Seconds between two steps of one stage that are worth passing on to somebody who looks."""


class Cancelled(Exception):
    """Whoever the work reports to wants it to end. Raised by the report, through the work, within a step of it."""


@dataclass(frozen=True, slots=True)
class Step:
    """`done` of `total` units of `stage`; `note` says more: a rate, a loss, a wait."""

    stage: str
    done: float
    total: float
    note: str = ""
    loss: float | None = None
    """Of a training, in nats per token of what was just read."""
    held_out: float | None = None
    """Bits per byte of words that it does not read, at its last check."""

    @property
    def share(self) -> float:
        """How much of the stage is done, from 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 1.0


Report = Callable[[Step], None]


Count = Callable[[int, int], None]
"""Is told how many of how many things of a stage are done."""


Say = Callable[[str], None]
"""Is given a line for each thing that happens; never a word of what people write."""


def silent(step: Step) -> None:
    """Report to nobody."""


def uncounted(done: int, total: int) -> None:
    """Count for nobody."""


def counting(report: Report, stage: str, things: str, *, start: int = 0, end: int = PERCENT) -> Count:
    """Counts the `things` that a stage goes through from `start` per cent of it to `end`; the note tells them."""

    def count(done: int, total: int) -> None:
        share = done / total if total else 1.0
        report(Step(stage, start + (end - start) * share, PERCENT, f"{done:,} of {total:,} {things}"))

    return count


def saying(report: Report, stage: str, *, at: float = 0) -> Say:
    """Says what a stage does while it has nothing to count."""
    return lambda line: report(Step(stage, at, PERCENT, line))


def unsaid(line: str) -> None:
    """Say it to nobody."""


def cancellable(report: Report, cancelled: Callable[[], bool]) -> Report:
    """A report that ends the work which reports, with Cancelled, once it is cancelled."""

    def tell(step: Step) -> None:
        if cancelled():
            raise Cancelled
        report(step)

    return tell


def seldom(report: Report, *, every: float = TELL_EVERY) -> Report:
    """Passes steps on, no more than somebody can look at; the first of a stage and its end always are."""
    told: dict[str, float] = {}

    def tell(step: Step) -> None:
        now = time.monotonic()
        if step.done >= step.total or now - told.get(step.stage, -every) >= every:
            told[step.stage] = now
            report(step)

    return tell


class Aloud:
    """A report that knows its last step, so that somebody who knows of no step can add a note: why nothing moves."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last: Step | None = None

    def __call__(self, step: Step) -> None:
        """Report a step."""
        self._last = step
        self._report(step)

    def note(self, note: str) -> None:
        """Report the last step once more, with this note; before the first step there is nobody to tell."""
        if self._last:
            self._report(replace(self._last, note=note))


@contextmanager
def progress(console: Console) -> Iterator[Report]:
    """Draw steps on a terminal as one bar a stage; print lines where there is none.

    Of the lines, those that say nothing new come seldom; an end, and a new note without any advance (a wait), at once.
    """
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
    last: dict[str, Step] = {}

    def report(step: Step) -> None:
        before = last.get(step.stage)
        ended = before is not None and before.done >= before.total
        waits = before is not None and before.done == step.done and before.note != step.note
        due = time.monotonic() - printed.get(step.stage, -PLAIN_EVERY) >= PLAIN_EVERY
        last[step.stage] = step
        if not ended and (step.done >= step.total or waits or due):
            printed[step.stage] = time.monotonic()
            line = f"{step.stage}: {step.done:.0f}/{step.total:.0f} {step.note}".rstrip()
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    return report
