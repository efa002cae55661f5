"""The command that pulls history."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from exporter import config as configuration
from exporter.cli import config_option
from exporter.config import Config
from exporter.progress import Report, progress
from exporter.store import Store, open_store
from exporter.sync import SyncResult, sync
from exporter.telegram import connect


@click.command("sync")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
def sync_command(config_path: Path, as_json: bool) -> None:
    """Fetch what is missing of the chats chosen under [sync].

    The first run fetches all of their history, later ones only what is new. It may be stopped at any time: the next
    run goes on from the last page.
    """
    config = configuration.load(config_path)
    config.make_state()
    with open_store(config.database) as store, progress(Console(stderr=True)) as report:
        result = asyncio.run(_sync(config, store, report))
    if as_json:
        rate = round(result.messages_per_second, 1)
        click.echo(json.dumps({**asdict(result), "seconds": round(result.seconds, 3), "messages_per_second": rate}))
    else:
        click.echo(f"{result.chats:,} chats, {result.messages:,} messages, {result.new:,} of them new")


async def _sync(config: Config, store: Store, report: Report) -> SyncResult:
    async with connect(config) as client:
        return await sync(client, store, config.sync, report=report)
