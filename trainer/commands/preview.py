"""The command that shows what would be learned, before anything is."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter import config as configuration
from exporter.cli import config_option
from exporter.consent import Ledger
from exporter.store import Store, open_store
from trainer.commands.costs import print_costs
from trainer.commands.extra import training_pipeline
from trainer.dataset import Dataset, Split, lessons, memories, split
from trainer.prompt import Segment

if TYPE_CHECKING:
    from trainer.pipeline import Training

SHOWN = 3
"""Rows that `preview` shows."""


@click.command("preview")
@config_option
@click.option("--plan", is_flag=True, help="Measure two steps, and say what training takes here and what is cut.")
def preview_command(config_path: Path, plan: bool) -> None:
    """Show what would be learned.

    That is: figures by chat, and some rows as the model reads them, with the learned words highlighted.
    """
    config = configuration.load(config_path)
    config.make_state()
    pipeline = training_pipeline()
    console = Console()
    with open_store(config.database) as store:
        history = split(store, Ledger(store.database, config.consent), config.train, ZoneInfo(config.timezone))
        with pipeline.quiet():
            training = pipeline.prepare(history, config.train, config.state / "base")
            costs = pipeline.costs(training) if plan else None
        console.print(_chats(store, training.data))
        for segments in _examples(history, training):
            console.print(_highlighted(segments))
        if costs:
            print_costs(console, costs)


def _chats(store: Store, data: Dataset) -> Table:
    """One line a chat: what of it would be learned."""
    names = {peer_id: peer.name for peer_id, peer in store.peers().items()}
    table = Table("chat", "sessions", "turns learned", "tokens", "tokens learned")
    for chat_id in data.chats:
        rows = [row for row in data.learned if row.chat_id == chat_id]
        table.add_row(
            names[chat_id],
            f"{len({row.at for row in rows}):,}",
            f"{sum(row.learned_turns for row in rows):,}",
            f"{sum(len(row.ids) for row in rows):,}",
            f"{sum(sum(row.learned) for row in rows):,}",
        )
    turns = sum(row.learned_turns for row in data.learned)
    table.add_section()
    table.add_row("all", f"{data.sessions:,}", f"{turns:,}", f"{data.tokens:,}", f"{data.learned_tokens:,}")
    return table


def _examples(history: Split, training: "Training") -> Iterator[tuple[Segment, ...]]:
    """The last rows that would be learned, as segments."""
    everyone = training.settings.learn == "everyone"
    recall = memories(history.learned, training.settings.seed)
    for one in islice(reversed(history.learned), SHOWN):
        for lesson in lessons(one, training.tokenizer, training.spec, everyone=everyone, memory=recall(one)):
            yield lesson.segments(training.spec)


def _highlighted(segments: Iterable[Segment]) -> Text:
    """What the model reads: the frame dim, what it learns to say in green."""
    styles = {(False, False): "", (False, True): "green", (True, False): "dim", (True, True): "dim green"}
    return Text.assemble(*((segment.value, styles[segment.control, segment.learned]) for segment in segments))
