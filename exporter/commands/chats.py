"""The command that shows which chats there are."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from exporter import config as configuration
from exporter.cli import config_option
from exporter.store import open_store


@click.command("chats")
@config_option
def chats_command(config_path: Path) -> None:
    """List the chats that are stored, the largest first."""
    config = configuration.load(config_path)
    config.make_state()
    with open_store(config.database) as store:
        chats = store.chats()
    if not chats:
        click.echo("No chats are stored yet: run `python -m exporter sync` or `… import FILE`.")
        return
    table = Table("chat", "kind", "id")
    table.add_column("stored", justify="right")
    table.add_column("own", justify="right")
    for chat in chats:
        name = "Saved Messages" if chat.peer.kind == "self" else chat.peer.name
        table.add_row(name, chat.peer.kind, str(chat.peer.peer_id), f"{chat.messages:,}", f"{chat.own:,}")
    Console().print(table)
