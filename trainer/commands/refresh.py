"""`continue`: go on from the double in use."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from exporter.cli import config_option
from exporter.progress import progress
from exporter.settings import config as configuration
from exporter.storing.store import open_store
from trainer.commands.extra import training_pipeline
from trainer.commands.run import tell
from trainer.models import registry


@click.command("continue")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def continue_command(config_path: Path, as_json: bool) -> None:
    """Refresh the double in use with what was said since.

    Made to be run every night. It goes on from the model in use, with the newest conversations and a share of older
    ones (`replay` in the configuration). What comes out has to pass the same tests as after a whole training.
    """
    config = configuration.load(config_path)
    config.make_state()
    pipeline = training_pipeline()
    with open_store(config.database) as store, progress(Console(stderr=True)) as steps:
        artifact = pipeline.go_on(config, store, report=steps)
    if artifact:
        tell(artifact, registry.verdict(artifact), as_json)
    else:
        until = registry.current(config.models).card.held_out_since.astimezone(ZoneInfo(config.timezone))
        click.echo(json.dumps(None) if as_json else f"Nothing new to learn since {until:%Y-%m-%d %H:%M}.")
