"""When the double speaks: every decision has a reason. Pure: facts in, decision out; no clock, no I/O, no model."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from exporter.config import ConsentScope
from exporter.messages import Message, Peer, PeerKind
from exporter.modes import Mode, is_person

FRESH = timedelta(minutes=10)
"""A message older than this is never answered automatically."""
NEEDED: tuple[ConsentScope, ...] = ("store", "reply")
"""To what the people in a chat must agree before the double may speak there: to answer a message is to keep it, too."""


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
    HALTED = "halted"
    NOT_ADDRESSED = "not_addressed"
    GROUP = "group"
    STALE = "stale"
    MODE = "mode"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why."""

    action: Action
    reason: Reason


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision depends on."""

    mode: Mode
    agreed: bool
    """The people there agree to all of `NEEDED`."""
    refused: bool
    """Telegram takes nothing for this chat."""
    halted: bool
    """Nothing is sent to anybody for now."""
    peer: Peer
    newest: Message | None
    """The chat's newest message that somebody wrote."""
    sender: Peer | None
    """Who wrote it, where that is known."""
    addressed: bool
    """It, or what its sender said just before, mentions the owner or answers a message of his."""
    live: bool
    """It came while the bot listened, and was not found when it looked back at its start."""
    started_at: datetime
    """When this bot began to listen."""
    now: datetime


def decide(situation: Situation) -> Decision:
    """Silent, draft or automatic. Whatever is unclear is silent; whatever is late is at most a draft."""
    newest = situation.newest
    if situation.mode is Mode.OFF:
        return Decision(Action.SILENT, Reason.UNLISTED)
    if not situation.agreed:
        return Decision(Action.SILENT, Reason.NO_CONSENT)
    if not is_person(situation.peer):
        return Decision(Action.SILENT, Reason.NOT_A_PERSON)
    if situation.refused:
        return Decision(Action.SILENT, Reason.REFUSED)
    if newest is None:
        return Decision(Action.SILENT, Reason.NOTHING_SAID)
    if newest.outgoing:
        return Decision(Action.SILENT, Reason.OWNER_ANSWERED)
    if situation.sender and not is_person(situation.sender):
        return Decision(Action.SILENT, Reason.NOT_A_PERSON)
    if situation.peer.kind is PeerKind.GROUP:
        if not situation.addressed:
            return Decision(Action.SILENT, Reason.NOT_ADDRESSED)
        return Decision(Action.DRAFT, Reason.GROUP)
    if situation.mode is Mode.DRAFT:
        return Decision(Action.DRAFT, Reason.MODE)
    if situation.halted:
        return Decision(Action.DRAFT, Reason.HALTED)
    if not situation.live or not fresh(newest, started_at=situation.started_at, now=situation.now):
        return Decision(Action.DRAFT, Reason.STALE)
    return Decision(Action.AUTO, Reason.MODE)


def fresh(message: Message, *, started_at: datetime, now: datetime) -> bool:
    """Whether it was sent since the bot began, and not long ago. Telegram's times are whole seconds, cut off."""
    return message.sent_at >= started_at.replace(microsecond=0) and now - message.sent_at <= FRESH


def addressed(message: Message, own_ids: Collection[int], owner: Peer) -> bool:
    """Whether a message of a group is meant for the owner: it names his @username or answers one of `own_ids`."""
    if message.reply_to_chat is None and message.reply_to in own_ids:
        return True
    return owner.username is not None and bool(
        re.search(rf"@{re.escape(owner.username)}\b", message.text, re.IGNORECASE)
    )
