"""How far the double has come in each chat: the newest message about which it has decided, and done as decided.

What is newer is taken up at the next start, so that a bot killed at any moment forgets nobody.
"""

from sqlite_utils import Database

from exporter.storing.store import Store


class Handled:
    """One message id a chat."""

    def __init__(self, database: Database) -> None:
        self._table = database.table("handled")

    def up_to(self, chat_id: int) -> int | None:
        """The newest message that is dealt with; None for a chat that is new to the double."""
        rows = self._table.rows_where("chat_id = ?", [chat_id])
        return next((int(row["message_id"]) for row in rows), None)

    def advance(self, chat_id: int, message_id: int) -> None:
        """This message, and all before it, are dealt with."""
        self._table.upsert({"chat_id": chat_id, "message_id": message_id}, pk="chat_id")

    def take_back(self, chat_id: int, message_id: int) -> None:
        """This message is not dealt with after all: what was to answer it no longer fits."""
        self.advance(chat_id, message_id - 1)

    def take_up(self, chat_id: int, store: Store) -> None:
        """In a chat that is new to the double, only what is said from now on counts."""
        if self.up_to(chat_id) is None:
            newest = store.recent(chat_id, limit=1)
            self.advance(chat_id, newest[-1].message_id if newest else 0)
