"""`compare`: at held-out moments, what the owner really said, what the base model says, and what the double says."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random, SystemRandom

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.composing.compose import compose
from bot.composing.engine import Engine, open_double, open_engine
from bot.composing.sampler import Sampler
from bot.composing.samplers import Samplers
from bot.composing.window import Moment, prompt
from bot.tables import open_history
from exporter.cli import config_option
from exporter.errors import DoppelgangerError
from exporter.log import log_to_stderr
from exporter.progress import Report, Step, progress
from exporter.rights.consent import Ledger
from exporter.settings import config as configuration
from exporter.settings.config import Config
from exporter.storing.store import Store
from trainer.data.dataset import Exchange, held_out_exchanges
from trainer.models.artifact import Artifact
from trainer.models.registry import current
from trainer.reading.conversations import learnable, views

SHOWN = 4
"""Turns of the history that a sample shows; the models read all that fits."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment. Bursts are lists of messages."""

    context: tuple[str, ...]
    """The last turns before it, as `name: words`."""
    real: tuple[str, ...]
    base: tuple[str, ...]
    tuned: tuple[str, ...]


class NoBase(DoppelgangerError):
    """The untuned base is no longer where the model's card says."""


@click.command("compare")
@config_option
@click.option("--count", type=click.IntRange(min=1), default=5, show_default=True, help="How many moments.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON: context, real, base, tuned of each.")
def compare_command(config_path: Path, count: int, as_json: bool) -> None:
    """Show your words, the base model's and your double's.

    At moments that the model did not learn from: what was said before, what you truly answered, what the model says
    that the double was made from, and what the double says.
    """
    log_to_stderr()
    config = configuration.load(config_path)
    artifact = current(config.models)
    with open_history(config) as store, progress(Console(stderr=True)) as report:
        samples = compare(config, store, artifact, count=count, random=SystemRandom(), report=report)
    if as_json:
        click.echo(json.dumps([asdict(sample) for sample in samples], ensure_ascii=False))
    else:
        Console().print(_table(samples))


def compare(
    config: Config, store: Store, artifact: Artifact, *, count: int, random: Random, report: Report
) -> list[Sample]:
    """`count` samples, spread evenly over the held-out exchanges.

    Raises:
        NoBase: there is no base to compare with.
        DoppelgangerError: nothing was held out.
    """
    card = artifact.card
    base = Path(card.base_gguf) if card.base_gguf else None
    if base is None or not base.is_file():
        raise NoBase(
            f"the base model that the double was made from is not there: {base}",
            fix="train again with `python -m trainer run`, which keeps a converted base",
        )
    agreed = learnable(store, Ledger(store.database, config.consent))
    read = views(store, config, card.gaps, region=card.region, speaker=card.speaker)
    every = held_out_exchanges(store, agreed, read, since=card.held_out_since)
    if not every:
        raise DoppelgangerError("no exchange was held out from training", fix="sync more history, then train again")
    chosen = [every[index * len(every) // count] for index in range(count)] if count < len(every) else every
    temperature = config.reply.temperature
    forgotten, fitted = store.forgotten.ids(), Samplers(store.database).best(card.sha256, temperature)
    with open_double(card, artifact.gguf, forgotten=forgotten, sampler=fitted, random=random) as engine:
        tuned = asyncio.run(_said(engine, chosen, report, "double"))
    with open_engine(base, card.prompt, sampler=Sampler(temperature), random=random) as engine:
        plain = asyncio.run(_said(engine, chosen, report, "base"))
    return [
        Sample(tuple(f"{turn.name}: {' / '.join(turn.texts)}" for turn in one.history[-SHOWN:]), one.reply.texts, *said)
        for one, *said in zip(chosen, plain, tuned, strict=True)
    ]


async def _said(engine: Engine, exchanges: Sequence[Exchange], report: Report, name: str) -> list[tuple[str, ...]]:
    """One burst for each exchange: the first that is fit to send, or else whatever the model says."""
    bursts = []
    for done, exchange in enumerate(exchanges, 1):
        moment = Moment(exchange.scene, exchange.history, exchange.times, exchange.at, exchange.reply.mark)
        asked = prompt(engine, moment, exchange.memory)
        composed = await compose(engine, asked, wanted=1)
        if composed.bursts:
            bursts.append(composed.bursts[0])
        else:
            bursts.append((await engine.replies(asked.ids, asked.blank, count=1))[0].texts)
        report(Step(name, done, len(exchanges)))
    return bursts


def _table(samples: list[Sample]) -> Table:
    table = Table("before it", "you", "base", "double", show_lines=True)
    for one in samples:
        table.add_row(*(Text("\n".join(texts)) for texts in (one.context, one.real, one.base, one.tuned)))
    return table
