"""`import`: read exports of Telegram Desktop's and WhatsApp's."""

from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from exporter.cli import config_option, counted
from exporter.imports import ImportResult, import_file
from exporter.progress import progress
from exporter.rights.consent import how_to_grant
from exporter.settings import config as configuration
from exporter.storing.fulltext import catch_up
from exporter.storing.store import open_store


@click.command("import")
@config_option
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--me", metavar="NAME", help="Who you are, as the file names you; of Telegram's also user1000.")
@click.option("--as", "contact", metavar="CONTACT", help="Who of your Telegram contacts a WhatsApp chat is with.")
def import_command(config_path: Path, paths: tuple[Path, ...], me: str | None, contact: str | None) -> None:
    """Read exports of your chats, without any connection.

    \b
    Telegram  in Telegram Desktop: Settings, Advanced, Export Telegram data, as
              machine-readable JSON; or Export chat history in one chat's menu.
              PATH is the result.json, or its folder.
    WhatsApp  on the phone: in the chat's menu More, Export chat, without media.
              PATH is the zip, the text in it, or its folder.

    \b
    Some files do not say who you are:
      import "WhatsApp Chat with Anna.zip" --me "Olive Oyl"
    Someone you write with on both is one chat once you say so:
      import "WhatsApp Chat with Anna.zip" --me "Olive Oyl" --as @anna_b

    A rerun, a longer export of the same chat and a later sync store nothing twice. WhatsApp writes the time of the
    phone's clock: it is read as of the `timezone` in the configuration.
    """
    config = configuration.load(config_path)
    if contact is not None and len(paths) > 1:
        raise click.UsageError("--as says with whom one chat is: import the others by themselves")
    config.make_state()
    zone = ZoneInfo(config.timezone)
    with open_store(config.database) as store:
        for path in paths:
            with progress(Console(stderr=True)) as report:
                result = import_file(store, path, me=me, zone=zone, contact=contact, report=report)
            _tell(path, result)
        with progress(Console(stderr=True)) as report:
            catch_up(store.database, report=report)


def _tell(path: Path, result: ImportResult) -> None:
    if result.skipped:
        click.echo(f"Warning: {result.skipped:,} records of {path} could not be read and were skipped:", err=True)
        for where in result.named:
            click.echo(f"  {where}", err=True)
        if result.skipped > len(result.named):
            click.echo(f"  and {result.skipped - len(result.named):,} more", err=True)
    for peer, records in result.left_out:
        click.echo(
            f"Warning: {peer.name} is left out with {counted(records, 'message')}: consent was revoked; "
            f"{how_to_grant(peer, 'store')}",
            err=True,
        )
    chats, messages = counted(result.chats, "chat"), counted(result.messages, "message")
    click.echo(f"{path}: {chats}, {messages}, {result.new:,} of them new")
