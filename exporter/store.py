"""The one SQLite file: peers, messages, and which stretches of history are complete. The only SQL on history.

It knows nothing of Telegram. Every write is safe to repeat, so pages, live updates and imports may overlap.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from exporter import disk
from exporter.errors import DoppelgangerError
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.schema import migrations


@dataclass(frozen=True, slots=True)
class Interval:
    """Message ids `lo` to `hi`, both included: everything that Telegram has of them is stored."""

    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class ChatSummary:
    """One chat and how much of it is stored."""

    peer: Peer
    messages: int
    own: int
    """Messages that the owner wrote."""


_COLUMNS = tuple(field.name for field in fields(Message))
_SELECT = f"select {', '.join(_COLUMNS)} from messages"  # noqa: S608 - column names of our own
_ADD = f"""
    insert into messages ({", ".join(_COLUMNS)}) values ({", ".join("?" * len(_COLUMNS))})
    on conflict (chat_id, message_id) do update
    set {", ".join(f"{column} = excluded.{column}" for column in _COLUMNS[2:])}
    where coalesce(excluded.edited_at, 0) >= coalesce(messages.edited_at, 0)
"""  # noqa: S608
_SAVE_PEER = """
    insert into peers (peer_id, kind, name, username, access_hash) values (?, ?, ?, ?, ?)
    on conflict (peer_id) do update set
        kind = excluded.kind,
        name = excluded.name,
        username = iif(excluded.access_hash is null, username, excluded.username),
        access_hash = coalesce(excluded.access_hash, access_hash)
"""  # who comes without an access_hash comes from an import, which must not erase what Telegram told


class Store:
    """History and people. One connection, used from one thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        """For tables that other packages own; never for history."""

    def save_peers(self, peers: Iterable[Peer]) -> None:
        """Add or refresh peers.

        Raises:
            DoppelgangerError: a second owner; one store holds one person's chats.
        """
        batch = list(peers)
        with self._transaction():
            owners = [peer for peer in (self.owner(), *batch) if peer and peer.kind is PeerKind.SELF]
            if len({peer.peer_id for peer in owners}) > 1:
                raise DoppelgangerError(
                    f"this store already holds the chats of {owners[0].name}, not of {owners[-1].name}",
                    fix="give every account its own `state` folder in its own configuration",
                )
            self.database.conn.executemany(_SAVE_PEER, map(astuple, batch))

    def peers(self) -> dict[int, Peer]:
        """Everyone that was ever seen, by peer id."""
        rows = self.database.execute("select peer_id, kind, name, username, access_hash from peers")
        return {row[0]: _peer(row) for row in rows}

    def owner(self) -> Peer | None:
        """Whose chats these are; None before the first sync or import."""
        row = self.database.execute(
            "select peer_id, kind, name, username, access_hash from peers where kind = ?", [PeerKind.SELF]
        ).fetchone()
        return _peer(row) if row else None

    def add(self, messages: Iterable[Message], *, complete: tuple[int, Interval] | None = None) -> list[Message]:
        """Write messages and, in the same transaction, that the interval of that chat is complete.

        A message is (chat_id, message_id): of two versions the later edit stays. Returns those that were new.
        """
        batch = list(messages)
        with self._transaction():
            known = self._known(batch)
            self.database.conn.executemany(_ADD, map(_row, batch))
            if complete:
                self._complete(*complete)
        new = {(m.chat_id, m.message_id): m for m in batch if m.message_id not in known[m.chat_id]}
        return list(new.values())

    def intervals(self, chat_id: int) -> tuple[Interval, ...]:
        """The complete stretches of a chat, lowest first; they neither overlap nor touch."""
        rows = self.database.execute("select lo, hi from sync_interval where chat_id = ? order by lo", [chat_id])
        return tuple(Interval(lo, hi) for lo, hi in rows)

    def chats(self) -> list[ChatSummary]:
        """Chats of known peers that have messages, the largest first."""
        rows = self.database.execute(
            """
            select peer_id, kind, name, username, access_hash, total, own
            from peers join (
                select chat_id, count(*) as total, sum(outgoing) as own from messages group by chat_id
            ) on chat_id = peer_id
            order by total desc, peer_id
            """
        )
        return [ChatSummary(_peer(row[:5]), messages=row[5], own=row[6]) for row in rows]

    def messages(self, chat_id: int) -> Iterator[Message]:
        """A chat, oldest first."""
        rows = self.database.execute(f"{_SELECT} where chat_id = ? order by sent_at, message_id", [chat_id])
        return map(_message, rows)

    def recent(self, chat_id: int, *, limit: int) -> list[Message]:
        """The newest `limit` messages of a chat, oldest first."""
        rows = self.database.execute(
            f"{_SELECT} where chat_id = ? order by sent_at desc, message_id desc limit ?", [chat_id, limit]
        ).fetchall()
        return [_message(row) for row in reversed(rows)]

    def rest(self, method: str, until: datetime) -> None:
        """Remember, across restarts, that Telegram wants no more of `method` before `until`."""
        row = {"method": method, "until": int(until.timestamp())}
        self.database.table("flood_wait").upsert(row, pk="method")

    def resting(self, method: str) -> datetime | None:
        """When `method` may be called again; None where Telegram never asked to wait."""
        row = self.database.execute('select "until" from flood_wait where method = ?', [method]).fetchone()
        return datetime.fromtimestamp(row[0], UTC) if row else None

    def message(self, chat_id: int, message_id: int) -> Message | None:
        """One message as it stands; None where it was never seen."""
        row = self.database.execute(f"{_SELECT} where chat_id = ? and message_id = ?", [chat_id, message_id]).fetchone()
        return _message(row) if row else None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing. The lock is taken first: to read, then write, would fail beside another process."""
        self.database.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.database.rollback()
            raise
        self.database.commit()

    def _known(self, batch: list[Message]) -> dict[int, set[int]]:
        """The ids that are stored already, by chat, as far as the batch reaches."""
        wanted: dict[int, list[int]] = defaultdict(list)
        for message in batch:
            wanted[message.chat_id].append(message.message_id)
        query = "select message_id from messages where chat_id = ? and message_id between ? and ?"
        return {
            chat_id: {row[0] for row in self.database.execute(query, [chat_id, min(ids), max(ids)])}
            for chat_id, ids in wanted.items()
        }

    def _complete(self, chat_id: int, interval: Interval) -> None:
        merged = merge([*self.intervals(chat_id), interval])
        self.database.execute("delete from sync_interval where chat_id = ?", [chat_id])
        self.database.conn.executemany(
            "insert into sync_interval (chat_id, lo, hi) values (?, ?, ?)",
            [(chat_id, one.lo, one.hi) for one in merged],
        )


@contextmanager
def open_store(path: Path, *more: Migrations) -> Iterator[Store]:
    """Open the file, for its owner's eyes only, and bring its tables up to date: the exporter's, then `more`.

    Raises:
        DoppelgangerError: at any time while open: full disk, locked, damaged or no database.
    """
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)  # SQLite gives -wal and -shm the mode of the file
    except OSError as error:
        raise DoppelgangerError(
            f"{path} cannot be opened: {error.strerror}", fix="see that its folder exists and belongs to your user"
        ) from error
    database = Database(path)
    try:
        database.enable_wal()
        database.execute("pragma synchronous = normal")
        for migration in (migrations, *more):
            migration.apply(database)
        yield Store(database)
    except sqlite3.DatabaseError as error:
        refusal = disk.explain(error, path)
        if refusal is None:
            raise
        raise refusal from error
    finally:
        database.close()


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Join what overlaps or touches; lowest first."""
    merged: list[Interval] = []
    for one in sorted(intervals, key=lambda interval: interval.lo):
        if merged and one.lo <= merged[-1].hi + 1:
            merged[-1] = Interval(merged[-1].lo, max(merged[-1].hi, one.hi))
        else:
            merged.append(one)
    return merged


def _peer(row: tuple[Any, ...]) -> Peer:
    peer_id, kind, *rest = row
    return Peer(peer_id, PeerKind(kind), *rest)


def _row(message: Message) -> tuple[Any, ...]:
    row = [getattr(message, column) for column in _COLUMNS]
    return tuple(int(value.timestamp()) if isinstance(value, datetime) else value for value in row)


def _message(row: tuple[Any, ...]) -> Message:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["kind"] = MessageKind(values["kind"])
    for column in ("sent_at", "edited_at"):
        values[column] = None if values[column] is None else datetime.fromtimestamp(values[column], UTC)
    for column in ("outgoing", "forwarded", "via_bot"):
        values[column] = bool(values[column])
    return Message(**values)
