"""A message is sent once, or known not to be. A row and its random_id are committed before Telegram hears of it.

After a crash or a lost answer we look whether the message stands in the chat; only if it does not is it sent again,
with the same random_id, so that Telegram itself would refuse a second one. It knows no Telegram library.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import Any, Protocol

from sqlite_utils import Database
from sqlite_utils.db import NotFoundError

from bot.policy import FRESH
from exporter import ghostwritten
from exporter.messages import Message
from exporter.store import Store

log = logging.getLogger(__name__)

ATTEMPTS = 5
FIRST_WAIT = 0.5
"""Seconds before we look after a lost answer; doubled each time."""


class Refused(Exception):
    """Telegram said no: the request was not carried out. `code` is its own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Lost(Exception):
    """No answer came: the request may have been carried out or not."""


class AlreadySent(Exception):
    """Telegram knows this random_id: the message was sent before."""


class Line(Protocol):
    """The account, as an outbox needs it. Every method may raise Lost or Refused."""

    async def send(self, chat_id: int, text: str, random_id: int) -> Message:
        """Send words as they are. Raises AlreadySent where that random_id was used before."""
        ...

    async def own_since(self, chat_id: int, message_id: int) -> list[Message]:
        """The owner's messages of a chat that are newer than `message_id`, oldest first."""
        ...


class EntryState(StrEnum):
    """What we know of a message."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    """An answer was lost, and looking after it has not succeeded yet."""
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Entry:
    """One message to somebody."""

    entry_id: int
    chat_id: int
    draft_id: int | None
    """The draft that the owner approved; None where the double speaks by itself."""
    text: str
    random_id: int
    state: EntryState
    after_id: int | None
    """The newest message of the chat before the first attempt."""
    queued_at: datetime
    message_id: int | None
    error: str | None


class Outbox:
    """All messages that the double has sent or is about to."""

    def __init__(self, store: Store, line: Line, random: Random, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._table = store.database.table("outbox")
        self._line = line
        self._random = random
        self._clock = clock

    def queue(self, chat_id: int, texts: Sequence[str], *, draft_id: int | None = None) -> list[Entry]:
        """Rows for a burst, each with a random_id of its own; nothing is sent yet."""
        now = self._now()
        random_ids = [self._random.getrandbits(63) for _ in texts]
        with self._store.database.atomic():
            self._table.insert_all(
                {
                    "chat_id": chat_id,
                    "draft_id": draft_id,
                    "text": text,
                    "random_id": random_id,
                    "state": EntryState.QUEUED,
                    "queued_at": now,
                    "changed_at": now,
                }
                for text, random_id in zip(texts, random_ids, strict=True)
            )
        return [entry for random_id in random_ids for entry in self._where("random_id = ?", random_id)]

    async def send(self, entry: Entry) -> Entry:
        """Send one message and return what became of it: sent, failed, or unknown until the next start."""
        if entry.after_id is None:
            newest = self._store.recent(entry.chat_id, limit=1)
            self._set(entry, after_id=newest[-1].message_id if newest else 0)
        for attempt in range(ATTEMPTS):
            if self._set(entry, state=EntryState.SENDING).state is EntryState.CANCELLED:
                break
            try:
                return self._sent(entry, await self._line.send(entry.chat_id, entry.text, entry.random_id))
            except AlreadySent:
                return await self._sent_before(entry)
            except Refused as refusal:
                return self._set(entry, state=EntryState.FAILED, error=refusal.code)
            except Lost:
                self._set(entry, state=EntryState.UNKNOWN)
                log.warning("send.unknown", extra={"chat_id": entry.chat_id, "entry_id": entry.entry_id})
            await asyncio.sleep(FIRST_WAIT * 2**attempt)
            try:
                if found := await self._look(entry):
                    return self._sent(entry, found)
            except (Lost, Refused):
                continue
        return self._get(entry)

    def cancel(self, entries: Sequence[Entry]) -> None:
        """Never send those of `entries` that are still queued."""
        for entry in entries:
            if self._get(entry).state is EntryState.QUEUED:
                self._set(entry, state=EntryState.CANCELLED)

    async def recover(self, chats: Collection[int]) -> list[Entry]:
        """Settle what an earlier run left open, oldest first; gives what became of each.

        What the owner approved is sent, however late; what the double began by itself only while it is fresh. In chats
        other than these nothing is sent, nor looked for.
        """
        for entry in self._where("state = ? and message_id is null", EntryState.SENT):
            if entry.chat_id in chats:
                await self._recover(entry)
        left = self._where("state in (?, ?, ?)", EntryState.QUEUED, *_BEGUN)
        return [
            await self._recover(entry) if entry.chat_id in chats else self._set(entry, state=EntryState.CANCELLED)
            for entry in left
        ]

    def is_own(self, message: Message) -> bool:
        """Whether the double itself sent this message of the owner's, or will soon learn that it did."""
        entries = self._where(
            "chat_id = ? and (message_id = ? or state in (?, ?))", message.chat_id, message.message_id, *_BEGUN
        )
        return any(one.message_id == message.message_id or _same(one, message) for one in entries)

    async def _recover(self, entry: Entry) -> Entry:
        try:
            found = await self._look(entry) if entry.after_id is not None else None
        except (Lost, Refused) as error:
            log.warning("send.unknown", extra={"entry_id": entry.entry_id, "error": type(error).__name__})
            return entry
        if found:
            return self._sent(entry, found)
        if entry.state is EntryState.SENT:
            return entry
        begun = entry.state is not EntryState.QUEUED
        if entry.draft_id is not None or (begun and self._clock() - entry.queued_at <= FRESH):
            return await self.send(entry)
        return self._set(entry, state=EntryState.CANCELLED)

    async def _sent_before(self, entry: Entry) -> Entry:
        """It was sent; which message it became is good to know, but not needed."""
        try:
            found = await self._look(entry)
        except (Lost, Refused):
            found = None
        return self._sent(entry, found) if found else self._set(entry, state=EntryState.SENT)

    async def _look(self, entry: Entry) -> Message | None:
        """Our words in the chat since the first attempt, unless they are those of another entry."""
        after = self._get(entry).after_id or 0
        taken = {row.message_id for row in self._where("chat_id = ? and message_id > ?", entry.chat_id, after)}
        for message in await self._line.own_since(entry.chat_id, after):
            if _same(entry, message) and message.message_id not in taken:
                return message
        return None

    def _sent(self, entry: Entry, message: Message) -> Entry:
        """It stands in the chat, and so in our history: the next prompt shows it."""
        with self._store.database.atomic():
            sent = self._set(entry, state=EntryState.SENT, message_id=message.message_id)
            if not self._typed_by_owner(entry):
                ghostwritten.mark(self._store.database, message.chat_id, message.message_id)
        self._store.add([message])
        return sent

    def _typed_by_owner(self, entry: Entry) -> bool:
        """Whether he answered a draft with words of his own, instead of choosing a proposal."""
        typed = "draft_id = ? and number is null"
        return bool(self._store.database.table("draft").count_where(typed, [entry.draft_id]))

    def _set(self, entry: Entry, **columns: int | str) -> Entry:
        with suppress(NotFoundError):
            self._table.update(entry.entry_id, {**columns, "changed_at": self._now()})
        return self._get(entry)

    def _get(self, entry: Entry) -> Entry:
        """As it stands. What another process erased, because the contact was forgotten, is not to be sent."""
        standing = self._where("entry_id = ?", entry.entry_id)
        return standing[0] if standing else replace(entry, state=EntryState.CANCELLED)

    def _where(self, where: str, *values: int | str) -> list[Entry]:
        return list(map(_entry, self._table.rows_where(where, values, order_by="entry_id")))

    def _now(self) -> int:
        return int(self._clock().timestamp())


def sent_since(database: Database, moment: datetime) -> int:
    """How many messages were sent since then."""
    where = "state = ? and changed_at >= ?"
    return database.table("outbox").count_where(where, [EntryState.SENT, int(moment.timestamp())])


_BEGUN = (EntryState.SENDING, EntryState.UNKNOWN)


def _same(entry: Entry, message: Message) -> bool:
    """Telegram cuts white space off at both ends."""
    return entry.text.strip() == message.text.strip()


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        row["entry_id"],
        row["chat_id"],
        row["draft_id"],
        row["text"],
        row["random_id"],
        EntryState(row["state"]),
        row["after_id"],
        datetime.fromtimestamp(row["queued_at"], UTC),
        row["message_id"],
        row["error"],
    )
