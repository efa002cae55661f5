"""What a benchmark has found, as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measured
from benchmarks.ways import OURS, WAYS


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to be reached."""

    what: str
    figure: float
    mark: float
    met: bool


BUSY = 0.5
"""Load of a machine that had something else to do."""
SPREAD = "median, 95 %"
"""What the two figures of `spread` are, in a title."""


def show(console: Console, figures: Mapping[str, Measured], marks: list[Mark], *, load: float) -> None:
    """Print the ways beside each other, the marks, and what the time was spent on.

    Args:
        load: of the machine, before anything was measured.
    """
    console.print(_ways({way: figures[way] for way in WAYS}))
    if load > BUSY:
        console.print(f"[yellow]The machine had other work (load {load:.1f}): alone on it, all of this is faster.")
    console.print(marks_table("exporter sync", marks))
    console.print(_stages({name: run for name, run in figures.items() if run.way == OURS}))


def _ways(figures: Mapping[str, Measured]) -> Table:
    ours = figures[OURS]
    table = Table(title=f"{ours.messages:,} messages without latency", title_justify="left")
    table.add_column("way")
    for column in ("messages/s", "ours is", "seconds", "busy", "MB"):
        table.add_column(column, justify="right")
    for way, run in figures.items():
        table.add_row(
            way,
            f"{run.rate:,.0f}",
            f"{ours.rate / run.rate:.2f} x",
            f"{run.seconds:.2f}",
            f"{run.busy:.2f}",
            f"{run.peak:.0f}",
            style="bold" if way == OURS else None,
        )
    return table


def spread(times: Sequence[float]) -> str:
    """In a cell: half of them are no longer than the first figure, 95 % no longer than the second."""
    return f"{median(times):,.0f}  {quantiles(times, n=20)[-1]:,.0f}"


def marks_table(whose: str, marks: list[Mark]) -> Table:
    """What was to be reached by whom, and what was."""
    table = Table(title="Marks", title_justify="left")
    for column in (whose, "is", "shall be", ""):
        table.add_column(column, justify="left" if column in (whose, "") else "right")
    for mark in marks:
        verdict = "[green]met" if mark.met else "[red]missed"
        digits = 3 if mark.mark < 10 else 0
        table.add_row(mark.what, f"{mark.figure:,.{digits}f}", f"{mark.mark:,.{digits}f}", verdict)
    return table


def _stages(figures: Mapping[str, Measured]) -> Table:
    table = Table(title="What the time of exporter sync is spent on", title_justify="left")
    table.add_column("stage")
    for name, run in figures.items():
        table.add_column(f"{run.messages:,}{', slow network' if name == 'slow' else ''}", justify="right")
    stages = {stage: 0.0 for run in figures.values() for stage in run.stages}
    for stage in sorted(stages, key=lambda stage: -figures[OURS].stages.get(stage, 0.0)):
        spent = [(run.stages.get(stage, 0.0), run) for run in figures.values()]
        table.add_row(
            stage, *(f"{s / sum(run.stages.values()):.0%}  {s / run.messages * 1e6:5.1f} µs" for s, run in spent)
        )
    return table
