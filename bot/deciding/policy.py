"""When the double speaks: every decision has a reason. Pure: facts in, decision out; no clock, no I/O, no model.

`bot.deciding.facts` gathers the facts. The order of the questions is that of their weight: who is never spoken to,
where the owner himself is at it, what he wants to see first, and what speaks against an answer of the double's own
just now.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from bot.deciding.guard import Concern
from bot.deciding.loops import Run
from exporter.messages import Message, Peer, PeerKind
from exporter.settings.config import ConsentScope
from exporter.settings.modes import Mode, is_person
from exporter.settings.replying import Hours, Limits

FRESH = timedelta(minutes=10)
"""A message older than this is never answered automatically."""
NEEDED: tuple[ConsentScope, ...] = ("store", "reply")
"""To what the people in a chat must agree before the double may speak there: to answer a message is to keep it, too."""
QUICK = 4
"""Of a run's answers, so many that were answered in turn at once: no human hand is at the other side."""
ALIKE = 3
"""So many times in a run the same was said again: it goes round in circles."""


class Action(StrEnum):
    """What the double does about a message."""

    SILENT = "silent"
    DRAFT = "draft"
    AUTO = "auto"


class Reason(StrEnum):
    """Why."""

    UNLISTED = "unlisted"
    NO_CONSENT = "no_consent"
    NOT_A_PERSON = "not_a_person"
    NOTHING_SAID = "nothing_said"
    OWNER_ANSWERED = "owner_answered"
    REFUSED = "refused"
    BY_A_BOT = "by_a_bot"
    NOT_ADDRESSED = "not_addressed"
    OWNER_TALKS = "owner_talks"
    GROUP = "group"
    MODE = "mode"
    HALTED = "halted"
    STALE = "stale"
    OWNER_PRESENT = "owner_present"
    FIRST_CONTACT = "first_contact"
    QUIET_HOURS = "quiet_hours"
    CONTACT_CAP = "contact_cap"
    CAP = "cap"
    IN_A_ROW = "in_a_row"
    LOOP = "loop"
    UNSURE = "unsure"
    MODEL_FAILED = "model_failed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why."""

    action: Action
    reason: Reason | Concern
    again_at: datetime | None = None
    """When to ask again, should nothing happen until then; None where only news changes it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages that went to others, or are about to."""

    contact_hour: int = 0
    contact_day: int = 0
    hour: int = 0
    day: int = 0


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision depends on."""

    mode: Mode
    agreed: bool
    """The people there agree to all of `NEEDED`."""
    refused: bool
    """Nothing is sent to this chat: the owner stopped it, or Telegram takes nothing."""
    halted: bool
    """Nothing is sent to anybody for now."""
    peer: Peer
    newest: Message | None
    """The message to be answered: the chat's newest that somebody wrote."""
    sender: Peer | None
    """Who wrote it, where that is known."""
    addressed: bool
    """It, or what its sender said just before, mentions the owner or answers a message of his."""
    live: bool
    """It came while the bot listened, and was not found when it looked back at its start."""
    started_at: datetime
    """When this bot began to listen."""
    now: datetime
    local: time
    """The same on the owner's clock."""
    wrote_at: datetime | None
    """When the owner last wrote there by his own hand; None where he never did, as far back as is looked."""
    acquainted: bool
    """He ever wrote there, or chose what was sent."""
    seen_at: datetime | None
    """When he was last noticed: reading or writing there, or online at all."""
    counts: Counts
    run: Run
    """The double's own answers there since the owner last had a hand in it."""
    likelihood: float | None
    """How likely the model found what it would say; None where it has not spoken yet."""
    concern: Concern | None
    """What in their words, or in those that are to be sent, is not the double's to answer for."""


def decide(situation: Situation, limits: Limits) -> Decision:
    """Silent, draft or automatic. Whatever is unclear is silent; whatever is late or doubtful is at most a draft."""
    return (
        _never(situation)
        or _away(situation, limits)
        or _asked_first(situation)
        or _held_back(situation, limits)
        or Decision(Action.AUTO, Reason.MODE)
    )


def _never(situation: Situation) -> Decision | None:
    """Where nothing is even generated."""
    newest = situation.newest
    reason = None
    if situation.mode is Mode.OFF:
        reason = Reason.UNLISTED
    elif not situation.agreed:
        reason = Reason.NO_CONSENT
    elif not is_person(situation.peer):
        reason = Reason.NOT_A_PERSON
    elif situation.refused:
        reason = Reason.REFUSED
    elif newest is None:
        reason = Reason.NOTHING_SAID
    elif newest.outgoing:
        reason = Reason.OWNER_ANSWERED
    elif situation.sender and not is_person(situation.sender):
        reason = Reason.NOT_A_PERSON
    elif newest.via_bot:
        reason = Reason.BY_A_BOT
    elif situation.peer.kind is PeerKind.GROUP and not situation.addressed:
        reason = Reason.NOT_ADDRESSED
    return Decision(Action.SILENT, reason) if reason else None


def _away(situation: Situation, limits: Limits) -> Decision | None:
    """Where the owner talks himself, nobody else does; what he leaves unanswered is looked at later."""
    if situation.wrote_at is None:
        return None
    over = situation.wrote_at + timedelta(minutes=limits.away_minutes)
    return Decision(Action.SILENT, Reason.OWNER_TALKS, again_at=over) if situation.now < over else None


def _asked_first(situation: Situation) -> Decision | None:
    """Where the owner wants to choose."""
    if situation.peer.kind is PeerKind.GROUP:
        return Decision(Action.DRAFT, Reason.GROUP)
    return Decision(Action.DRAFT, Reason.MODE) if situation.mode is Mode.DRAFT else None


def _held_back(situation: Situation, limits: Limits) -> Decision | None:
    """Why an answer of the double's own has to wait for the owner after all; the first of the reasons."""
    reason = next((reason for reason, speaks in _AGAINST.items() if speaks(situation, limits)), situation.concern)
    return Decision(Action.DRAFT, reason) if reason else None


def _stale(situation: Situation, _limits: Limits) -> bool:
    newest = situation.newest
    if newest is None or not situation.live:
        return True
    return not fresh(newest.sent_at, started_at=situation.started_at, now=situation.now)


def _present(situation: Situation, limits: Limits) -> bool:
    seen = situation.seen_at
    return seen is not None and situation.now - seen < timedelta(minutes=limits.present_minutes)


def _loops(situation: Situation, _limits: Limits) -> bool:
    run = situation.run
    return run.quick >= QUICK or run.alike >= ALIKE or run.marked


_AGAINST: dict[Reason, Callable[[Situation, Limits], bool]] = {
    Reason.HALTED: lambda situation, _: situation.halted,
    Reason.STALE: _stale,
    Reason.OWNER_PRESENT: _present,
    Reason.FIRST_CONTACT: lambda situation, _: not situation.acquainted,
    Reason.QUIET_HOURS: lambda situation, limits: within(limits.quiet_hours, situation.local),
    Reason.LOOP: _loops,
    Reason.IN_A_ROW: lambda situation, limits: situation.run.answers >= limits.in_a_row,
    Reason.CONTACT_CAP: lambda situation, limits: (
        situation.counts.contact_hour > limits.contact_per_hour or situation.counts.contact_day > limits.contact_per_day
    ),
    Reason.CAP: lambda situation, limits: (
        situation.counts.hour > limits.per_hour or situation.counts.day > limits.per_day
    ),
    Reason.UNSURE: lambda situation, limits: (
        situation.likelihood is not None and situation.likelihood < limits.likelihood
    ),
}
"""What speaks against it, and where; the counts are those with the answer itself."""


def ends_run(situation: Situation, limits: Limits) -> bool:
    """Whether one more answer of the double's own is the last, or so nearly: the owner should know before it stops."""
    run = situation.run
    return run.quick >= QUICK - 1 or run.alike >= ALIKE - 1 or run.answers >= limits.in_a_row - 1


def fresh(sent_at: datetime, *, started_at: datetime, now: datetime) -> bool:
    """Whether what was sent then came since the bot began, and not long ago. Telegram cuts its times off to seconds.

    One that comes from the future says that the clock here is wrong, and nothing of its age.
    """
    return sent_at >= started_at.replace(microsecond=0) and abs(now - sent_at) <= FRESH


def within(hours: Hours | None, local: time) -> bool:
    """Whether a time of day lies in these hours, which may go across midnight; two times that are one are no hours."""
    if hours is None:
        return False
    begin, end = hours
    return begin <= local < end if begin <= end else local >= begin or local < end


def addressed(message: Message, own_ids: Collection[int], owner: Peer) -> bool:
    """Whether a message of a group is meant for the owner: it names his @username or answers one of `own_ids`."""
    if message.reply_to_chat is None and message.reply_to in own_ids:
        return True
    return owner.username is not None and bool(
        re.search(rf"(?<!\w)@{re.escape(owner.username)}\b", message.text, re.IGNORECASE)
    )
