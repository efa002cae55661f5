"""Edits and deletions that happened while nobody looked: recent pages are read once more and compared.

What a page should show and does not is only suspected to be deleted. It is marked where Telegram says so of that very
message, and not where most of a chat would go at once.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from exporter.messages import Message
from exporter.pulling.history import EVERYTHING, History
from exporter.pulling.plan import Chat, Options
from exporter.storing.intervals import HIGHEST, Interval
from exporter.storing.store import Added, Store

MANY = 50
"""So many deletions of one chat are believed; more only where they are not most of what was read again."""


@dataclass(slots=True)
class Recheck:
    """Of one chat: what its pages brought, until it is settled what was deleted."""

    chat: Chat
    edited: list[Message] = field(default_factory=list)
    absent: set[int] = field(default_factory=set)
    """Suspected to be deleted."""
    reread: int = 0
    """Stored messages that were due on a page."""

    def compare(self, added: Added) -> None:
        """Take in what a page changed."""
        self.edited += added.edited
        self.absent |= added.absent
        self.reread += added.stood


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the suspicions."""

    deleted: tuple[Message, ...] = ()
    """Marked as deleted."""
    spared: int = 0
    """Deleted too, says Telegram, but too many to be believed unasked."""


async def reread(
    history: History,
    store: Store,
    recheck: Recheck,
    *,
    since: datetime | None = None,
    newest: int | None = None,
    below: int | None = None,
) -> list[Message]:
    """Read a chat once more, down to a moment or so many messages; those that were new. What to settle is in `recheck`.

    It begins at the top, or below a message. What is stored above the top is due there as well: the newest messages may
    be those that were deleted.
    """
    chat = recheck.chat
    start = below - 1 if below else max(store.ids(chat.peer.peer_id, Interval(chat.top + 1, HIGHEST)), default=chat.top)
    options = Options(since=since) if since else EVERYTHING
    new = []
    async for page, interval in history.pages(chat, Interval(1, start), options, newest):
        added = history.keep(chat, page, interval)
        new += added.new
        recheck.compare(added)
    return new


async def settle(history: History, store: Store, recheck: Recheck, *, accept: bool = False) -> Verdict:
    """Ask Telegram for what is suspected to be deleted, and mark what is.

    Where that is more than `MANY` messages and more than half of those read again, nothing is marked, unless the owner
    accepts it: a fault on the way here must not empty a chat.
    """
    if not recheck.absent:
        return Verdict()
    deleted = await history.deleted(recheck.chat, recheck.absent)
    if len(deleted) > MANY and 2 * len(deleted) > recheck.reread and not accept:
        return Verdict(spared=len(deleted))
    return Verdict(tuple(store.delete(recheck.chat.peer.peer_id, deleted, datetime.now(UTC))))
