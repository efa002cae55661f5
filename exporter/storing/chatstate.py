"""What Telegram said of chats as a whole, beside their messages: newest ids, topics, migrations, waits.

It knows no message, and keeps nothing of who was forgotten. Every write is safe to repeat.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import ceil

from sqlite_utils import Database

from exporter.messages import ELSEWHERE, Dialog
from exporter.storing import rows
from exporter.storing.database import transaction
from exporter.storing.forgotten import Forgotten

_SAVE_DIALOG = f"""
    insert into dialog ({", ".join(rows.DIALOG)}) values ({", ".join("?" * len(rows.DIALOG))})
    on conflict (chat_id) do update set
        top = excluded.top,
        messages = coalesce(excluded.messages, messages),
        protected = excluded.protected,
        gone = excluded.gone,
        checked_at = coalesce(excluded.checked_at, checked_at),
        folders = coalesce(excluded.folders, folders)
"""  # noqa: S608 - column names of our own


class ChatState:
    """One connection, used from one thread."""

    def __init__(self, database: Database, forgotten: Forgotten) -> None:
        self._database = database
        self._forgotten = forgotten

    def save_dialogs(self, dialogs: Iterable[Dialog]) -> None:
        """Remember dialogs as Telegram tells them now; what is None stays as it was."""
        with transaction(self._database):
            forgotten = self._forgotten.ids()
            batch = [rows.dialog_row(dialog) for dialog in dialogs if dialog.chat_id not in forgotten]
            self._database.conn.executemany(_SAVE_DIALOG, batch)

    def dialogs(self) -> dict[int, Dialog]:
        """All that were ever told, by chat id."""
        found = self._database.execute(f"select {', '.join(rows.DIALOG)} from dialog")  # noqa: S608
        return {row[0]: rows.to_dialog(row) for row in found}

    def save_topics(self, chat_id: int, titles: Mapping[int, str]) -> None:
        """Remember a forum's topics, by id."""
        with transaction(self._database):
            if chat_id not in self._forgotten.ids():
                self._database.conn.executemany(
                    "insert or replace into topic (chat_id, topic_id, title) values (?, ?, ?)",
                    [(chat_id, topic_id, title) for topic_id, title in titles.items()],
                )

    def topics(self, chat_id: int) -> dict[int, str]:
        """A forum's topics, as far as they were ever told: id -> title."""
        found = self._database.execute("select topic_id, title from topic where chat_id = ?", [chat_id])
        return dict(found.fetchall())

    def migrate(self, group_id: int, chat_id: int) -> None:
        """Remember that the basic group became this supergroup: from now on their messages are one chat.

        What a forgotten group became is forgotten, too.
        """
        with transaction(self._database):
            self._forgotten.inherit(group_id, chat_id)
            if not {group_id, chat_id} & self._forgotten.ids():
                self._database.execute(
                    "insert or replace into migrated_group (group_id, chat_id) values (?, ?)", [group_id, chat_id]
                )

    def migrated(self) -> dict[int, int]:
        """Every basic group that became a supergroup: its id -> the supergroup's."""
        return {part: chat_id for part, chat_id in self._parts() if abs(part) < ELSEWHERE}

    def join(self, chat_id: int, contact_id: int) -> None:
        """Remember that a chat of another messenger is with this contact: from now on they are read as one."""
        self.migrate(chat_id, contact_id)

    def joined(self) -> dict[int, int]:
        """Every chat of another messenger that is part of one of Telegram's: its id -> the other's."""
        return {part: chat_id for part, chat_id in self._parts() if abs(part) >= ELSEWHERE}

    def _parts(self) -> list[tuple[int, int]]:
        return list(self._database.execute("select group_id, chat_id from migrated_group").fetchall())

    def rest(self, method: str, until: datetime) -> None:
        """Remember, across restarts, that Telegram wants no more of `method` before `until`."""
        row = {"method": method, "until": ceil(until.timestamp())}
        self._database.table("flood_wait").upsert(row, pk="method")

    def resting(self, method: str) -> datetime | None:
        """When `method` may be called again; None where Telegram never asked to wait."""
        row = self._database.execute('select "until" from flood_wait where method = ?', [method]).fetchone()
        return datetime.fromtimestamp(row[0], UTC) if row else None
