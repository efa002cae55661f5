"""What a training would take, as a table; told before anything is spent."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from trainer.learning.forecast import Forecast

MINUTE, HOUR = 60, 3600


def print_costs(console: Console, forecast: "Forecast") -> None:
    """Print the figures, and what is cut."""
    table = Table(show_header=False, title="What `run` would take on this machine", title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    table.add_row("tokens read", f"{forecast.tokens:,}")
    table.add_row("steps", f"{forecast.steps:,}")
    table.add_row("time to train", duration(forecast.seconds))
    table.add_row("to warm up, once", duration(forecast.warming_up))
    table.add_row("memory at its peak", f"{forecast.peak / 1e9:.1f} GB")
    table.add_row("memory that it may take", f"{forecast.limit / 1e9:.1f} GB")
    console.print(table)
    for cut in forecast.cuts:
        console.print(f"To make it fit: {cut}.")


def duration(seconds: float) -> str:
    """So many seconds, minutes or hours, as one says it."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"
