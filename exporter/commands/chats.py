"""`chats`: which chats there are."""

import asyncio
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.account.connection import connect
from exporter.cli import config_option
from exporter.commands.terminal import tell, unlocked
from exporter.errors import ConfigError
from exporter.progress import Report, progress
from exporter.pulling.overview import Overview, overview, refresh
from exporter.rights.consent import Ledger
from exporter.settings import config as configuration
from exporter.settings.config import Config
from exporter.storing.store import Store, open_store

UNKNOWN = "?"


@click.command("chats")
@config_option
@click.option("--refresh", "refreshed", is_flag=True, help="Ask Telegram for all chats, and how much the chosen hold.")
def chats_command(config_path: Path, refreshed: bool) -> None:
    """List your chats, the largest first.

    \b
    server   messages that Telegram has, when it was last asked
    stored   messages that are stored here; own: those that you wrote
    sync     yes: chosen under [sync]
    consent  what the people there agree to: store, learn, reply, or - for nothing;
             protected: Telegram forbids saving it
    mode     off, draft or auto, as [reply] says

    Without --refresh nobody is asked, and chats are those of the last sync, import or --refresh.
    """
    config = configuration.load(config_path)
    config.make_state()
    with open_store(config.database) as store:
        problems = _refresh(unlocked(config), store) if refreshed else []
        chats, unclear = overview(config, store)
    if chats:
        Console().print(_table(chats))
    else:
        click.echo("No chats are stored yet: run `python -m exporter chats --refresh`, `… sync` or `… import PATH`.")
    for problem in {str(one): one for one in (*problems, *unclear)}.values():
        click.echo(f"Note: {problem.problem}; {problem.fix}.", err=True)


def _refresh(config: Config, store: Store) -> list[ConfigError]:
    """What is not clear in the configuration, if anything: whoever mends it needs the list of chats."""
    ledger = Ledger(store.database, config.consent)

    async def ask(report: Report) -> list[ConfigError]:
        async with connect(config, say=tell) as client:
            try:
                await refresh(client, store, config.sync, ledger, report=report)
            except ConfigError as problem:
                return [problem]
            return []

    with progress(Console(stderr=True)) as report:
        return asyncio.run(ask(report))


def _table(chats: list[Overview]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("chat", overflow="fold")
    table.add_column("kind")
    table.add_column("id", no_wrap=True)
    for name in ("server", "stored", "own"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("sync", no_wrap=True)
    table.add_column("consent")
    table.add_column("mode", no_wrap=True)
    for chat in chats:
        server = UNKNOWN if chat.server is None else f"{chat.server:,}"
        counts = (server, f"{chat.stored:,}", f"{chat.own:,}")
        chosen = {None: UNKNOWN, True: "yes", False: "-"}[chat.chosen]
        consent = "protected" if chat.protected else " ".join(chat.consent) or "-"
        said = (chosen, consent, chat.mode or UNKNOWN)
        table.add_row(*map(Text, (chat.peer.title, chat.peer.kind, str(chat.peer.peer_id), *counts, *said)))
    return table
