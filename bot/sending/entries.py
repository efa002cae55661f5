"""Messages to others, as rows: each is written down, with the random_id that it is sent under, before Telegram hears of
it. It knows no Telegram library, and nothing of when one is sent.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import NotFoundError

from exporter.messages import Message
from exporter.storing import ghostwritten
from exporter.storing.store import Store


class EntryState(StrEnum):
    """What we know of a message."""

    QUEUED = "queued"
    """Telegram has not heard of it, or refused it for now."""
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    """An answer was lost, and what became of it is not known yet."""
    FAILED = "failed"
    CANCELLED = "cancelled"


BEGUN = (EntryState.SENDING, EntryState.UNKNOWN)
"""It may stand in the chat."""
OPEN = (EntryState.QUEUED, *BEGUN)
"""What becomes of it is not settled."""


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
    after_id: int
    """The message that it answers, or the newest of the chat when it was queued."""
    topic: int | None
    """Where that stands in a forum, and this will, too; None for General, and wherever there are no topics."""
    queued_at: datetime
    changed_at: datetime
    """When it came into its state."""
    message_id: int | None
    error: str | None


class Entries:
    """All messages that the double has sent or is about to."""

    def __init__(self, store: Store, random: Random, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._table = store.database.table("outbox")
        self._random = random
        self._clock = clock

    def queue(self, chat_id: int, texts: Sequence[str], *, draft_id: int | None, answering: int | None) -> list[Entry]:
        """Rows for a burst, each with a random_id of its own."""
        now, answered = self._now(), answering and self._store.message(chat_id, answering)
        random_ids = [self._random.getrandbits(63) for _ in texts]
        common = {
            "chat_id": chat_id,
            "draft_id": draft_id,
            "state": EntryState.QUEUED,
            "after_id": answered.message_id if answered else self._store.newest_id(chat_id),
            "queued_at": now,
            "changed_at": now,
        }
        with self._store.database.atomic():
            self._table.insert_all(
                common | {"text": text, "random_id": random_id}
                for text, random_id in zip(texts, random_ids, strict=True)
            )
        return [entry for random_id in random_ids for entry in self.where("random_id = ?", random_id)]

    def get(self, entry: Entry) -> Entry:
        """As it stands. What another process erased, because the contact was forgotten, is not to be sent."""
        standing = self.where("entry_id = ?", entry.entry_id)
        return standing[0] if standing else replace(entry, state=EntryState.CANCELLED)

    def put(self, entry: Entry, state: EntryState, *, error: str | None = None) -> Entry:
        """Change its state, for the `error` that Telegram gave; as it stands then."""
        return self._update(entry, state=state, error=error)

    def sent(self, entry: Entry, message: Message) -> Entry:
        """It stands in the chat as this message, and so in our history: the next prompt shows it."""
        with self._store.database.atomic():
            sent = self._update(entry, state=EntryState.SENT, message_id=message.message_id)
            if not self._typed_by_owner(entry):
                ghostwritten.mark(self._store.database, message.chat_id, message.message_id)
        self._store.add([message])
        return sent

    def where(self, where: str, *values: int | str) -> list[Entry]:
        """The entries of which this holds, in the order in which they were queued."""
        return list(map(self._entry, self._table.rows_where(where, values, order_by="entry_id")))

    def stands(self, chat_id: int, message_id: int) -> bool:
        """Whether somebody said this, and did not delete it, as far as is known."""
        message = self._store.message(chat_id, message_id)
        return message is not None and message.said and message.deleted_at is None

    def _typed_by_owner(self, entry: Entry) -> bool:
        """Whether he answered a draft with words of his own, instead of choosing a proposal."""
        typed = "draft_id = ? and number is null"
        return bool(self._store.database.table("draft").count_where(typed, [entry.draft_id]))

    def _update(self, entry: Entry, **columns: int | str | None) -> Entry:
        with suppress(NotFoundError):
            self._table.update(entry.entry_id, {**columns, "changed_at": self._now()})
        return self.get(entry)

    def _entry(self, row: Mapping[str, Any]) -> Entry:
        after_id = row["after_id"] or 0
        after = self._store.message(row["chat_id"], after_id)
        return Entry(
            row["entry_id"],
            row["chat_id"],
            row["draft_id"],
            row["text"],
            row["random_id"],
            EntryState(row["state"]),
            after_id,
            after.topic if after else None,
            datetime.fromtimestamp(row["queued_at"], UTC),
            datetime.fromtimestamp(row["changed_at"], UTC),
            row["message_id"],
            row["error"],
        )

    def _now(self) -> int:
        return int(self._clock().timestamp())


def sent_since(database: Database, moment: datetime) -> int:
    """How many messages were sent since then."""
    where = "state = ? and changed_at >= ?"
    return database.table("outbox").count_where(where, [EntryState.SENT, int(moment.timestamp())])


def in_order(database: Database, chat_id: int, messages: Iterable[Message]) -> list[Message]:
    """A chat's messages, oldest first; but what they said while the owner's choice was on its way stands after that.

    So it is read, and so it waits for an answer: he chose before he could know of it.
    """
    query = "select message_id, after_id from outbox where chat_id = ? and draft_id is not null and state = ?"
    chosen = dict(database.execute(query, [chat_id, EntryState.SENT]))
    ordered: list[Message] = []
    for message in messages:
        place, after = len(ordered), chosen.get(message.message_id) if message.chat_id == chat_id else None
        while after and place and not ordered[place - 1].outgoing and ordered[place - 1].message_id > after:
            place -= 1
        ordered.insert(place, message)
    return ordered
