"""Which of the owner's messages are the double's words: proposed by a model, and sent as they were.

They are part of the conversation, but nothing to learn from: a model that learned from itself would drift away from
the owner. What he typed himself is his, wherever he typed it.
"""

from collections.abc import Iterable

from sqlite_utils import Database

Key = tuple[int, int]
"""Of a message: its chat and its id."""


def mark(database: Database, chat_id: int, message_id: int) -> None:
    """Remember that a model wrote this message; safe to repeat. The caller's transaction commits it."""
    database.execute("insert or ignore into ghostwritten (chat_id, message_id) values (?, ?)", [chat_id, message_id])


def marked(database: Database, chat_ids: Iterable[int] | None = None) -> frozenset[Key]:
    """All messages that a model wrote; or those of some chats, which is faster."""
    every = "select chat_id, message_id from ghostwritten"
    if chat_ids is None:
        return frozenset(database.execute(every))
    return frozenset(key for one in chat_ids for key in database.execute(f"{every} where chat_id = ?", [one]))
