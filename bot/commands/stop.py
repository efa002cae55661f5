"""`stop` and `resume`: send nothing more, send again."""

import shlex
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from bot.desks import cards
from bot.sending.refused import STOP_FILE
from bot.sending.stops import Stops, whom
from bot.tables import open_history
from exporter.cli import config_option
from exporter.settings import config as configuration


@click.command("stop")
@config_option
@click.argument("contact", required=False)
def stop_command(config_path: Path, contact: str | None) -> None:
    """Send nothing more, to CONTACT or to anybody, until `resume`.

    A running double heeds it before its next message, and so does one that is started later. Drafts still come.

    Where this program cannot be reached, an empty file does the same for everybody: STOP in the state folder. Only
    taking it away ends that.
    """
    config = configuration.load(config_path)
    with open_history(config) as store:
        chat_id, name = whom(store, contact)
        Stops(store, config.stop_file, partial(datetime.now, UTC)).stop(chat_id)
    click.echo(f"nothing is sent to {name or 'anybody'} any more; `python -m bot resume` ends that")


@click.command("resume")
@config_option
@click.argument("contact", required=False)
def resume_command(config_path: Path, contact: str | None) -> None:
    """Send again to CONTACT, or to everybody.

    As the configuration says, that is. It also ends what began because Telegram refused to deliver, to somebody who had
    blocked you, for example. What Telegram asks to wait for goes on until its end, and so does what the file STOP
    stopped, until it is gone.
    """
    config = configuration.load(config_path)
    with open_history(config) as store:
        chat_id, name = whom(store, contact)
        left = Stops(store, config.stop_file, partial(datetime.now, UTC)).lift(chat_id)
        peers = store.peers()
    for stop in left:
        click.echo(cards.stopped(stop, peers, ZoneInfo(config.timezone)))
        if stop.code == STOP_FILE:
            click.echo(f"That is: rm {shlex.quote(str(config.stop_file))}")
    if not left:
        click.echo(f"the double speaks with {name or 'everybody'} again, as [reply] in the configuration says")
