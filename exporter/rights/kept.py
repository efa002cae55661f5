"""What the database keeps about somebody, in whatever table: `export` shows it, and `forget` erases it.

It goes by the tables that there are, the bot's among them, and by what their columns are called: a table that comes
later is covered if it says whom a row is about as all others do. Of files beside the database it knows nothing.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

ABOUT_SOMEBODY = ("chat_id", "peer_id", "group_id", "sender_id", "origin_id")
"""Columns with a marked id: whoever is meant there, the row is about."""
ABOUT_NOBODY = frozenset({"flood_wait", "indexed", "sampler", "control_link", "_sqlite_migrations"})
DENY_LIST = frozenset({"forgotten", "forgotten_message"})
"""Ids that stay on purpose."""
PASSING = frozenset({"sync_request", "training"})
"""Rows that may show any name, and that nobody needs for long: they go whole."""
QUOTES = "quotes"
"""What others quoted of them: of these messages, the quote is all that is about them."""

_IDS = "(select value from json_each(:ids))"
_THEIR_MESSAGES = f"""
    insert into temp.their_message select chat_id, message_id from messages
    where chat_id in {_IDS} or sender_id in {_IDS} or origin_id in {_IDS}
    or origin_name in (select value from json_each(:names))
"""  # noqa: S608 - only names of our own, here and below
_THEIR_DRAFTS = f"""
    insert into temp.their_draft select draft_id from draft
    where chat_id in {_IDS} or (chat_id, answers_to) in (select chat_id, message_id from temp.their_message)
"""  # noqa: S608
_CARDS_OF_THEIRS = """
    insert or ignore into temp.their_message select peer_id, message_id from card join peers on kind = 'self'
    where desk = 'saved' and draft_id in (select draft_id from temp.their_draft)
"""
"""What Saved Messages, where they are synced, show of what they wrote."""
_OF_THEIR_MESSAGES = "(chat_id, message_id) in (select chat_id, message_id from temp.their_message)"
_OF_THEIR_DRAFTS = "draft_id in (select draft_id from temp.their_draft)"
_QUOTING = f"""
    quote is not null and (
        coalesce(reply_to_chat, chat_id) in {_IDS}
        or (coalesce(reply_to_chat, chat_id), reply_to) in (select chat_id, message_id from temp.their_message)
    )
"""  # noqa: S608
_KEEP_OUT = f"""
    insert or ignore into forgotten_message (chat_id, message_id, contact_id)
    select chat_id, message_id, :contact_id from temp.their_message where chat_id not in {_IDS}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a chat, by all that they are found by."""

    contact_id: int
    ids: frozenset[int]
    """With what counts to them: the basic group that a supergroup was, their chat in another messenger."""
    names: frozenset[str] = frozenset()
    """Forwards of those who hide show only this."""


class Kept:
    """All rows about one person; valid within the block of `look_at`."""

    def __init__(self, database: Database, person: Person) -> None:
        self._database = database
        self._values = {
            "ids": json.dumps(sorted(person.ids)),
            "names": json.dumps(sorted(person.names)),
            "contact_id": person.contact_id,
        }
        self._parts = parts(database)

    def gather(self) -> None:
        """Find out which messages and drafts are theirs: others hang on these."""
        self._execute("create temp table their_message (chat_id, message_id, primary key (chat_id, message_id))")
        self._execute("create temp table their_draft (draft_id integer primary key)")
        self._execute(_THEIR_MESSAGES)
        if "draft" in self._parts:
            self._execute(_THEIR_DRAFTS)
            self._execute(_CARDS_OF_THEIRS)

    def drop(self) -> None:
        """Let go of what `gather` found, unless a rollback did."""
        self._execute("drop table if exists temp.their_message")
        self._execute("drop table if exists temp.their_draft")

    def counts(self) -> dict[str, int]:
        """How many rows of each table are about them; tables without any are left out."""
        queries = {
            table: f"select count(*) from [{table}] where {condition}"  # noqa: S608
            for table, condition in self._parts.items()
        }
        queries[QUOTES] = f"select count(*) from messages where {_QUOTING} and not {_OF_THEIR_MESSAGES}"  # noqa: S608
        found = {table: int(self._execute(query).fetchone()[0]) for table, query in queries.items()}
        return {table: count for table, count in found.items() if count}

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Those rows of a table of `counts`, one by one."""
        query = (
            f"select chat_id, message_id, quote from messages where {_QUOTING} and not {_OF_THEIR_MESSAGES}"  # noqa: S608
            if table == QUOTES
            else f"select * from [{table}] where {self._parts[table]}"  # noqa: S608
        )
        found = self._execute(query)
        columns = [column[0] for column in found.description]
        return (dict(zip(columns, row, strict=True)) for row in found)

    def erase(self) -> None:
        """Delete all of it, and what others quote of them; of messages in the chats of others, the ids are kept out."""
        self._execute(_KEEP_OUT)
        self._execute(f"update messages set quote = null where {_QUOTING}")  # noqa: S608
        for table, condition in self._parts.items():
            self._execute(f"delete from [{table}] where {condition}")  # noqa: S608
        for table in PASSING.intersection(self._database.table_names()):
            self._execute(f"delete from [{table}]")  # noqa: S608

    def _execute(self, statement: str) -> Any:
        return self._database.conn.execute(statement, self._values)


@contextmanager
def look_at(database: Database, person: Person) -> Iterator[Kept]:
    """What is kept about somebody, for a caller that is within a transaction."""
    kept = Kept(database, person)
    kept.gather()
    try:
        yield kept
    finally:
        kept.drop()


@contextmanager
def snapshot(database: Database, person: Person) -> Iterator[Kept]:
    """The same, to read only, for a caller that is in no transaction: all of one moment."""
    database.execute("begin")
    try:
        with look_at(database, person) as kept:
            yield kept
    finally:
        database.rollback()


def voices(database: Database, chat_ids: Collection[int]) -> frozenset[int]:
    """Ids of all who said something in these chats, were passed on there, or are a part of them."""
    among = "in (select value from json_each(:ids))"
    found = database.conn.execute(
        f"""
        with part as (
            select value as chat_id from json_each(:ids)
            union select group_id from migrated_group where chat_id {among}
        )
        select chat_id from part
        union select sender_id from messages where chat_id in part
        union select origin_id from messages where chat_id in part and origin_id is not null
        """,  # noqa: S608
        {"ids": json.dumps(list(chat_ids))},
    )
    return frozenset(row[0] for row in found)


def parts(database: Database) -> dict[str, str]:
    """The tables whose rows may be about somebody, each with the condition that finds those about one person."""
    found = {}
    for table in _tables(database):
        columns = database.table(table).columns_dict
        conditions = [f"{column} in {_IDS}" for column in ABOUT_SOMEBODY if column in columns]
        keys = (set(index.columns) for index in database.table(table).indexes if index.unique)
        if any({"chat_id", "message_id"} <= key for key in keys):  # it is about single messages
            conditions.append(_OF_THEIR_MESSAGES)
        if "draft_id" in columns:
            conditions.append(_OF_THEIR_DRAFTS)
        if conditions:
            found[table] = " or ".join(conditions)
    return found


def _tables(database: Database) -> list[str]:
    """All but indexes of words, which follow the tables that they are of, and those that stay or go whole."""
    listed = database.execute("select name from pragma_table_list where schema = 'main' and type = 'table'")
    names = (row[0] for row in listed if not row[0].startswith("sqlite_"))
    return [name for name in names if name not in ABOUT_NOBODY | DENY_LIST | PASSING]
