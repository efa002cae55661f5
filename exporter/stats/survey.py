"""Which part of a store the figures are of: people's chats, or one chat; all of it, or the days between two."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from exporter.errors import DoppelgangerError
from exporter.messages import Message, PeerKind
from exporter.progress import Report, Step, silent
from exporter.settings.section import Contact
from exporter.settings.selection import TELEGRAM, resolve_contact
from exporter.stats.figures import Figures, Tally
from exporter.storing.store import ChatSummary, Store

SESSION_GAP = timedelta(hours=1)
"""The silence that ends a session, where none is set."""
TERMS = 20
"""How many words, and how many emoji, are shown."""
STEP = 5_000
"""Messages between two reports."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for."""

    chat: Contact | None = None
    """None: all private chats and groups. Notes to oneself, channels and bots are no conversation."""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is not meant any more."""


def survey(store: Store, scope: Scope, zone: tzinfo, *, gap: timedelta, report: Report = silent) -> Figures:
    """Count what is stored, in the owner's time zone; a silence longer than `gap` ends a session.

    Raises:
        ConfigError: the chat is unknown or ambiguous.
        DoppelgangerError: nothing was said.
    """
    owner, stored = store.owner(), store.chats()
    if not owner or not stored:
        raise DoppelgangerError(
            "no messages are stored yet", fix="run `python -m exporter sync`, or `python -m exporter import FILE`"
        )
    chats = _chosen(stored, scope)
    tally = Tally(owner.peer_id, zone, gap=gap)
    done, total = 0, sum(chat.messages for chat in chats)
    for chat in chats:
        tally.read(chat.peer, _during(scope, _counted(store.messages(chat.peer.peer_id), done, total, report)))
        done += chat.messages
    report(Step("counting", total, total))
    figures = tally.figures()
    if not figures.chats:
        raise DoppelgangerError(
            "nothing was said there and then" if scope != Scope() else "no private chat and no group is stored",
            fix="see `python -m exporter chats` for what is stored, and ask for more days or another chat",
        )
    return figures


def _chosen(stored: Sequence[ChatSummary], scope: Scope) -> list[ChatSummary]:
    if scope.chat is None:
        kinds = (PeerKind.USER, PeerKind.GROUP)
        return [chat for chat in stored if chat.peer.kind in kinds and chat.peer.peer_id != TELEGRAM]
    peer = resolve_contact(scope.chat, [chat.peer for chat in stored])
    return [chat for chat in stored if chat.peer == peer]


def _counted(messages: Iterable[Message], done: int, total: int, report: Report) -> Iterator[Message]:
    for number, message in enumerate(messages, done):
        if number % STEP == 0:
            report(Step("counting", number, total))
        yield message


def _during(scope: Scope, messages: Iterable[Message]) -> Iterator[Message]:
    return (
        message
        for message in messages
        if (scope.since is None or message.sent_at >= scope.since)
        and (scope.until is None or message.sent_at < scope.until)
    )
