"""The one SQLite file: peers, messages, and which stretches of history are complete.

With `rows` it has the SQL by which history is written, and read as it stands; words are looked for in
`exporter.finding`. It knows nothing of Telegram. Every write is safe to repeat, so pages, live updates and imports may
overlap.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database, Migrations

from exporter.errors import DoppelgangerError
from exporter.messages import CHANNELS, Message, Peer, PeerKind, Reaction
from exporter.storing import fulltext, rows
from exporter.storing.chatstate import ChatState
from exporter.storing.database import open_database, transaction
from exporter.storing.forgotten import Forgotten
from exporter.storing.intervals import Interval, merge
from exporter.storing.schema import migrations


@dataclass(frozen=True, slots=True)
class ChatSummary:
    """One chat and how much of it is stored."""

    peer: Peer
    messages: int
    own: int
    """Messages that the owner wrote."""


@dataclass(frozen=True, slots=True)
class Added:
    """What a write of messages changed."""

    new: list[Message]
    edited: list[Message]
    """Known ones that say something else now."""
    stood: int
    """How many messages of the completed interval were stored, and not deleted; 0 without one."""
    absent: frozenset[int]
    """Ids of the completed interval whose messages stand, but were not among those written: deleted, perhaps."""


_Known = dict[tuple[int, int], tuple[bool, str, str, int]]
"""Of stored messages: whether they count as deleted, their text and kind, and when they were edited (0 for never)."""
_PEERS = f"select {', '.join(rows.PEER)} from peers"  # noqa: S608 - column names of our own, here and below
_ALL = f"returning {', '.join(rows.MESSAGE)}"
_SELECT = f"select {', '.join(rows.MESSAGE)} from messages"  # noqa: S608
_REVIVE = "update messages set deleted_at = null where chat_id = ? and message_id = ?"  # taken for deleted by mistake


class Store:
    """History and people. One connection, used from one thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        """For tables that other packages own; never for history."""
        self.forgotten = Forgotten(database)
        self.state = ChatState(database, self.forgotten)

    def save_peers(self, peers: Iterable[Peer]) -> None:
        """Add or refresh peers, but those who were forgotten.

        An owner known from another messenger only gives way to the same person's Telegram account.

        Raises:
            DoppelgangerError: a second owner; one store holds one person's chats.
        """
        told = list(peers)
        with transaction(self.database):
            forgotten = self.forgotten.ids()
            batch = [peer for peer in told if peer.peer_id not in forgotten]
            owners = [peer for peer in (self.owner(), *batch) if peer and peer.kind is PeerKind.SELF]
            if len(owners) > 1 and owners[0].elsewhere and not owners[-1].elsewhere:
                self._rename(owners.pop(0), owners[-1])
            if len({peer.peer_id for peer in owners}) > 1:
                raise DoppelgangerError(
                    f"this store already holds the chats of {owners[0].name}, not of {owners[-1].name}",
                    fix="give every account its own `state` folder in its own configuration",
                )
            self.database.conn.executemany(rows.SAVE_PEER, map(astuple, batch))

    def peers(self) -> dict[int, Peer]:
        """Everyone that was ever seen, by peer id."""
        return {row[0]: rows.to_peer(row) for row in self.database.execute(_PEERS)}

    def names(self) -> dict[int, str]:
        """What everyone is called, by peer id: 4 ms for 10,000 people, where `peers` takes 24."""
        return dict(self.database.execute("select peer_id, name from peers"))

    def peer(self, peer_id: int) -> Peer | None:
        """One of them; of thousands that is a thousand times as fast as to look for it among all."""
        return next(map(rows.to_peer, self.database.execute(f"{_PEERS} where peer_id = ?", [peer_id])), None)

    def contacts(self) -> list[Peer]:
        """Everyone, as the owner names them: a group that became a supergroup left its name to that."""
        groups = self.state.migrated()
        return [replace(one, name="") if one.peer_id in groups else one for one in self.peers().values()]

    def owner(self) -> Peer | None:
        """Whose chats these are; None before the first sync or import."""
        return next(map(rows.to_peer, self.database.execute(f"{_PEERS} where kind = ?", [PeerKind.SELF])), None)

    def add(
        self,
        messages: Iterable[Message],
        *,
        complete: tuple[int, Interval] | None = None,
        second_hand: bool = False,
    ) -> Added:
        """Write messages and, in the same transaction, that the interval of that chat is complete.

        Messages of those who were forgotten are left out, wherever they stand.
        A message is (chat_id, message_id): of two versions the later edit stays, and the earlier one is kept as a
        version. What Telegram shows in a complete interval is not deleted. What is known at second hand, from an
        export, tells less of a message than Telegram does, and replaces none but by a later edit.
        """
        read = {(message.chat_id, message.message_id): message for message in messages}
        with transaction(self.database):
            batch = self.forgotten.sift(read)
            if complete and complete[0] in self.forgotten.ids():
                complete = None
            known = self._known(batch, complete)
            statement = rows.LATER_EDIT if second_hand else rows.NEWEST_EDIT
            self.database.conn.executemany(statement, map(rows.message_row, batch.values()))
            if complete:
                self._complete(*complete)
                self.database.conn.executemany(_REVIVE, [key for key in batch.keys() & known.keys() if known[key][0]])
        stood = {key for key, (deleted, *_) in known.items() if complete and not deleted}
        return Added(
            new=[message for key, message in batch.items() if key not in known],
            edited=[batch[key] for key in batch if key in known and _says_else(batch[key], known[key], second_hand)],
            stood=len(stood),
            absent=frozenset(message_id for _, message_id in stood - batch.keys()),
        )

    def react(self, chat_id: int, message_id: int, reactions: tuple[Reaction, ...]) -> None:
        """Replace a message's reactions; one that is not stored is left alone."""
        with transaction(self.database):
            update = "update messages set reactions = ? where chat_id = ? and message_id = ?"
            self.database.execute(update, [rows.reactions_json(reactions), chat_id, message_id])

    def delete(self, chat_id: int, message_ids: Iterable[int], at: datetime) -> list[Message]:
        """Mark messages of a chat as deleted on Telegram at that moment; those that were not marked yet."""
        return self._delete("chat_id = ?", [chat_id], message_ids, at)

    def delete_private(self, message_ids: Iterable[int], at: datetime) -> list[Message]:
        """The same where Telegram names no chat: people's chats and basic groups number their messages together.

        Every peer is tried by the primary key: an index for this alone would cost each sync a tenth of its pace.
        """
        return self._delete("chat_id in (select peer_id from peers where peer_id > ?)", [CHANNELS], message_ids, at)

    def expire(self, now: datetime) -> int:
        """Erase what was to destroy itself by now, every byte of it; how many messages that were."""
        which, moment = "from messages where expires_at <= ?", int(now.timestamp())
        with transaction(self.database):
            self.database.execute(
                f"delete from message_version where (chat_id, message_id) in (select chat_id, message_id {which})",  # noqa: S608
                [moment],
            )
            erased = self.database.execute(f"delete {which}", [moment]).rowcount
            if erased:
                fulltext.let_go(self.database)
        if erased:
            self.database.execute("pragma wal_checkpoint(truncate)")
        return erased

    def intervals(self, chat_id: int) -> tuple[Interval, ...]:
        """The complete stretches of a chat, lowest first; they neither overlap nor touch."""
        found = self.database.execute("select lo, hi from sync_interval where chat_id = ? order by lo", [chat_id])
        return tuple(Interval(lo, hi) for lo, hi in found)

    def chats(self) -> list[ChatSummary]:
        """Chats of known peers that have messages, the largest first; a migrated group counts to its supergroup."""
        found = self.database.execute(
            f"""
            select {", ".join(rows.PEER)}, sum(total) as total, sum(own)
            from (
                select chat_id as part, count(*) as total, sum(outgoing) as own
                from messages where deleted_at is null group by chat_id
            )
            left join migrated_group on group_id = part
            join peers on peer_id = coalesce(chat_id, part)
            group by peer_id order by total desc, peer_id
            """  # noqa: S608
        )
        return [ChatSummary(rows.to_peer(row[:-2]), messages=row[-2], own=row[-1]) for row in found]

    def messages(self, chat_id: int, *, since: datetime = rows.EPOCH) -> Iterator[Message]:
        """What stands in a chat from then on, oldest first; of a supergroup with the basic group that it was before."""
        parts = self.parts(chat_id)
        each = f"{_SELECT} where chat_id = ? and sent_at >= ? and deleted_at is null"  # merged, so that none is sorted
        found = self.database.execute(
            f"{' union all '.join([each] * len(parts))} order by sent_at, message_id",
            [value for part in parts for value in (part, int(since.timestamp()))],
        )
        return map(rows.to_message, found)

    def recent(self, chat_id: int, *, limit: int, deleted: bool = False) -> list[Message]:
        """The newest `limit` messages that stand in a chat, or that ever did with those `deleted`, oldest first."""
        parts = self.parts(chat_id)
        among = f"chat_id in ({', '.join('?' * len(parts))}) {'' if deleted else 'and deleted_at is null'}"
        found = self.database.execute(
            f"{_SELECT} where {among} order by sent_at desc, message_id desc limit ?", [*parts, limit]
        ).fetchall()
        return [rows.to_message(row) for row in reversed(found)]

    def message(self, chat_id: int, message_id: int) -> Message | None:
        """One message as it stands, or stood before it was deleted; None where it was never seen."""
        row = self.database.execute(f"{_SELECT} where chat_id = ? and message_id = ?", [chat_id, message_id]).fetchone()
        return rows.to_message(row) if row else None

    def newest_id(self, chat_id: int) -> int:
        """The highest message id that was ever seen under this very id; 0 where there is none."""
        query = "select coalesce(max(message_id), 0) from messages where chat_id = ?"
        return int(self.database.execute(query, [chat_id]).fetchone()[0])

    def ids(self, chat_id: int, within: Interval) -> set[int]:
        """The ids of an interval whose messages are stored and stand."""
        find = "select message_id from messages where chat_id = ? and message_id between ? and ? and deleted_at is null"
        return {row[0] for row in self.database.execute(find, [chat_id, within.lo, within.hi])}

    def count(self, chat_id: int) -> int:
        """How many messages stand under this very id, without the basic group that it may have been."""
        here = "select count(*) from messages where chat_id = ?"  # both are read from indexes: rows would take seconds
        query = f"select ({here}) - ({here} and deleted_at is not null)"
        return int(self.database.execute(query, [chat_id, chat_id]).fetchone()[0])

    def parts(self, chat_id: int) -> list[int]:
        """The ids under which messages of this chat stand: its own, and those of what became part of it."""
        groups = self.database.execute("select group_id from migrated_group where chat_id = ?", [chat_id])
        return [chat_id, *(row[0] for row in groups)]

    def _rename(self, before: Peer, after: Peer) -> None:
        self.database.execute("update messages set sender_id = ? where sender_id = ?", [after.peer_id, before.peer_id])
        self.database.execute("delete from peers where peer_id = ?", [before.peer_id])

    def _known(self, batch: Iterable[tuple[int, int]], complete: tuple[int, Interval] | None) -> _Known:
        """What is stored from the lowest id of the batch, or of the interval, to the highest; chat by chat."""
        wanted: dict[int, list[int]] = defaultdict(list)
        for chat_id, message_id in batch:
            wanted[chat_id].append(message_id)
        if complete:
            chat_id, interval = complete
            wanted[chat_id] += [interval.lo, interval.hi]
        query = """
            select message_id, deleted_at is not null, text, kind, coalesce(edited_at, 0)
            from messages where chat_id = ? and message_id between ? and ?
        """
        return {
            (chat_id, message_id): (bool(deleted), text, kind, edited_at)
            for chat_id, ids in wanted.items()
            for message_id, deleted, text, kind, edited_at in self.database.execute(
                query, [chat_id, min(ids), max(ids)]
            )
        }

    def _complete(self, chat_id: int, interval: Interval) -> None:
        merged = merge([*self.intervals(chat_id), interval])
        self.database.execute("delete from sync_interval where chat_id = ?", [chat_id])
        insert = "insert into sync_interval (chat_id, lo, hi) values (?, ?, ?)"
        self.database.conn.executemany(insert, [(chat_id, one.lo, one.hi) for one in merged])

    def _delete(self, among: str, chat: list[int], message_ids: Iterable[int], at: datetime) -> list[Message]:
        statement = f"update messages set deleted_at = ? where {among} and message_id = ? and deleted_at is null {_ALL}"  # noqa: S608
        with transaction(self.database):
            values = [[int(at.timestamp()), *chat, message_id] for message_id in message_ids]
            return [rows.to_message(row) for one in values for row in self.database.execute(statement, one).fetchall()]


def _says_else(message: Message, known: tuple[bool, str, str, int], second_hand: bool) -> bool:
    """Whether writing the message changed what is said: an edit that is not older, and no mere reaction."""
    _, text, kind, edited_at = known
    later = int(message.edited_at.timestamp()) if message.edited_at else 0
    return (later > edited_at if second_hand else later >= edited_at) and (message.text, message.kind) != (text, kind)


@contextmanager
def open_store(path: Path, *more: Migrations) -> Iterator[Store]:
    """Open the file, for its owner's eyes only, and bring its tables up to date: the exporter's, then `more`.

    Raises:
        DoppelgangerError: at any time while open: full disk, locked, damaged or no database.
    """
    with open_database(path, migrations, *more) as database:
        yield Store(database)
