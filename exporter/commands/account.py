"""`sessions` and `logout`: where the account is logged in, and the end of our own session."""

import asyncio
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.account.connection import connect
from exporter.account.sessions import Session, fetch_sessions, find_session, log_out, terminate
from exporter.cli import DefaultGroup, config_option
from exporter.commands.terminal import ask, tell, unlocked
from exporter.settings import config as configuration
from exporter.settings.config import Config


@click.command("logout")
@config_option
def logout_command(config_path: Path) -> None:
    """End this program's session, and erase its file.

    Telegram is told first: a file that is only deleted leaves a session behind that still works for whoever has a
    copy. History and models stay.
    """
    config = unlocked(configuration.load(config_path))
    if not config.session.exists():
        click.echo("This account is not logged in here; nothing to do.")
        return
    known = asyncio.run(log_out(config))
    click.echo("Telegram has ended the session." if known else "Telegram had ended the session before.")
    click.echo(f"Erased: {config.session}")
    click.echo(f"Kept: {config.database}, with all history, and {config.models}, if anything was trained.")


@click.group("sessions", cls=DefaultGroup)
def sessions_command() -> None:
    """See where your account is logged in, and end sessions.

    Without a command it lists them.
    """


@sessions_command.command("list")
@config_option
def list_command(config_path: Path) -> None:
    """List the devices and programs that are logged in, ours first.

    One with "no password yet" knows the code that Telegram sent you: if that is not you, end it.
    """
    config = unlocked(configuration.load(config_path))
    config.make_state()
    sessions = asyncio.run(_sessions(config))
    Console().print(table(sessions, ZoneInfo(config.timezone)))


@sessions_command.command("terminate")
@config_option
@click.argument("which", metavar="N|HASH")
def terminate_command(config_path: Path, which: str) -> None:
    """End the session that is number N in the list, or has this HASH.

    You are asked first. Whoever uses that device is logged out there at once.
    """
    config = unlocked(configuration.load(config_path))
    config.make_state()
    ended = asyncio.run(_terminate(config, which))
    click.echo(f"Ended: {ended.device}." if ended else "Nothing was ended.")


async def _sessions(config: Config) -> tuple[Session, ...]:
    async with connect(config, say=tell) as client:
        return await fetch_sessions(client)


async def _terminate(config: Config, which: str) -> Session | None:
    """The session that was ended; None where the user did not want to."""
    zone = ZoneInfo(config.timezone)
    async with connect(config, say=tell) as client:
        session = find_session(which, await fetch_sessions(client))
        known_as = f"{session.device}, {session.app}, {session.place}, last active {_moment(session.active_at, zone)}"
        if ask(f"End the session on {known_as}? [y/N] ").lower() not in ("y", "yes"):
            return None
        await terminate(client, session)
        return session


def table(sessions: tuple[Session, ...], zone: tzinfo) -> Table:
    """Two lines a session, for all of it is wider than a terminal."""
    drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, leading=1)
    for name in ("", "device\napp", "place", "created\nlast active", "hash"):
        drawn.add_column(name, overflow="fold")
    for number, one in enumerate(sessions, 1):
        waits = "\nno password yet" if one.unfinished else ""
        moments = f"{_moment(one.created_at, zone)}\n{_moment(one.active_at, zone)}"
        known_as = "this program" if one.own else one.hash
        drawn.add_row(*map(Text, (str(number), f"{one.device}\n{one.app}{waits}", one.place, moments, known_as)))
    return drawn


def _moment(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
