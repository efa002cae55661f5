"""What the people in a chat agree to: a ledger of what was granted and revoked, and what holds by it.

The ledger's latest word counts, else the configuration's default. It is read anew for each question, so that what is
revoked in one process reaches every other at its next decision. It knows nothing of what is done or left undone then.
"""

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from sqlite_utils import Database

from exporter.errors import ConfigError
from exporter.messages import Peer, PeerKind
from exporter.settings.config import Consent, ConsentScope
from exporter.settings.selection import is_of
from exporter.storing.database import transaction

SCOPES: tuple[ConsentScope, ...] = get_args(ConsentScope)
NAMED = 5
"""Of the chats that are left out, how many are named."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; times are whole seconds."""

    chat_id: int
    scope: ConsentScope
    granted_at: datetime
    revoked_at: datetime | None = None
    """The same moment as `granted_at` where it was refused, and not granted before."""
    note: str | None = None
    """How they agreed, or why no longer; in the owner's words."""

    @property
    def said_at(self) -> datetime:
        """When the last word on it was said."""
        return self.revoked_at or self.granted_at


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether something is agreed to in a chat, and by what."""

    holds: bool
    entry: Entry | None
    """None where the configuration's default decides."""


def latest(entries: Iterable[Entry]) -> Entry | None:
    """On which the last word was said; of two chats that became one and spoke in the same second, the refusal."""
    return max(entries, key=lambda one: (one.said_at, one.revoked_at is not None), default=None)


def standing(entries: Iterable[Entry], *, default: bool) -> Standing:
    """What holds by the entries of one chat and scope: their last word, and the default where there are none."""
    entry = latest(entries)
    return Standing(default if entry is None else entry.revoked_at is None, entry)


def by_default(default: Consent, peer: Peer, scope: ConsentScope) -> bool:
    """Whether the owner vouches for this chat by its kind. What he notes in his Saved Messages is his own to keep."""
    if peer.kind is PeerKind.SELF:
        return scope == "store"
    return any(scope in scopes and is_of(peer, [kind]) for kind, scopes in default.default.items())


class Ledger:
    """The ledger in the database, over the configuration's `default`. One connection, used from one thread."""

    def __init__(self, database: Database, default: Consent) -> None:
        self._database = database
        self._default = default

    def allows(self, peer: Peer, *scopes: ConsentScope) -> bool:
        """Whether all of this is agreed to in a chat, as of now."""
        return not self.lacks(peer, scopes)

    def lacks(self, peer: Peer, scopes: Collection[ConsentScope]) -> list[ConsentScope]:
        """What of it is not."""
        held = self.standings(peer)
        return [scope for scope in SCOPES if scope in scopes and not held[scope].holds]

    def standings(self, peer: Peer) -> Mapping[ConsentScope, Standing]:
        """Of every scope. Parts of one conversation, such as the basic group that a supergroup was, share theirs."""
        entries = self._entries(peer.peer_id)
        return {
            scope: standing((one for one in entries if one.scope == scope), default=self._of_default(peer, scope))
            for scope in SCOPES
        }

    def refuses(self, chat_id: int, scope: ConsentScope) -> bool:
        """Whether it was revoked, whatever the default says."""
        entry = latest(one for one in self._entries(chat_id) if one.scope == scope)
        return entry is not None and entry.revoked_at is not None

    def chats(self) -> frozenset[int]:
        """The chats of which anything is written down."""
        return frozenset(row[0] for row in self._database.execute(f"select distinct {_WHOLE} from {_JOINED}"))  # noqa: S608

    def grant(self, peer: Peer, scopes: Collection[ConsentScope], at: datetime, note: str | None = None) -> None:
        """Write down that they agree. `at` is aware; a word is never older than the one before it."""
        with transaction(self._database):
            for scope in scopes:
                before = latest(one for one in self._entries(peer.peer_id) if one.scope == scope)
                if before is None or before.revoked_at or note:
                    moment = at if before is None else max(at, before.said_at + _SECOND)
                    self._write(Entry(peer.peer_id, scope, moment, note=note))

    def revoke(self, peer: Peer, scopes: Collection[ConsentScope], at: datetime, note: str | None = None) -> None:
        """Write down that they agree no longer, or never did."""
        with transaction(self._database):
            for scope in scopes:
                entries = [one for one in self._entries(peer.peer_id) if one.scope == scope]
                if not entries:
                    self._write(Entry(peer.peer_id, scope, at, at, note))
                for entry in entries:
                    if entry.revoked_at is None:
                        self._end(entry, max(at, entry.granted_at), note)

    def _of_default(self, peer: Peer, scope: ConsentScope) -> bool:
        return by_default(self._default, peer, scope)

    def _entries(self, chat_id: int) -> list[Entry]:
        found = self._database.execute(
            f"""
            select chat_id, scope, granted_at, revoked_at, note from (
                select consent.*, {_WHOLE} as whole from {_JOINED}
            ) where whole = coalesce((select chat_id from migrated_group where group_id = :chat), :chat)
            """,  # noqa: S608
            {"chat": chat_id},
        )
        return list(map(_entry, found))

    def _write(self, entry: Entry) -> None:
        self._database.execute(
            "insert into consent (chat_id, scope, granted_at, revoked_at, note) values (?, ?, ?, ?, ?)",
            [entry.chat_id, entry.scope, _seconds(entry.granted_at), _seconds(entry.revoked_at), entry.note],
        )

    def _end(self, entry: Entry, at: datetime, note: str | None) -> None:
        self._database.execute(
            "update consent set revoked_at = ?, note = ? where chat_id = ? and scope = ? and granted_at = ?",
            [
                _seconds(at),
                "; ".join(filter(None, (entry.note, note))) or None,
                entry.chat_id,
                entry.scope,
                _seconds(entry.granted_at),
            ],
        )


def how_to_grant(peer: Peer, *scopes: ConsentScope) -> str:
    """The command by which the owner writes down that they agree."""
    return " ".join(["python -m exporter consent", shlex.quote(peer.name), *(f"--{scope}" for scope in scopes)])


def left_out(peers: Sequence[Peer]) -> list[str]:
    """Why these chats are not pulled, for the user: a line for each, but for the last of many."""
    lines = [f"{peer.name} is left out: no consent; {how_to_grant(peer, 'store')}" for peer in peers[:NAMED]]
    if (more := len(peers) - NAMED) > 0:
        lines.append(f"{more:,} more are left out: no consent; python -m exporter consent lists them")
    return lines


class NoConsent(ConfigError):
    """Chats are chosen, and none of them may be stored. `peers` are those chats."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        super().__init__(
            f"no consent to store what is said with {_named(peers)}",
            fix=f"once they agree: {how_to_grant(peers[0], 'store')}; or vouch for whole kinds under [consent]",
        )
        self.peers = peers


def _named(peers: Sequence[Peer]) -> str:
    names = ", ".join(peer.name for peer in peers[:NAMED])
    return names if len(peers) <= NAMED else f"{names} and {len(peers) - NAMED:,} more"


_SECOND = timedelta(seconds=1)
_JOINED = "consent left join migrated_group on group_id = consent.chat_id"
_WHOLE = "coalesce(migrated_group.chat_id, consent.chat_id)"


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _entry(row: tuple[Any, ...]) -> Entry:
    chat_id, scope, granted_at, revoked_at, note = row
    return Entry(chat_id, scope, _moment(granted_at), None if revoked_at is None else _moment(revoked_at), note)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
