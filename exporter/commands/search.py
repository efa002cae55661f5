"""`search`: find messages by their words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.cli import config_option, counted
from exporter.commands.options import period, since_option, until_option
from exporter.commands.terminal import one_line
from exporter.errors import DoppelgangerError
from exporter.finding.search import Hit, Scope, Term, around, count, find, parse
from exporter.messages import Message, MessageKind, Peer
from exporter.progress import progress
from exporter.settings import config as configuration
from exporter.settings.selection import resolve_contact, to_contact
from exporter.storing.fulltext import catch_up
from exporter.storing.store import Store, open_store

BEFORE, AROUND = 80, 400
"""Characters shown of a long message: so many before the first word that was found, and so many in all."""
LONGEST_NAME = 16
"""Columns of a terminal."""


@click.command("search")
@config_option
@click.argument("words", metavar="WORDS...", nargs=-1, required=True)
@click.option("--chat", metavar="CONTACT", help="Only this chat: its name, @username or id.")
@since_option
@until_option
@click.option("--limit", type=click.IntRange(1, 1_000), metavar="N", default=10, show_default=True, help="The best N.")
@click.option("--json", "as_json", is_flag=True, help="Print what is found as one line of JSON.")
def search_command(
    config_path: Path,
    words: tuple[str, ...],
    chat: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Find what was said.

    \b
      search pizza tomorrow      both words, in any order
      search "see you tomorrow"  these words in this order
      search tomor*              words that begin so
      search 🎉                  emoji too, and punctuation

    The best come first: rare words count more than frequent ones, short messages more than long ones, recent ones more
    than old ones. With each stands what was said before and after it. Case and accents do not matter. Messages that
    were deleted on Telegram are left out.
    """
    config = configuration.load(config_path)
    if not (terms := parse(words)):
        raise click.UsageError("there is no word to look for")
    config.make_state()
    begin, end = period(since, until, config.timezone)
    with open_store(config.database) as store:
        scope = Scope(_chat_id(store, chat) if chat else None, begin, end)
        with progress(Console(stderr=True)) as report:
            catch_up(store.database, report=report)
        hits = find(store, terms, now=datetime.now(UTC), scope=scope, limit=limit)
        found = [_Found(hit, *around(store, hit)) for hit in hits]
        if not hits and not as_json:
            click.echo("\n".join(_nothing(store, terms, scope)), err=True)
        people = store.peers()
    zone = ZoneInfo(config.timezone)
    if as_json:
        click.echo(json.dumps([_fields(one, people, zone) for one in found], ensure_ascii=False))
    else:
        _show(Console(), found, people, zone)


@dataclass(frozen=True, slots=True)
class _Found:
    """A hit in its place."""

    hit: Hit
    before: Message | None
    after: Message | None


def _chat_id(store: Store, name: str) -> int:
    return resolve_contact(to_contact(name), [chat.peer for chat in store.chats()]).peer_id


def _nothing(store: Store, terms: Sequence[Term], scope: Scope) -> list[str]:
    """That there is nothing, why, and what else to try.

    Raises:
        DoppelgangerError: because nothing is stored at all.
    """
    if not store.chats():
        raise DoppelgangerError(
            "no messages are stored yet", fix="run `python -m exporter sync`, or `python -m exporter import FILE`"
        )
    where = "" if scope == Scope() else " there and then"
    lines = [f"No message has {'all of these' if len(terms) > 1 else 'this'}{where}."]
    counts = {term: count(store, term, scope) for term in terms}
    if len(terms) > 1:
        lines += [f"  {one_line(term.text)}: {counted(number, 'message')}" for term, number in counts.items()]
    missing = next((term.text for term, number in counts.items() if not number and term.is_indexed), None)
    hints = [f"the beginning of a word, as in {one_line(missing)[:4]}*"] if missing else []
    hints += ["fewer words"] if len(terms) > 1 else []
    hints += ["all chats and days"] if scope != Scope() else []
    return [*lines, f"Try {', or '.join(hints)}."] if hints else lines


def _show(console: Console, found: Sequence[_Found], people: Mapping[int, Peer], zone: tzinfo) -> None:
    for one in found:
        console.print(Text(_name(one.hit.chat_id, people), "bold"), no_wrap=True, overflow="ellipsis")
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, max_width=LONGEST_NAME, overflow="ellipsis")
        grid.add_column(overflow="fold")
        for message in filter(None, (one.before, one.hit.message, one.after)):
            is_hit = message is one.hit.message
            text = _excerpt(one.hit) if is_hit else Text(_said(message), no_wrap=True, overflow="ellipsis")
            grid.add_row(Text(_when(message, zone)), Text(_who(message, people)), text, style="" if is_hit else "dim")
        console.print(grid)
        console.print()


def _excerpt(hit: Hit) -> Text:
    """The message around the first word that was found, and all such words marked."""
    text = Text(_said(hit.message))
    for begin, end in hit.spans:
        text.stylize("bold yellow", begin, end)
    begin = max(0, hit.spans[0][0] - BEFORE) if hit.spans and len(text) > AROUND else 0
    shown = text[begin : begin + AROUND]
    return Text.assemble("…" if begin else "", shown, "…" if begin + AROUND < len(text) else "")


def _said(message: Message) -> str:
    """The words on one line, or what stands in their place."""
    if message.text or message.kind is MessageKind.TEXT:
        return one_line(message.text)
    return f"[{message.kind}{' ' + one_line(message.emoji) if message.emoji else ''}]"


def _who(message: Message, people: Mapping[int, Peer]) -> str:
    if message.outgoing:
        return "You"
    return one_line(people[message.sender_id].name) if message.sender_id in people else str(message.sender_id)


def _name(peer_id: int, people: Mapping[int, Peer]) -> str:
    return one_line(people[peer_id].title) if peer_id in people else str(peer_id)


def _when(message: Message, zone: tzinfo) -> str:
    local = message.sent_at.astimezone(zone)
    return f"{local.day:2} {local:%b %Y %H:%M}"


def _fields(one: _Found, people: Mapping[int, Peer], zone: tzinfo) -> dict[str, Any]:
    hit = one.hit
    fields = {"chat_id": hit.chat_id, "chat": _name(hit.chat_id, people), **_message_fields(hit.message, people, zone)}
    context = {
        side: _message_fields(message, people, zone) if message else None
        for side, message in (("before", one.before), ("after", one.after))
    }
    return {**fields, "spans": hit.spans, "score": round(hit.score, 3), **context}


def _message_fields(message: Message, people: Mapping[int, Peer], zone: tzinfo) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "sent_at": message.sent_at.astimezone(zone).isoformat(),
        "sender_id": message.sender_id,
        "sender": people[message.sender_id].name if message.sender_id in people else None,
        "outgoing": message.outgoing,
        "kind": message.kind,
        "text": message.text,
    }
