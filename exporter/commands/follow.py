"""`follow`: keep what is stored current."""

import asyncio
import signal
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from exporter.account.client import Link
from exporter.account.connection import connect
from exporter.cli import config_option, counted, log_format_option
from exporter.commands.terminal import unlocked
from exporter.following.live import Live
from exporter.following.running import ended_by, one_problem, persevere
from exporter.log import LogFormat, log_to_stderr
from exporter.messages import Message
from exporter.progress import Say, progress
from exporter.pulling.sync import sync
from exporter.rights.consent import Ledger
from exporter.settings import config as configuration
from exporter.settings.config import Config
from exporter.storing.store import Store, open_store

REFRESH = 1.0
"""Seconds between two looks at how things stand."""


@click.command("follow")
@config_option
@log_format_option
def follow_command(config_path: Path, log_format: LogFormat) -> None:
    """Sync, then keep what is stored current.

    Until Ctrl-C, what is said, edited and deleted in the chats chosen under [sync] is stored as it happens. What gets
    lost on the way, or while the network is down, is found again within a minute. Meanwhile, `python -m exporter sync`
    in another terminal asks this process to sync.
    """
    log_to_stderr(form=log_format)
    config = unlocked(configuration.load(config_path))
    config.make_state()
    with open_store(config.database) as store:
        asyncio.run(_run(config, store, Console(stderr=True, highlight=False, markup=False, soft_wrap=True)))


async def _run(config: Config, store: Store, console: Console) -> None:
    zone = ZoneInfo(config.timezone)

    def say(line: str) -> None:
        console.print(f"{datetime.now(zone):%H:%M:%S} {line}")

    with ended_by(signal.SIGTERM):
        await persevere(partial(_follow, config, store, console, zone, say), say)


async def _follow(config: Config, store: Store, console: Console, zone: tzinfo, say: Say) -> None:
    with one_problem():
        async with connect(config, lasting=True, say=say) as client:
            ledger = Ledger(store.database, config.consent)
            with progress(console) as report:
                result = await sync(client, store, config.sync, ledger, report=report)
            for warning in result.warnings:
                say(f"note: {warning}")
            status = _Status(client.link, zone, stored=result.messages)
            live = Live(client, store, config.sync, ledger, on_message=status.hear, say=say)
            messages = counted(result.messages, "message")
            say(f"following {counted(result.chats, 'chat')}: {messages}, {result.new:,} of them new")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(live.run())
                tasks.create_task(_show(console, status, live))


class _Status:
    """How things stand, in a line. `stored` is how many messages were there when following began."""

    def __init__(self, link: Link, zone: tzinfo, *, stored: int) -> None:
        self._link = link
        self._zone = zone
        self._stored = stored
        self._new = 0

    def hear(self, message: Message, is_new: bool) -> None:
        """Count what is new."""
        self._new += is_new

    def line(self, live: Live) -> str:
        """As of now."""
        lost_at = self._link.lost_at
        line = f"not connected since {self._time(lost_at)}" if lost_at else "connected"
        for what, moment in (("last update", live.follower.heard_at), ("checked", live.reconciler.looked_at)):
            if moment:
                line += f" · {what} {self._time(moment)}"
        return f"{line} · {counted(self._stored + self._new, 'message')}, {self._new:,} of them since the start"

    def _time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%H:%M:%S}"


async def _show(console: Console, status: _Status, live: Live) -> None:
    """Keep the line up to date, where there is a terminal to draw on."""
    if not console.is_terminal:
        return
    with console.status(status.line(live)) as shown:
        while True:
            await asyncio.sleep(REFRESH)
            shown.update(status.line(live))
