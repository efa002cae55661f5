"""The exporter's commands, as `python -m exporter` runs them."""

import asyncio
import json
import re
import signal
import sys
from dataclasses import asdict
from itertools import chain, repeat
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from exporter import config as configuration
from exporter.cli import EXIT_CODES, DefaultGroup, config_option
from exporter.config import Config
from exporter.errors import LoginError
from exporter.imports import import_file
from exporter.log import log_to_stderr
from exporter.progress import Report, progress
from exporter.store import Store, open_store
from exporter.sync import SyncResult, sync
from exporter.telegram import connect, login


class UserId(click.ParamType[int]):
    """`user1000`, as exports write it, or 1000."""

    name = "id"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or click's own error."""
        match = re.fullmatch(r"(?:user)?(\d{1,18})", str(value))
        return int(match[1]) if match else self.fail(f"{value} is no user id: user1000 or 1000", param, ctx)


@click.group(cls=DefaultGroup, epilog=EXIT_CODES)
def main() -> None:
    """Pull your own Telegram history into one SQLite file, and keep it up to date.

    Without a command it syncs.
    """
    log_to_stderr()


@main.command("sync")
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


@main.command("login")
@config_option
def login_command(config_path: Path) -> None:
    """Log in with your phone number and Telegram's code.

    Telegram sends the code to your other devices, or as an SMS. The session is kept in the state folder;
    whoever has that file has your account.
    """
    config = configuration.load(config_path)
    codes = chain(["Code that Telegram sent you: "], repeat("That was not the code. Once more: "))
    owner = asyncio.run(
        login(
            config,
            ask_phone=lambda: _ask("Phone number, as in +351…: "),
            ask_code=lambda: _ask(next(codes)),
            ask_password=lambda: _ask("Password of two-step verification: ", hidden=True),
        )
    )
    click.echo(f"Logged in as {owner.name} ({owner.peer_id}).")


def _ask(question: str, *, hidden: bool = False) -> str:
    """One line from the terminal, or from whatever stands in its place. Ctrl-C works: asyncio would hold it back."""
    held_back = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if hidden and sys.stdin.isatty():
            return str(click.prompt(question, prompt_suffix="", hide_input=True, err=True))
        click.echo(question, err=True, nl=False)
        answer = sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, held_back)
    if not answer:
        click.echo(err=True)
        raise LoginError("a question of Telegram's was left without an answer", fix="run this in a terminal")
    return answer.strip()


@main.command("chats")
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


@main.command("import")
@config_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--me", type=UserId(), metavar="ID", help="Who you are, where the file does not say: user1000 or 1000.")
def import_command(config_path: Path, file: Path, me: int | None) -> None:
    """Read FILE, a result.json that Telegram Desktop exported.

    It may be of your whole account or of one chat. A later sync lands on the same messages, so nothing is
    stored twice.
    """
    config = configuration.load(config_path)
    config.make_state()
    with open_store(config.database) as store, progress(Console(stderr=True)) as report:
        result = import_file(store, file, me=me, report=report)
    if result.skipped:
        click.echo(f"Warning: {result.skipped:,} records could not be read and were skipped.", err=True)
    click.echo(f"{result.chats:,} chats, {result.messages:,} messages, {result.new:,} of them new")
