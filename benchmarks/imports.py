"""How fast `exporter import` is, and in how much memory, on a made-up export of Telegram Desktop's."""

import os
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console

from benchmarks.fresh import fresh
from benchmarks.local import write_export
from benchmarks.measure import peak
from benchmarks.report import BUSY, Mark, marks_table
from exporter.imports import import_file
from exporter.progress import Step, progress
from exporter.storing.fulltext import catch_up
from exporter.storing.store import open_store

FASTEST = 40_000
"""Messages a second that an import must reach, with the full-text index that it makes."""
LARGEST = 200.0
"""MB that the process may need, however large the file."""


@click.command("import")
@click.option(
    "--messages", type=click.IntRange(min=1), default=300_000, show_default=True, help="Messages of the made-up chat."
)
def import_command(messages: int) -> None:
    """Import a long made-up chat, and index its words.

    In a fresh process, into an empty database.
    """
    load, *_ = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="doppelganger-") as folder, progress(Console(stderr=True)) as report:
        export = Path(folder) / "result.json"
        report(Step("made-up export", 0, 1))
        write_export(export, messages)
        report(Step("made-up export", 1, 1, f"{export.stat().st_size / 1e6:,.0f} MB"))
        rate, most = fresh(_import, export, messages)
    console = Console()
    if load > BUSY:
        console.print(f"[yellow]The machine had other work (load {load:.1f}): alone on it, all of this is faster.")
    marks = [
        Mark("messages/s", rate, FASTEST, met=rate >= FASTEST),
        Mark(f"MB for {messages:,} messages", most, LARGEST, met=most <= LARGEST),
    ]
    console.print(marks_table("exporter import", marks))


def _import(export: Path, messages: int) -> tuple[float, float]:
    """Messages a second, and the most memory that the process had, in MB."""
    with open_store(export.with_name("history.db")) as store:
        started = time.perf_counter()
        import_file(store, export)
        catch_up(store.database)
        return messages / (time.perf_counter() - started), peak()
