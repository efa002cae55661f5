"""The trainer's commands: train a double (the default), look at what it would learn, list what there is."""

import importlib
import json
import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter import config as configuration
from exporter.cli import EXIT_CODES, DefaultGroup, config_option, loading
from exporter.errors import DoppelgangerError
from exporter.log import log_to_stderr
from exporter.progress import progress
from exporter.store import Store, open_store
from trainer.artifact import Artifact, stored
from trainer.dataset import Dataset, lessons, split
from trainer.prompt import Segment, render_row

if TYPE_CHECKING:
    from trainer.pipeline import Training

SHOWN = 3
"""Rows that `preview` shows."""


class NotInstalled(DoppelgangerError):
    """A package of the extra `train` is missing."""


@click.group(cls=DefaultGroup, epilog=EXIT_CODES)
def main() -> None:
    """Teach a language model to write like you, from the history that is stored.

    Without a command it trains.
    """
    log_to_stderr()


@main.command("run")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def run_command(config_path: Path, as_json: bool) -> None:
    """Train a double, and publish it for the bot.

    It is published once it is proven that llama.cpp speaks as training had it. It may be stopped at any time: the next
    run goes on from the last checkpoint.
    """
    config = configuration.load(config_path)
    config.make_state()
    pipeline = _pipeline()
    with open_store(config.database) as store, progress(Console(stderr=True)) as steps:
        artifact = pipeline.run(config, store, report=steps)
    if as_json:
        click.echo(json.dumps(report(artifact)))
    else:
        _print_report(Console(), artifact)


@main.command("preview")
@config_option
def preview_command(config_path: Path) -> None:
    """Show what would be learned.

    That is: figures by chat, and some rows as the model reads them, with the learned words highlighted.
    """
    config = configuration.load(config_path)
    config.make_state()
    pipeline = _pipeline()
    console = Console()
    with open_store(config.database) as store:
        with pipeline.quiet():
            training = pipeline.prepare(config, store)
        console.print(_chats(store, training.data))
        for segments in _examples(store, training):
            console.print(_highlighted(segments))


@main.command("models")
@config_option
def models_command(config_path: Path) -> None:
    """List the doubles that there are, newest first."""
    config = configuration.load(config_path)
    doubles = stored(config.models)
    if not doubles:
        click.echo("No double is trained yet: run `python -m trainer run`.")
        return
    table = Table("trained", "base", "bits per byte", "quantization", "MB")
    table.add_column("folder", overflow="fold")
    for artifact in doubles:
        card = artifact.card
        table.add_row(
            f"{card.created.astimezone(ZoneInfo(config.timezone)):%Y-%m-%d %H:%M}",
            card.base,
            f"{card.bits_per_byte.base:.3f} → {card.bits_per_byte.tuned:.3f}",
            card.quantization,
            f"{artifact.gguf.stat().st_size / 1e6:.0f}",
            str(artifact.folder),
        )
    Console().print(table)


def _pipeline() -> ModuleType:
    """Torch and transformers take seconds to load, so only the commands that need them do.

    Raises:
        NotInstalled: they are not there.
    """
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it misses kernels that we do not use
    try:
        with loading():
            return importlib.import_module("trainer.pipeline")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "exporter", "trainer"):
            raise
        raise NotInstalled(
            f"training needs the package {package}, which is not installed",
            fix="in the folder of this program, run: pip install -e '.[train]'",
        ) from error


def report(artifact: Artifact) -> dict[str, Any]:
    """What training did, in plain values."""
    card = artifact.card
    return {
        "sessions": card.sessions,
        "tokens": card.tokens,
        "learned_tokens": card.learned_tokens,
        "tokens_per_second": round(card.tokens_per_second, 1),
        "peak_rss_mb": round(card.peak_rss_mb),
        "bits_per_byte": {name: round(value, 4) for name, value in card.bits_per_byte},
        "gguf": {
            "type": card.quantization,
            "bytes": artifact.gguf.stat().st_size,
            "path": str(artifact.gguf),
        },
        "seconds": {stage: round(seconds, 1) for stage, seconds in card.seconds.items()},
    }


def _print_report(console: Console, artifact: Artifact) -> None:
    card = artifact.card
    base, tuned = card.bits_per_byte.base, card.bits_per_byte.tuned
    console.print(f"learned {card.learned_tokens:,} of {card.tokens:,} tokens in {card.sessions:,} sessions")
    console.print(f"bits per byte on what was held out: {base:.3f} before, {tuned:.3f} after ({tuned / base - 1:+.1%})")
    console.print(f"published {artifact.gguf}", soft_wrap=True)


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


def _examples(store: Store, training: "Training") -> Iterator[tuple[Segment, ...]]:
    """The last rows that would be learned, as segments."""
    settings = training.config.train
    for one in islice(reversed(split(store, settings).learned), SHOWN):
        for turns, indices in lessons(one, training.tokenizer, training.spec, everyone=settings.learn == "everyone"):
            yield render_row(training.spec, one.scene, turns, indices)


def _highlighted(segments: Iterable[Segment]) -> Text:
    """What the model reads: the frame dim, what it learns to say in green."""
    styles = {(False, False): "", (False, True): "green", (True, False): "dim", (True, True): "dim green"}
    return Text.assemble(*((segment.value, styles[segment.control, segment.learned]) for segment in segments))
