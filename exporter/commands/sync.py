"""`sync`: pull history, or show what would be pulled."""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.account.connection import AccountInUse, connect
from exporter.account.limiter import Limiter
from exporter.cli import config_option, counted
from exporter.commands.options import period, since_option, until_option
from exporter.commands.terminal import tell, unlocked
from exporter.following.asking import ask_to_sync
from exporter.following.requests import Wish
from exporter.progress import Aloud, Report, progress
from exporter.pulling.estimate import Estimate, Forecast, forecast
from exporter.pulling.plan import Options
from exporter.pulling.sync import SyncResult, sync
from exporter.rights.consent import Ledger
from exporter.settings import config as configuration
from exporter.settings.config import Config, Kind
from exporter.settings.selection import to_contact
from exporter.storing.store import Store, open_store

GRACE = 5.0
"""Seconds that a request in flight has after Ctrl-C to bring its page."""
ONLY_ON_DEVICES = "Secret chats are not among them: Telegram keeps those on the device where they were begun."


@click.command("sync")
@config_option
@click.option("--chat", "chats", multiple=True, help="Only this chat: its name, @username or id.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(get_args(Kind)), help="Only chats of this kind.")
@since_option
@until_option
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Of each chat, only the newest so many messages.")
@click.option("--takeout", is_flag=True, help="Export without pauses; Telegram wants you to approve it first.")
@click.option("--recheck", is_flag=True, help="Look now for recent messages that were edited or deleted.")
@click.option("--accept-deletions", is_flag=True, help="Believe it where most of a chat was deleted.")
@click.option("--dry-run", is_flag=True, help="Show what would be fetched, and fetch nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
def sync_command(
    config_path: Path,
    chats: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    as_json: bool,
    **more: Any,
) -> None:
    """Fetch what is missing of the chats chosen under [sync].

    The first run fetches all of their history, later ones only what is new. It may be stopped at any time: the next
    run goes on from the last page. All options narrow what the configuration chooses; none can choose more. --chat and
    --kind may be given several times.
    """
    config = unlocked(configuration.load(config_path))
    config.make_state()
    begin, end = period(since, until, config.timezone)
    options = Options(
        chats=tuple(map(to_contact, chats)),
        since=begin,
        until=end,
        **{**more, "kinds": frozenset(more["kinds"])},
    )
    with open_store(config.database) as store, progress(Console(stderr=True)) as report:
        is_first = not store.chats()
        result = _here_or_there(config, store, options, report, dry_run=dry_run)
    _tell(result, as_json=as_json)
    if is_first or dry_run:
        click.echo(ONLY_ON_DEVICES, err=True)


def _here_or_there(
    config: Config, store: Store, options: Options, report: Report, *, dry_run: bool
) -> SyncResult | Forecast:
    """Run it; where another process has the account, ask that one to."""
    while True:
        try:
            return asyncio.run(_run(config, store, options, report, dry_run=dry_run))
        except asyncio.CancelledError:
            raise click.Abort from None
        except AccountInUse as held:
            if dry_run:
                raise
            result = ask_to_sync(
                config, store, Wish(config.sync, options, config.consent), held, report=report, say=tell
            )
        if result:
            return result


async def _run(
    config: Config, store: Store, options: Options, report: Report, *, dry_run: bool
) -> SyncResult | Forecast:
    async with connect(config, say=tell) as client:
        aloud, ledger = Aloud(report), Ledger(store.database, config.consent)
        limiter = Limiter(client, store.state, config.sync.requests_per_second, say=aloud.note)
        with _finishing(limiter):
            if dry_run:
                return await forecast(limiter, store, config.sync, ledger, options, report=aloud)
            return await sync(client, store, config.sync, ledger, options, limiter=limiter, report=aloud)


@contextmanager
def _finishing(limiter: Limiter) -> Iterator[None]:
    """On the first Ctrl-C, let the request in flight end and its page be stored; on the second, end at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("only within a task")
    with ExitStack() as at_the_end:

        def stop() -> None:
            if limiter.in_flight and not limiter.ended:
                limiter.ended = True
                at_the_end.callback(loop.call_later(GRACE, task.cancel).cancel)
            else:
                task.cancel()

        loop.add_signal_handler(signal.SIGINT, stop)
        at_the_end.callback(loop.remove_signal_handler, signal.SIGINT)
        yield


def _tell(result: SyncResult | Forecast, *, as_json: bool) -> None:
    match result:
        case SyncResult() if as_json:
            rate = round(result.messages_per_second, 1)
            click.echo(json.dumps({**asdict(result), "seconds": round(result.seconds, 3), "messages_per_second": rate}))
        case SyncResult():
            _tell_result(result)
        case Forecast() if as_json:
            chats = [_fields(one, result) for one in result.estimates]
            click.echo(json.dumps({"chats": chats, "warnings": result.notes}))
        case Forecast():
            Console().print(_table(result))
            for note in result.notes:
                click.echo(f"Note: {note}.", err=True)


def _tell_result(result: SyncResult) -> None:
    changed = {"edited": result.edited, "deleted": result.deleted}
    more = "".join(f", {number:,} {what}" for what, number in changed.items() if number)
    chats, messages = counted(result.chats, "chat"), counted(result.messages, "message")
    click.echo(f"{chats}, {messages}, {result.new:,} of them new{more}")
    click.echo(
        f"{result.seconds:,.1f} s, {result.messages_per_second:,.0f} messages/s, "
        f"{counted(result.requests, 'request')}, {result.slept:,.1f} s of waiting for Telegram's rate",
        err=True,
    )
    for warning in result.warnings:
        click.echo(f"Note: {warning}.", err=True)


def _fields(one: Estimate, forecast: Forecast) -> dict[str, Any]:
    counts = {name: getattr(one, name) for name in ("server", "stored", "missing", "requests")}
    seconds = round(one.requests * forecast.seconds_per_request, 1)
    return {"chat_id": one.chat.peer.peer_id, "kind": one.chat.peer.kind, **counts, "seconds": seconds}


def _table(forecast: Forecast) -> Table:
    """What would be fetched; times are for the pace that Telegram is asked at now."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_footer=True)
    total = sum(one.requests for one in forecast.estimates)
    names = ("server", "stored", "missing", "requests")
    table.add_column("chat", overflow="fold", footer="all")
    table.add_column("kind")
    for name in names:
        footer = f"{sum(getattr(one, name) for one in forecast.estimates):,}"
        table.add_column(name, justify="right", no_wrap=True, footer=footer)
    table.add_column("time", justify="right", no_wrap=True, footer=_time(total * forecast.seconds_per_request))
    for one in forecast.estimates:
        peer = one.chat.peer
        numbers = (f"{getattr(one, name):,}" for name in names)
        table.add_row(Text(peer.title), peer.kind, *numbers, _time(one.requests * forecast.seconds_per_request))
    return table


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
