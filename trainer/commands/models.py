"""The commands around the doubles that there are."""

from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from exporter import config as configuration
from exporter.cli import config_option
from trainer.artifact import stored


@click.command("models")
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
