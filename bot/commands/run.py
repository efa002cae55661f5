"""`run`: be the double, until Ctrl-C."""

import asyncio
import faulthandler
import logging
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from exporter.cli import config_option, loading, log_format_option
from exporter.commands.terminal import unlocked
from exporter.log import LogFormat, log_to_stderr
from exporter.settings import config as configuration

STDERR = 2
"""The file that is there also where Python's own is another."""


@click.command("run")
@config_option
@log_format_option
@click.option("--verbose", is_flag=True, help="Log more events; never a word of what anybody writes.")
def run_command(config_path: Path, log_format: LogFormat, verbose: bool) -> None:
    """Run the double until Ctrl-C.

    Contacts under [reply] draft: proposals come to your Saved Messages (and to the control bot, if you gave it a
    token). Reply to a card with a number, with + for the first, with - for none, or with words of your own.

    Contacts under [reply] auto: the double answers by itself, read mark, typing and pauses like a person's. What is
    older than ten minutes, or than the start of the bot, becomes a draft. Everybody else is left alone. Whenever you
    answer somebody yourself, the double keeps quiet.

    Events go to stderr, one line each.
    """
    with loading():
        from bot import app  # aiogram takes two seconds to import, which the other commands need not wait for

    log_to_stderr(logging.DEBUG if verbose else logging.INFO, log_format)
    faulthandler.enable(STDERR)  # where it hung, by files and lines alone, if a watchdog has to end it
    console = Console(highlight=False, markup=False, soft_wrap=True)
    config = unlocked(configuration.load(config_path))
    asyncio.run(app.run(config, lambda line: console.print(f"{datetime.now(UTC):%H:%M:%S} {line}")))
