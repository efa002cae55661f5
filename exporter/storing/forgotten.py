"""The deny list: who is not to be kept, and the sieve through which everything passes that is written.

It holds ids and times, no name and no word. Of what somebody said in the chats of others, the ids of the messages stay,
so that neither they nor what quotes them can come back, also where Telegram no longer says whose they were.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlite_utils import Database

from exporter.messages import Message
from exporter.storing.database import transaction

Key = tuple[int, int]
"""Of a message: its chat, and its id there."""
Batch = dict[Key, Message]


class Forgotten:
    """Those whom the owner had forgotten. One connection, used from one thread; other processes may add to it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ids(self) -> frozenset[int]:
        """Marked ids of all of them, and of the chats that count to them."""
        return frozenset(row[0] for row in self._database.execute("select peer_id from forgotten"))

    def contacts(self) -> dict[int, bool]:
        """By the id under which each was forgotten: whether everything of them is erased."""
        found = self._database.execute("select contact_id, count(*) = count(erased_at) from forgotten group by 1")
        return {contact_id: bool(erased) for contact_id, erased in found}

    def parts(self, contact_id: int) -> frozenset[int]:
        """The ids that count to a contact; none where they are not forgotten."""
        found = self._database.execute("select peer_id from forgotten where contact_id = ?", [contact_id])
        return frozenset(row[0] for row in found)

    def deny(self, contact_id: int, peer_ids: Iterable[int], at: datetime) -> None:
        """From this moment on nothing of them is written; what is there is still to be erased."""
        rows = [(peer_id, contact_id, int(at.timestamp())) for peer_id in peer_ids]
        with transaction(self._database):
            self._database.conn.executemany(
                "insert into forgotten (peer_id, contact_id, since) values (?, ?, ?) "
                "on conflict (peer_id) do update set contact_id = excluded.contact_id, erased_at = null",
                rows,
            )

    def inherit(self, peer_id: int, heir_id: int) -> None:
        """Deny what somebody who is denied became, within the transaction of whoever learns of it."""
        self._database.execute(
            "insert or ignore into forgotten (peer_id, contact_id, since, erased_at) "
            "select ?, contact_id, since, erased_at from forgotten where peer_id = ?",
            [heir_id, peer_id],
        )

    def erased(self, contact_id: int, at: datetime) -> None:
        """Nothing of them is left."""
        with transaction(self._database):
            self._database.execute(
                "update forgotten set erased_at = ? where contact_id = ?", [int(at.timestamp()), contact_id]
            )

    def allow(self, contact_id: int) -> None:
        """Let them be kept again, from now on."""
        with transaction(self._database):
            for table in ("forgotten", "forgotten_message"):
                self._database.execute(f"delete from {table} where contact_id = ?", [contact_id])  # noqa: S608

    def count(self, chat_id: int) -> int:
        """How many messages of a chat are left out, as far as they are known."""
        query = "select count(*) from forgotten_message where chat_id = ?"
        return int(self._database.execute(query, [chat_id]).fetchone()[0])

    def sift(self, batch: Batch) -> Batch:
        """Of messages that are about to be written, those that may be; within the transaction that writes them.

        What is left out of the chats of others is remembered by its ids, and whatever quotes it loses the quote.
        """
        denied = dict(self._database.execute("select peer_id, contact_id from forgotten").fetchall())
        if not denied:
            return batch
        gone = {key: whose for key, message in batch.items() if (whose := _whose(message, denied)) is not None}
        self._leave_out({key: whose for key, whose in gone.items() if key[0] not in denied})
        left_out = gone.keys() | self._left_out(batch)
        cited = {_cited(message) for message in batch.values() if message.quote}
        unquotable = gone.keys() | self._left_out(cited)
        return {
            key: replace(message, quote=None)
            if message.quote and ((cites := _cited(message)) in unquotable or cites[0] in denied)
            else message
            for key, message in batch.items()
            if key not in left_out
        }

    def _left_out(self, keys: Collection[Key]) -> set[Key]:
        """Which of these messages are known to be left out, chat by chat."""
        wanted: dict[int, list[int]] = defaultdict(list)
        for chat_id, message_id in keys:
            wanted[chat_id].append(message_id)
        query = "select message_id from forgotten_message where chat_id = ? and message_id between ? and ?"
        return {
            (chat_id, message_id)
            for chat_id, ids in wanted.items()
            for (message_id,) in self._database.execute(query, [chat_id, min(ids), max(ids)])
        }

    def _leave_out(self, gone: Mapping[Key, int]) -> None:
        self._database.conn.executemany(
            "insert or ignore into forgotten_message (chat_id, message_id, contact_id) values (?, ?, ?)",
            [(*key, contact_id) for key, contact_id in gone.items()],
        )
        self._database.conn.executemany(
            "update messages set quote = null "
            "where quote is not null and reply_to = ? and coalesce(reply_to_chat, chat_id) = ?",
            [(message_id, chat_id) for chat_id, message_id in gone],
        )


def _whose(message: Message, denied: Mapping[int, int]) -> int | None:
    """The contact to whom a message counts: it is in their chat, from them, or passed on from them."""
    ids = (message.chat_id, message.sender_id, message.origin_id)
    return next((denied[one] for one in ids if one is not None and one in denied), None)


def _cited(message: Message) -> Key:
    """The message that this one answers."""
    return message.reply_to_chat or message.chat_id, message.reply_to or 0
