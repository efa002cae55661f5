"""`preview`: what would be learned, before anything is."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from exporter.cli import config_option, counted
from exporter.progress import PERCENT, Step, counting, progress
from exporter.rights.consent import Ledger
from exporter.settings import config as configuration
from exporter.stats.tables import signs
from exporter.storing.store import open_store
from trainer.commands.costs import print_costs
from trainer.commands.extra import training_pipeline
from trainer.data.dataset import Dataset, Row, lessons, memories, taught_with
from trainer.data.split import Split, split
from trainer.reading.prompt import Segment

if TYPE_CHECKING:
    from trainer.training import Training

SHOWN = 3
"""Rows that `preview` shows."""
UNREAD = 5
"""Files that it names as not readable."""
LARGEST = 20
"""Chats that have a line of their own."""
COLUMNS = 32
"""Of the histogram."""


@click.command("preview")
@config_option
@click.option("--plan", is_flag=True, help="Measure two steps, and say what training takes here and what is cut.")
def preview_command(config_path: Path, plan: bool) -> None:
    """Show what would be learned.

    That is: figures by chat, how long the rows are, which secrets are hidden, what is left out and why, and some rows
    as the model reads them, with the learned words highlighted.
    """
    config = configuration.load(config_path)
    config.make_state()
    pipeline = training_pipeline()
    console = Console()
    with open_store(config.database) as store:
        with progress(Console(stderr=True)) as steps, pipeline.bases.quiet():
            count = counting(steps, "data", "messages", end=pipeline.READ)
            history = split(store, Ledger(store.database, config.consent), config, count=count)
            training = pipeline.prepare(history, config.train, config.state / "base", report=steps)
            steps(Step("data", PERCENT, PERCENT))
            costs = pipeline.costs(training, steps) if plan else None
        names = store.names()
    console.print(_chats(names, training.data))
    console.print(_lengths(training.data, training.spec.length))
    console.print(_left_out(names, history))
    for segments in islice(_examples(history, training), SHOWN):
        console.print(_highlighted(segments))
    if costs:
        print_costs(console, costs)


def _chats(names: Mapping[int, str], data: Dataset) -> Table:
    """What would be learned of the largest chats, one line each; of the others, of notes, and of all."""
    by_chat: defaultdict[int | None, list[Row]] = defaultdict(list)
    for row in data.learned:
        by_chat[row.chat_id].append(row)
    notes = by_chat.pop(None, [])
    largest = sorted(by_chat, key=lambda chat_id: sum(len(row.ids) for row in by_chat[chat_id]), reverse=True)
    rest = [row for chat_id in largest[LARGEST:] for row in by_chat[chat_id]]
    table = Table("chat", "sessions", "turns learned", "tokens", "tokens learned")
    for chat_id in largest[:LARGEST]:
        table.add_row(*_line(Text(names[chat_id or 0]), by_chat[chat_id]))
    if rest:
        table.add_row(*_line(f"{counted(len(largest) - LARGEST, 'chat')} more", rest))
    if notes:
        table.add_row(*_line("your notes", notes))
    table.add_section()
    table.add_row(*_line("all", data.learned))
    return table


def _line(what: str | Text, rows: Sequence[Row]) -> tuple[str | Text, ...]:
    sessions = len({(row.chat_id, row.at) for row in rows if row.chat_id is not None})
    figures = (
        sessions,
        sum(row.learned_turns for row in rows),
        sum(len(row.ids) for row in rows),
        sum(sum(row.learned) for row in rows),
    )
    return what, *(f"{figure:,}" if figure else "" for figure in figures)


def _lengths(data: Dataset, length: int) -> Text:
    """A bar for every so many tokens: how many rows are of that length."""
    width = -(-length // COLUMNS)
    counts = [0] * COLUMNS
    for row in data.learned:
        counts[(len(row.ids) - 1) // width] += 1
    bars = signs(counts, max(counts))
    return Text.assemble(("Rows by length  ", "bold"), "1 ", (bars, "green"), f" {length:,} tokens\n")


def _left_out(names: Mapping[int, str], history: Split) -> Table:
    """What is hidden, and what is not learned and why, in numbers; what could not be read, by name."""
    left, skipped = history.curation, history.notes.skipped
    table = Table.grid("", Column(overflow="fold"), padding=(0, 2))
    hidden = ", ".join(counted(count, kind) for kind, count in history.redacted.most_common())
    table.add_row("hidden", hidden or "no secrets found")
    home = f"as dialled in {history.region}, and " if history.region else ""
    table.add_row("phones", f"are known {home}with a + before them")
    turns = {"said often before": left.duplicates, "short, beyond their share": left.short, "held out": left.held_out}
    for why, count in turns.items():
        if count:
            table.add_row("not learned", f"{counted(count, 'turn')}: {why}")
    for chat_id, count in left.capped.items():
        table.add_row("not learned", Text(f"{counted(count, 'session')} of {names[chat_id]}: oldest, beyond its share"))
    for what in skipped[:UNREAD]:
        table.add_row("not read", Text(what))
    if len(skipped) > UNREAD:
        table.add_row("not read", f"and {len(skipped) - UNREAD:,} more")
    return table


def _examples(history: Split, training: "Training") -> Iterator[tuple[Segment, ...]]:
    """Rows that would be learned of the last conversations, as segments."""
    everyone = training.settings.learn == "everyone"
    memory = memories(history.said)
    for one in reversed(history.learned):
        told = taught_with(one, memory, training.settings.seed)
        for lesson in lessons(one, training.tokenizer, training.spec, told, everyone=everyone):
            yield lesson.segments(training.spec)


def _highlighted(segments: Iterable[Segment]) -> Text:
    """What the model reads: the frame dim, what it learns to say in green."""
    styles = {(False, False): "", (False, True): "green", (True, False): "dim", (True, True): "dim green"}
    return Text.assemble(*((segment.value, styles[segment.control, segment.learned]) for segment in segments))
