"""`backup`: copy the database."""

from pathlib import Path

import click
from rich.console import Console

from exporter.cli import config_option
from exporter.progress import progress
from exporter.settings import config as configuration
from exporter.storing.backup import back_up


@click.command("backup")
@config_option
@click.argument("file", type=click.Path(path_type=Path))
def backup_command(config_path: Path, file: Path) -> None:
    """Copy all that is stored to FILE, as it is at this moment.

    It may be done at any time, also while the bot or a sync is writing. To go back, stop them and put FILE in the place
    of doppelganger.db in the state folder, without the files -wal and -shm beside it. The session is not in it: log
    in again on another machine.
    """
    config = configuration.load(config_path)
    with progress(Console(stderr=True)) as report:
        size = back_up(config.database, file, report=report)
    click.echo(f"{file}: {size / 1e6:,.1f} MB")
