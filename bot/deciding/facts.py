"""What a decision about a chat depends on, gathered when it is needed: from the store, the outbox, signs of the owner.

It decides nothing: that is `bot.deciding.policy`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import dropwhile, takewhile

from bot.deciding.guard import Concern
from bot.deciding.loops import run_of
from bot.deciding.policy import Counts, Situation, addressed
from bot.desks.drafts import Burst
from bot.parts import Parts
from bot.sending.entries import EntryState, in_order
from bot.sending.stops import ACCOUNT
from exporter.messages import Message, Peer, PeerKind
from exporter.settings.modes import Mode

LOOKED_AT = 500
"""The newest messages of a chat: they tell when the owner wrote there himself, and which words are usual."""
_GOING_OUT = (EntryState.QUEUED, EntryState.SENDING, EntryState.SENT, EntryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Intent:
    """What the double is about to say, as far as that is known."""

    reply: Burst = ()
    likelihood: float | None = None
    """How sure the model was of it."""
    answering: Message | None = None
    """What it answers once it is on its way; until then, whatever is the newest."""


def situation(parts: Parts, peer: Peer, mode: Mode, intent: Intent, *, live: bool) -> Situation:
    """A chat as it stands now; `live` is false for what was found by looking back."""
    now, chat_id = parts.clock(), peer.peer_id
    ever = [one for one in parts.store.recent(chat_id, limit=LOOKED_AT, deleted=True) if one.said]
    recent = in_order(parts.store.database, chat_id, (one for one in ever if one.deleted_at is None))
    newest = intent.answering or next(reversed(recent), None)
    before = _up_to(newest, recent) if newest else []
    theirs, stop = _theirs(before), parts.stops.of(chat_id)
    chosen, automatic = _sent(parts, chat_id)
    return Situation(
        mode=mode,
        agreed=parts.may_speak(peer),
        refused=stop is not None and stop.chat_id != ACCOUNT,
        halted=stop is not None and stop.chat_id == ACCOUNT,
        peer=peer,
        newest=newest,
        sender=parts.store.peer(newest.sender_id) if newest else None,
        addressed=peer.kind is PeerKind.GROUP and _addressed(parts, theirs),
        live=live,
        started_at=parts.started_at,
        now=now,
        local=now.astimezone(parts.zone).time(),
        wrote_at=_by_hand(parts, ever, chosen | automatic),
        acquainted=any(one.outgoing and one.message_id not in automatic for one in recent),
        seen_at=parts.presence.seen_at(chat_id),
        counts=_counts(parts, chat_id, now, 0 if intent.answering else max(len(intent.reply), 1)),
        run=run_of(before, automatic),
        likelihood=intent.likelihood,
        concern=_concern(parts, peer, theirs, intent.reply, before) if mode is Mode.AUTO and theirs else None,
    )


def _up_to(newest: Message, messages: Sequence[Message]) -> list[Message]:
    """The messages without those at the end that are newer."""
    return list(dropwhile(lambda one: one.message_id > newest.message_id, reversed(messages)))[::-1]


def _theirs(messages: Sequence[Message]) -> list[Message]:
    """What they said since the owner's last word, or the double's, oldest first."""
    return list(takewhile(lambda one: not one.outgoing, reversed(messages)))[::-1]


def _concern(
    parts: Parts, peer: Peer, theirs: Sequence[Message], reply: Burst, before: Sequence[Message]
) -> Concern | None:
    """What the guard has against an answer; `theirs` are the last of the messages `before` it."""
    earlier = before[: -len(theirs)]
    names = (peer.name, parts.owner.name)
    return parts.guard.concern(theirs, reply, about=_answered(parts, theirs), earlier=earlier, names=names)


def _sent(parts: Parts, chat_id: int) -> tuple[set[int], set[int]]:
    """The ids of what the double sent there: what the owner chose, and what was automatic."""
    chosen, automatic = set[int](), set[int]()
    for message_id, draft_id in parts.store.database.execute(
        "select message_id, draft_id from outbox where chat_id = ? and message_id is not null", [chat_id]
    ):
        (automatic if draft_id is None else chosen).add(message_id)
    return chosen, automatic


def _by_hand(parts: Parts, ever: Sequence[Message], sent: Collection[int]) -> datetime | None:
    """When the owner last wrote himself, in the chat and not on a card; also what he took back."""
    own = (one for one in reversed(ever) if one.outgoing and one.message_id not in sent)
    return next((one.sent_at for one in own if not parts.outbox.recognise(one)), None)


def _addressed(parts: Parts, theirs: Sequence[Message]) -> bool:
    """Whether the newest of them, or what its sender said just before, is meant for the owner."""
    if not theirs:
        return False
    burst = [*takewhile(lambda one: one.sender_id == theirs[-1].sender_id, reversed(theirs))]
    own_ids = {one.message_id for one in _answered(parts, burst) if one.outgoing}
    return any(addressed(one, own_ids, parts.owner) for one in burst)


def _answered(parts: Parts, messages: Sequence[Message]) -> list[Message]:
    """What these messages of a chat answer, as far as it was said there and is known."""
    replies = (one for one in messages if one.reply_to and one.reply_to_chat is None)
    return list(filter(None, (parts.store.message(one.chat_id, one.reply_to or 0) for one in replies)))


def _counts(parts: Parts, chat_id: int, now: datetime, more: int) -> Counts:
    """Messages that went to others within an hour and a day, or are on their way; and `more` that are to follow."""
    hour, day = (int((now - timedelta(hours=hours)).timestamp()) for hours in (1, 24))
    (counts,) = parts.store.database.execute(
        f"""
        select count(*) filter (where chat_id = :chat and changed_at > :hour),
               count(*) filter (where chat_id = :chat), count(*) filter (where changed_at > :hour), count(*)
        from outbox where changed_at > :day and state in {tuple(map(str, _GOING_OUT))}
        """,  # noqa: S608 - states of our own
        {"chat": chat_id, "hour": hour, "day": day},
    )
    return Counts(*(count + more for count in counts))
