"""`status`: which model speaks, to whom, and what is open."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from bot.commands.history import history
from bot.deciding.modes import Modes
from bot.desks.drafts import Drafts
from bot.running.status import status
from bot.sending.stops import Stops
from exporter import config as configuration
from exporter.cli import config_option
from exporter.consent import Ledger
from trainer.models.registry import current


@click.command("status")
@config_option
def status_command(config_path: Path) -> None:
    """Say which model speaks, to whom, and what is open.

    That is: the newest model and how well it knows your words, with whom it speaks, how many drafts wait for you, how
    much was sent today, and what was decided about today's messages, with the reasons.
    """
    config = configuration.load(config_path)
    card = current(config.models).card
    with history(config) as store:
        clock = partial(datetime.now, UTC)
        modes = Modes(config, store, clock).now()
        zone = ZoneInfo(config.timezone)
        ledger, drafts = Ledger(store.database, config.consent), Drafts(store.database, clock)
        stops = Stops(store, config.stop_file, clock)
        click.echo(status(store, ledger, drafts, stops, card, modes, now=clock(), zone=zone))
        folders = {"draft": config.reply.draft_folder, "auto": config.reply.auto_folder}
        for mode, title in folders.items():
            if title:
                click.echo(f"{mode}, too: whoever lies in your folder {title} when the bot runs")
