"""The bot's commands, as `python -m bot` runs them."""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import SystemRandom
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import cards
from bot.compare import Sample, compare
from bot.drafts import Drafts
from bot.engine import open_double
from bot.modes import Modes
from bot.past import Past
from bot.status import status
from bot.stops import ACCOUNT, Stops
from bot.tables import migrations
from bot.talk import talk
from exporter import config as configuration
from exporter.cli import EXIT_CODES, DefaultGroup, config_option, loading
from exporter.config import Config
from exporter.consent import Ledger, how_to_grant
from exporter.errors import DoppelgangerError
from exporter.log import log_to_stderr
from exporter.progress import progress
from exporter.selection import resolve_contact
from exporter.store import Store, open_store
from trainer.models.registry import current
from trainer.reading.conversations import views


@click.group(cls=DefaultGroup, epilog=EXIT_CODES)
def main() -> None:
    """Let your double draft your replies, or send them by itself, to the contacts that you name under [reply].

    Without a command it runs.
    """


@main.command("run")
@config_option
@click.option("--verbose", is_flag=True, help="Log more events; never a word of what anybody writes.")
def run_command(config_path: Path, verbose: bool) -> None:
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

    log_to_stderr(logging.DEBUG if verbose else logging.INFO)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    config = configuration.load(config_path)
    asyncio.run(app.run(config, lambda line: console.print(f"{datetime.now(UTC):%H:%M:%S} {line}")))


@main.command("chat")
@config_option
@click.option("--as", "name", required=True, metavar="NAME", help="The contact you are, as under [reply].")
def chat_command(config_path: Path, name: str) -> None:
    """Talk with your double in the terminal, as one of your contacts.

    Each line is a message; Ctrl-D ends it. Nothing is sent to anybody, and nothing is stored.
    """
    log_to_stderr()
    config = configuration.load(config_path)
    artifact = current(config.models)
    with _history(config) as store:
        if store.owner() is None:
            raise _nothing_synced()
        contact = resolve_contact(name, store.peers().values())
        if not Ledger(store.database, config.consent).allows(contact, "reply"):
            fix = f"once they agree: {how_to_grant(contact, 'reply')}"
            raise DoppelgangerError(f"no consent to let the double answer {contact.name}", fix=fix)
        card = artifact.card
        view = views(store, config, card.gaps, region=card.region, speaker=card.speaker).of(contact)
        memory = asyncio.run(Past(store, view).memory())
        forgotten = store.forgotten.ids()
    temperature, random = config.reply.temperature, SystemRandom()
    with open_double(
        artifact.card, artifact.gguf, forgotten=forgotten, temperature=temperature, random=random
    ) as engine:
        talk(
            engine,
            view,
            memory,
            _lines(f"{contact.name}: "),
            lambda who, text: click.echo(f"{who}: {text}"),
            partial(datetime.now, UTC),
        )


@main.command("status")
@config_option
def status_command(config_path: Path) -> None:
    """Say which model speaks, to whom, and what is open.

    That is: the newest model and how well it knows your words, with whom it speaks, how many drafts wait for you, how
    much was sent today, and what was decided about today's messages, with the reasons.
    """
    config = configuration.load(config_path)
    card = current(config.models).card
    with _history(config) as store:
        clock = partial(datetime.now, UTC)
        modes = Modes(config, store, clock).now()
        zone = ZoneInfo(config.timezone)
        ledger, drafts = Ledger(store.database, config.consent), Drafts(store.database, clock)
        click.echo(status(store, ledger, drafts, card, modes, now=clock(), zone=zone))
        folders = {"draft": config.reply.draft_folder, "auto": config.reply.auto_folder}
        for mode, title in folders.items():
            if title:
                click.echo(f"{mode}, too: whoever lies in your folder {title} when the bot runs")


@main.command("stop")
@config_option
@click.argument("contact", required=False)
def stop_command(config_path: Path, contact: str | None) -> None:
    """Send nothing more, to CONTACT or to anybody, until `resume`.

    A running double heeds it before its next message, and so does one that is started later. Drafts still come.
    """
    with _history(configuration.load(config_path)) as store:
        chat_id, name = _whom(store, contact)
        Stops(store, partial(datetime.now, UTC)).stop(chat_id)
    click.echo(f"nothing is sent to {name or 'anybody'} any more; `python -m bot resume` ends that")


@main.command("resume")
@config_option
@click.argument("contact", required=False)
def resume_command(config_path: Path, contact: str | None) -> None:
    """Send again to CONTACT, or to everybody, as the configuration says.

    That also ends what began because Telegram refused to deliver, to somebody who had blocked you, for example. What
    Telegram asks to wait for goes on until its end.
    """
    config = configuration.load(config_path)
    with _history(config) as store:
        chat_id, name = _whom(store, contact)
        left = Stops(store, partial(datetime.now, UTC)).lift(chat_id)
        peers = store.peers()
    for stop in left:
        click.echo(cards.stopped(stop, peers, ZoneInfo(config.timezone)))
    if not left:
        click.echo(f"the double speaks with {name or 'everybody'} again, as [reply] in the configuration says")


@main.command("compare")
@config_option
@click.option("--count", type=click.IntRange(min=1), default=5, show_default=True, help="How many moments.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON: context, real, base, tuned of each.")
def compare_command(config_path: Path, count: int, as_json: bool) -> None:
    """Show your words, the base model's and your double's.

    At moments that the model did not learn from: what was said before, what you truly answered, what the model says
    that the double was made from, and what the double says.
    """
    log_to_stderr()
    config = configuration.load(config_path)
    artifact = current(config.models)
    with _history(config) as store, progress(Console(stderr=True)) as report:
        samples = compare(config, store, artifact, count=count, random=SystemRandom(), report=report)
    if as_json:
        click.echo(json.dumps([asdict(sample) for sample in samples], ensure_ascii=False))
    else:
        Console().print(_table(samples))


@contextmanager
def _history(config: Config) -> Iterator[Store]:
    config.make_state()
    with open_store(config.database, migrations) as store:
        yield store


def _lines(question: str) -> Iterator[str]:
    """What is typed, asked for where somebody sits at a terminal; or what is piped in."""
    while True:
        if sys.stdin.isatty():
            click.echo(question, nl=False)
        line = sys.stdin.readline()
        if not line:
            return
        yield line


def _table(samples: list[Sample]) -> Table:
    table = Table("before it", "you", "base", "double", show_lines=True)
    for one in samples:
        table.add_row(*(Text("\n".join(texts)) for texts in (one.context, one.real, one.base, one.tuned)))
    return table


def _whom(store: Store, contact: str | None) -> tuple[int, str | None]:
    """A chat's id and name; without a contact, all chats, which have no name."""
    if contact is None:
        return ACCOUNT, None
    peer = resolve_contact(contact, store.peers().values())
    return peer.peer_id, peer.name


def _nothing_synced() -> DoppelgangerError:
    return DoppelgangerError("nothing is synced yet", fix="run `python -m exporter sync` first")
