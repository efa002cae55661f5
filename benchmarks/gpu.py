"""The command that says what a 7B double takes on the GPU of this machine, wherever there is one."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from exporter.progress import progress
from trainer.commands.costs import HOUR
from trainer.commands.extra import loaded

if TYPE_CHECKING:
    from benchmarks.seven import Trial

SESSIONS = 15_789
"""Of the article that this project follows: 8.51 messages each, 3 epochs of Mistral 7B."""
ARTICLE = ("the article: LoRA, RTX 3090", "", "20.0", "5.5")


@click.command("gpu")
@click.option("--sessions", type=click.IntRange(min=20), default=SESSIONS, show_default=True, help="Sessions to learn.")
@click.option("--batch-tokens", type=click.IntRange(min=128), default=8192, show_default=True, help="Tokens of a step.")
@click.option("--memory", type=click.FloatRange(min=0.01), default=20.0, show_default=True, help="GB of a small GPU.")
@click.option("--tiny", is_flag=True, help="A tiny model instead, on any machine, to try this command itself.")
def gpu_command(sessions: int, batch_tokens: int, memory: float, tiny: bool) -> None:
    """Measure how long a 7B double takes to train.

    By LoRA and by QLoRA, and how much memory.

    A model of Mistral 7B's shape with random weights learns made-up sessions of the article's number and length: some
    steps are measured, and three epochs follow from them, once with all memory there is and once within that of a small
    GPU. Needs 15 GB of disk for a while.
    """
    seven = loaded("benchmarks.seven")
    console = Console()
    if not (tiny or seven.gpu()):
        console.print("There is no GPU here that PyTorch can use. Run this where there is one, or try --tiny.")
        return
    with tempfile.TemporaryDirectory(prefix="doppelganger-") as folder, progress(Console(stderr=True)) as report:
        trials = seven.trials(
            Path(folder), sessions=sessions, batch_tokens=batch_tokens, memory=memory, tiny=tiny, report=report
        )
    console.print(_table(trials, f"{sessions:,} sessions, 3 epochs, {batch_tokens:,} tokens a step, {seven.about()}"))
    if tiny:
        console.print(f"A tiny model on {os.cpu_count()} cores: these figures mean nothing.")


def _table(trials: list["Trial"], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("way")
    for column in ("tokens/s", "GB at the peak", "hours"):
        table.add_column(column, justify="right")
    for trial in trials:
        if (found := trial.forecast) is None:
            table.add_row(trial.way, "", "", "does not fit")
            continue
        rate, hours = found.tokens / found.seconds, found.seconds / HOUR
        table.add_row(trial.way, f"{rate:,.0f}", f"{found.peak / 1e9:.1f}", f"{hours:.2f}")
    table.add_section()
    table.add_row(*ARTICLE)
    return table
