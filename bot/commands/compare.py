"""`compare`: the owner's words, the base's and the double's, side by side."""

import json
from dataclasses import asdict
from pathlib import Path
from random import SystemRandom

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.commands.history import history
from bot.composing.compare import Sample, compare
from exporter import config as configuration
from exporter.cli import config_option
from exporter.log import log_to_stderr
from exporter.progress import progress
from trainer.models.registry import current


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
    with history(config) as store, progress(Console(stderr=True)) as report:
        samples = compare(config, store, artifact, count=count, random=SystemRandom(), report=report)
    if as_json:
        click.echo(json.dumps([asdict(sample) for sample in samples], ensure_ascii=False))
    else:
        Console().print(_table(samples))


def _table(samples: list[Sample]) -> Table:
    table = Table("before it", "you", "base", "double", show_lines=True)
    for one in samples:
        table.add_row(*(Text("\n".join(texts)) for texts in (one.context, one.real, one.base, one.tuned)))
    return table
