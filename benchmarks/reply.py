"""How soon the double says something: beside what one would write with llama-cpp-python or transformers alone."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.table import Table

from benchmarks.fresh import fresh
from benchmarks.report import BUSY, SPREAD, Mark, marks_table, spread
from benchmarks.speaking import PROPOSALS, TEMPERATURE, Asked, Reader, Timed, bot, one_by_one, transformers
from bot.composing.samplers import Samplers
from bot.composing.window import Moment, Prompt, prompt
from bot.tables import migrations
from exporter.errors import DoppelgangerError
from exporter.messages import Message
from exporter.progress import Step, progress
from exporter.settings import config as configuration
from exporter.settings.config import Config
from exporter.storing.store import Store, open_store
from trainer.models.artifact import vocabulary
from trainer.models.registry import current
from trainer.reading.conversations import View, views
from trainer.reading.memory import Memory

DEMO = Path("build/demo/config.toml")
MESSAGES = 20
"""In the context of each reply."""
QUICKEST = 1_000.0
"""Milliseconds until the first proposal is there, at 135 million weights on two cores, when warm."""


def of_a_double(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what has a double speak."""
    for option in (
        click.option(
            "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here."
        ),
        click.option("--moments", type=click.IntRange(min=2), default=20, show_default=True),
        click.option(
            "--config",
            "config_path",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            default=DEMO,
            show_default=True,
            help="Whose double speaks; `make demo` makes this one. Nothing of it is changed.",
        ),
    ):
        command = option(command)
    return command


@click.command("reply")
@of_a_double
def reply_command(config_path: Path, moments: int, json_file: Path | None) -> None:
    """Measure how soon three proposals are there, in several ways.

    They are made at moments of a real history, each way in a fresh process.

    \b
    What is compared, each with a context of 20 messages:
      bot, warm         the product, its sampler fitted if it ever ran: the chat was answered before, another one since
      bot, cold         the same, and nothing was read before
      llama-cpp-python  the same double, one reply after the other, by its `generate`
      transformers      its base in torch, by `generate`: three sequences, as long as the double's are
    """
    load, *_ = os.getloadavg()
    config = configuration.load(config_path)
    artifact = current(config.models)
    chosen, base = moments_of(config, moments)
    with open_store(config.database, migrations) as store:
        sampler = Samplers(store.database).best(artifact.card.sha256, TEMPERATURE)
    ways: list[tuple[Callable[..., Timed], tuple[object, ...]]] = [
        (bot, (artifact, sampler, True)),
        (bot, (artifact, sampler, False)),
        (one_by_one, (artifact,)),
        (transformers, (base,)),
    ]
    found: list[Timed] = []
    with progress(Console(stderr=True)) as report:
        for number, (way, arguments) in enumerate(ways):
            report(Step("ways", number, len(ways), way.__name__))
            long = round(median(found[0].tokens)) if found else 0
            found.append(fresh(way, chosen, long, *arguments))
    console = Console()
    console.print(_table(found))
    if load > BUSY:
        console.print(f"[yellow]The machine had other work (load {load:.1f}): alone on it, all of this is faster.")
    console.print(marks_table(found[0].way, [_mark(found[0])]))
    if json_file:
        json_file.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", "utf-8")


def moments_of(config: Config, count: int) -> tuple[list[Asked], Path]:
    """So many moments, spread evenly over the history, and the folder of the base in torch's format.

    Raises:
        DoppelgangerError: there are fewer, or there is no such base.
    """
    artifact = current(config.models)
    with open_store(config.database) as store, vocabulary(artifact.gguf) as tokenizer:
        card = artifact.card
        read = views(store, config, card.gaps, region=card.region, speaker=card.speaker)
        reader = Reader(card.prompt, tokenizer)
        every = [asked for chat in store.chats() for asked in _asked(store, read.of(chat.peer), reader)]
    base = next((config.state / "base").glob("*/model.safetensors"), None)
    if base is None or len(every) < count:
        raise DoppelgangerError(
            f"there are {len(every)} such moments, or no base in torch's format", fix="run `make demo`"
        )
    return [every[index * len(every) // count] for index in range(count)], base.parent


def _asked(store: Store, view: View, reader: Reader) -> Iterator[Asked]:
    """The moments of a chat at which the owner answered, and had answered before within MESSAGES."""
    said = [message for message in store.messages(view.chat.peer_id) if message.said]
    answered = [place for place, (one, after) in enumerate(pairwise(said)) if after.outgoing and not one.outgoing]
    for before, now in pairwise(answered):
        start = now + 1 - MESSAGES
        if 0 <= start < before:
            yield Asked(*(_prompt(reader, view, said[start : place + 1]) for place in (before, now)))


def _prompt(reader: Reader, view: View, said: Sequence[Message]) -> Prompt:
    read = view.conversation(tuple(said), {}, ())
    return prompt(reader, Moment(read.scene, read.turns, read.times, said[-1].sent_at, ""), Memory())


def _mark(warm: Timed) -> Mark:
    is_ = median(warm.first)
    return Mark("ms to the first proposal, half the time", is_, QUICKEST, met=is_ < QUICKEST)


def _table(found: Sequence[Timed]) -> Table:
    table = Table(title=f"Milliseconds with {MESSAGES} messages of context: {SPREAD}", title_justify="left")
    table.add_column("way", no_wrap=True)
    for column in ("first token", "first proposal", f"{PROPOSALS} proposals", "tokens"):
        table.add_column(column, justify="right")
    for one in found:
        cells = map(spread, (one.first_token, one.first, one.all))
        table.add_row(one.way, *cells, f"{median(one.tokens):.0f}", style="bold" if one is found[0] else None)
    return table
