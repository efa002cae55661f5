"""`status`: how the double is doing."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from bot.deciding.modes import Modes
from bot.desks.drafts import Drafts
from bot.running.status import status
from bot.sending.stops import Stops
from bot.tables import open_history
from exporter.cli import config_option
from exporter.rights.consent import Ledger
from exporter.settings import config as configuration
from trainer.models.registry import current


@click.command("status")
@config_option
def status_command(config_path: Path) -> None:
    """Say how the double is doing.

    That is: what is stopped, the modes of your contacts, how many drafts wait for you, how much was sent today, what
    was decided about today's messages and why, how long proposals and answers took (half of them no longer than p50,
    95 of 100 no longer than p95), which model speaks, and what came of the last training. A running bot is not needed,
    and not asked.
    """
    config = configuration.load(config_path)
    artifact = current(config.models)
    with open_history(config) as store:
        clock = partial(datetime.now, UTC)
        modes = Modes(config, store, clock)
        zone = ZoneInfo(config.timezone)
        ledger, drafts = Ledger(store.database, config.consent), Drafts(store.database, clock)
        stops = Stops(store, config.stop_file, clock)
        click.echo(status(store, ledger, drafts, stops, artifact, modes, now=clock(), zone=zone))
        folders = {"draft": config.reply.draft_folder, "auto": config.reply.auto_folder}
        for mode, title in folders.items():
            if title:
                click.echo(f"{mode}, too: whoever lies in your folder {title} when the bot runs")
