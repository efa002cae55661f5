"""The command that reads an export of Telegram Desktop's."""

import re
from pathlib import Path

import click
from rich.console import Console

from exporter import config as configuration
from exporter.cli import config_option
from exporter.imports import import_file
from exporter.progress import progress
from exporter.store import open_store


class UserId(click.ParamType[int]):
    """`user1000`, as exports write it, or 1000."""

    name = "id"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or click's own error."""
        match = re.fullmatch(r"(?:user)?(\d{1,18})", str(value))
        return int(match[1]) if match else self.fail(f"{value} is no user id: user1000 or 1000", param, ctx)


@click.command("import")
@config_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--me", type=UserId(), metavar="ID", help="Who you are, where the file does not say: user1000 or 1000.")
def import_command(config_path: Path, file: Path, me: int | None) -> None:
    """Read FILE, a result.json that Telegram Desktop exported.

    It may be of your whole account or of one chat. A later sync lands on the same messages, so nothing is
    stored twice.
    """
    config = configuration.load(config_path)
    config.make_state()
    with open_store(config.database) as store, progress(Console(stderr=True)) as report:
        result = import_file(store, file, me=me, report=report)
    if result.skipped:
        click.echo(f"Warning: {result.skipped:,} records could not be read and were skipped.", err=True)
    click.echo(f"{result.chats:,} chats, {result.messages:,} messages, {result.new:,} of them new")
