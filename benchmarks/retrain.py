"""How soon the double answers while it learns: the bot's own engine, beside the bot's own training in one process."""

import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import SystemRandom
from statistics import median

import click
from rich.console import Console
from rich.table import Table

from benchmarks.reply import moments_of, of_a_double
from benchmarks.report import BUSY, SPREAD, Mark, marks_table, spread
from benchmarks.speaking import PROPOSALS, TEMPERATURE, Asked
from bot.composing.compose import compose
from bot.composing.engine import Engine, open_double
from bot.composing.sampler import Sampler
from bot.running.training_thread import train
from exporter.progress import Cancelled, Report, Step, progress
from exporter.settings import config as configuration
from exporter.settings.config import Config
from trainer.models.artifact import ADAPTER
from trainer.models.registry import current

SLOWER = 2.0
"""Times the usual latency that the bot may take while it trains."""
PAUSE = 1.0
"""Seconds between two replies: friends do not write without a pause."""
LONG = 2.9
"""Minutes that the training is given, so few that no layer is compiled for it; it ends as soon as all is measured."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Milliseconds to the proposals of each moment."""

    when: str
    first_token: tuple[float, ...]
    proposals: tuple[float, ...]


@click.command("retrain")
@of_a_double
def retrain_command(config_path: Path, moments: int, json_file: Path | None) -> None:
    """Measure how much later replies are there while it trains.

    They are proposed at moments of a real history: alone, while the same process trains, and alone again. Each has a
    context of 20 messages and was read up to the answer before, as in a chat that goes on.
    """
    load, *_ = os.getloadavg()
    config = configuration.load(config_path)
    chosen, _ = moments_of(config, moments)
    with tempfile.TemporaryDirectory() as folder, progress(Console(stderr=True)) as report:
        found = asyncio.run(_measured(_copy(config, Path(folder)), chosen, report))
    console = Console()
    console.print(_table(found))
    if load > BUSY:
        console.print(f"[yellow]The machine had other work (load {load:.1f}), which counts as much as the training.")
    before, during, after = found
    alone = median((*before.proposals, *after.proposals))
    slower = median(during.proposals) / alone
    console.print(marks_table("bot", [Mark("times as long while it trains", slower, SLOWER, met=slower <= SLOWER)]))
    if json_file:
        json_file.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", "utf-8")


def _copy(config: Config, folder: Path) -> Config:
    """The same account in a state of its own, whose model has no adapter: so that all is learned anew."""
    shutil.copytree(config.models, folder / "models", ignore=shutil.ignore_patterns(ADAPTER))
    shutil.copyfile(config.database, folder / config.database.name)
    (folder / "base").symlink_to(config.state.resolve() / "base")
    long = config.train.model_copy(update={"max_minutes": LONG})
    return config.model_copy(update={"state": folder, "train": long})


async def _measured(config: Config, asked: Sequence[Asked], report: Report) -> list[Answers]:
    artifact, cancelled, learns = current(config.models), asyncio.Event(), asyncio.Event()

    def hear(step: Step) -> None:
        report(step)
        if step.loss is not None:
            learns.set()

    with open_double(
        artifact.card, artifact.gguf, forgotten=(), sampler=Sampler(TEMPERATURE), random=SystemRandom()
    ) as engine:
        await _answers("warming up", engine, asked[:2], report)  # what llama.cpp does once
        before = await _answers("alone", engine, asked, report)
        training = asyncio.create_task(train(config, hear, cancelled, only_new=False))
        learning = asyncio.create_task(learns.wait())
        await asyncio.wait({training, learning}, return_when=asyncio.FIRST_COMPLETED)
        during = await _answers("while it trains", engine, asked, report)
        cancelled.set()
        learning.cancel()
        with suppress(Cancelled):
            await training
        return [before, during, await _answers("alone again", engine, asked, report)]


async def _answers(when: str, engine: Engine, asked: Sequence[Asked], report: Report) -> Answers:
    first_token, proposals = [], []
    for number, moment in enumerate(asked):
        report(Step(when, number, len(asked)))
        await engine.let_go()
        await engine.replies(moment.before.ids, moment.before.blank, count=1)
        await asyncio.sleep(PAUSE)
        began = time.perf_counter()
        composed = await compose(engine, moment.now, wanted=PROPOSALS)
        proposals.append((time.perf_counter() - began) * 1000)
        first_token.append(composed.first_token_ms)
    report(Step(when, len(asked), len(asked)))
    return Answers(when, tuple(first_token), tuple(proposals))


def _table(found: Sequence[Answers]) -> Table:
    table = Table(title=f"Milliseconds: {SPREAD}", title_justify="left")
    table.add_column("bot", no_wrap=True)
    for column in ("first token", f"{PROPOSALS} proposals"):
        table.add_column(column, justify="right")
    for one in found:
        table.add_row(one.when, spread(one.first_token), spread(one.proposals))
    return table
