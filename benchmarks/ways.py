"""Ways to pull one chat's history from Telegram into SQLite: the product's, and those that one would think of first."""

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telethon import TelegramClient
from telethon.tl.functions.messages import GetHistoryRequest

from exporter.progress import Step
from exporter.pulling.sync import sync
from exporter.rights.consent import Ledger
from exporter.settings.config import Config
from exporter.storing.store import open_store

Advance = Callable[[int], None]
"""Told how many messages there are by now."""
TABLE = "create table messages (chat_id, message_id, sent_at, outgoing, text, primary key (chat_id, message_id))"
UPSERT = """
    insert into messages values (?, ?, ?, ?, ?)
    on conflict do update set sent_at = excluded.sent_at, outgoing = excluded.outgoing, text = excluded.text
"""
SOME = 5000
"""Messages of the slowest way, which would take a minute for all of them."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a way has done, connecting and opening the database left out."""

    messages: int
    seconds: float
    requests: int | None = None
    """To Telegram, pages and all others, where the way counts them."""


Way = Callable[[TelegramClient, Config, Path, Advance], Awaitable[Pulled]]


async def ours(client: TelegramClient, config: Config, database: Path, advance: Advance) -> Pulled:
    """`exporter sync`, all of it: every column, the intervals, versions of edits."""

    def report(step: Step) -> None:
        if step.stage != "chats":
            advance(int(step.done))

    with open_store(database) as store:
        result = await sync(client, store, config.sync, Ledger(store.database, config.consent), report=report)
    return Pulled(result.new, result.seconds, result.requests)


async def five_columns(client: TelegramClient, config: Config, database: Path, advance: Advance) -> Pulled:
    """The least that one could keep: five columns, a transaction a page."""
    with _table(database) as db:
        started, pulled = time.perf_counter(), 0
        async for page in _pages(client):
            with db:
                db.executemany(UPSERT, map(_five, page))
            pulled += len(page)
            advance(pulled)
        return Pulled(pulled, time.perf_counter() - started)


async def row_by_row(client: TelegramClient, config: Config, database: Path, advance: Advance) -> Pulled:
    """Telethon's iterator without its pauses, and a commit for each message."""
    with _table(database) as db:
        return await _iterate(client, db, advance, limit=None)


async def as_scripts_do(client: TelegramClient, config: Config, database: Path, advance: Advance) -> Pulled:
    """The same with SQLite as it is when nobody sets anything up: each commit waits for the disk."""
    with closing(sqlite3.connect(database)) as db:
        db.execute(TABLE)
        return await _iterate(client, db, advance, limit=SOME)


async def _iterate(client: TelegramClient, db: sqlite3.Connection, advance: Advance, limit: int | None) -> Pulled:
    started, pulled = time.perf_counter(), 0
    async for message in client.iter_messages(await _chat(client), limit, wait_time=0):
        with db:
            db.execute(UPSERT, _five(message))
        pulled += 1
        advance(pulled)
    return Pulled(pulled, time.perf_counter() - started)


async def nothing_kept(client: TelegramClient, config: Config, database: Path, advance: Advance) -> Pulled:
    """Ask, parse, throw away: what is left for everybody else to be measured against."""
    started, pulled = time.perf_counter(), 0
    async for page in _pages(client):
        pulled += len(page)
        advance(pulled)
    return Pulled(pulled, time.perf_counter() - started)


NOTHING, OURS = "pages fetched, nothing kept", "exporter sync"
WAYS: Mapping[str, Way] = {
    NOTHING: nothing_kept,
    "five columns, an upsert a page": five_columns,
    OURS: ours,
    "iter_messages, row by row": row_by_row,
    "the same, SQLite's defaults": as_scripts_do,
}


@contextmanager
def _table(database: Path) -> Iterator[sqlite3.Connection]:
    """A database as well set up as ours, for what counts is the way, not the settings."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.execute(TABLE)
        yield db


async def _chat(client: TelegramClient) -> Any:
    return (await client.get_dialogs())[0].input_entity


async def _pages(client: TelegramClient) -> AsyncIterator[list[Any]]:
    chat, below = await _chat(client), 0
    while True:
        request = GetHistoryRequest(
            chat, offset_id=below, offset_date=None, add_offset=0, limit=100, max_id=0, min_id=0, hash=0
        )
        page = await client(request)
        if not page.messages:
            return
        yield page.messages
        below = page.messages[-1].id


def _five(message: Any) -> tuple[Any, ...]:
    return message.peer_id.user_id, message.id, int(message.date.timestamp()), message.out, message.message
