"""What a card says: who wrote what, the numbered proposals, and what became of them. Pure: desks send these texts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.desks.drafts import Burst, Draft
from bot.desks.reasons import why_not_sent
from bot.sending.entries import BEGUN, Entry, EntryState
from bot.sending.refused import STOP_FILE, rule
from bot.sending.stops import ACCOUNT, Stop
from exporter.messages import Peer

QUOTED_LINES = 5
QUOTED = 160
"""UTF-16 units of one quoted line."""
WEEK = 7
PROPOSED = 2700
"""UTF-16 units of all proposals together; a message may have 4096."""


@dataclass(frozen=True, slots=True)
class Card:
    """A draft with all that the owner needs to judge it."""

    draft: Draft
    name: str
    """Of the chat."""
    said: tuple[str, ...]
    """What is to be answered, message by message."""
    said_at: datetime
    """In the owner's zone."""


def open_card(card: Card, *, now: datetime, how: str = "") -> str:
    """The card while it waits for the owner; at its end, `how` he chooses."""
    proposals = card.draft.proposals
    room = PROPOSED // max(len(proposals), 1)
    numbered = [f"{number}. {_shown(burst, room)}" for number, burst in enumerate(proposals, 1)]
    when = f", {moment(card.said_at, now)}, {ago(now - card.said_at)}"
    parts = [_heading(card, when), "\n".join(numbered), why_not_sent(card.draft.reason), how]
    return "\n\n".join(filter(None, parts))


def closed_card(card: Card, outcome: str) -> str:
    """The card once nothing can be chosen any more."""
    return f"{_heading(card)}\n\n{outcome}"


def sent(texts: Sequence[str], *, of: int, at: datetime, zone: tzinfo, number: int | None) -> str:
    """The outcome of a draft: `texts` of its `of` messages were sent. `number` is None for the owner's own words."""
    what = "your own words" if number is None else str(number)
    part = "" if len(texts) == of else f", but only {len(texts)} of {of} messages"
    return f"Sent {what} at {at.astimezone(zone):%H:%M}{part}:\n   {_shown(tuple(texts), PROPOSED)}"


SKIPPED = "Skipped."
OUTDATED = "Outdated: the chat moved on."
TURNED_OFF = "Withdrawn: this chat is off now."
NO_CONSENT = "Withdrawn: no consent any more to answer here."
UNKNOWN = "Nobody can tell yet whether it arrived; look into the chat before you write it again."
"""Outcomes, for a card that is closed with one."""

ABOUT_TO_STOP = "{name}: I have answered there so often or so fast in a row that I am about to stop. It is your turn."
NOTHING_ELSE = "{name}: nothing else came to my mind that is fit to send."
MODEL_FAILED = "The model fails again and again, and nobody is answered; I keep trying. To mend it: {fix}."
NOT_THAT = "{name}: nothing was sent or changed. The card changed before you replied, or it is closed."
UNCLEAR = "{name}: I did not understand your reply; nothing was sent, and the card is as it was."
"""Notes to the owner, in messages of their own."""


def not_sent(why: str) -> str:
    """The outcome of a draft that Telegram did not take."""
    return f"Not sent: {why}."


def outcome(entries: Sequence[Entry], *, zone: tzinfo, number: int | None, otherwise: str = OUTDATED) -> str:
    """What became of a burst that the owner chose; `entries` are as they stand in the end."""
    if arrived := [entry for entry in entries if entry.state is EntryState.SENT]:
        at = max(entry.changed_at for entry in arrived)
        return sent([entry.text for entry in arrived], of=len(entries), at=at, zone=zone, number=number)
    if any(entry.state in BEGUN for entry in entries):
        return UNKNOWN
    error = next((entry.error for entry in entries if entry.error), None)
    return not_sent(rule(error).why) if error else otherwise


def stopped(stop: Stop, peers: Mapping[int, Peer], zone: tzinfo) -> str:
    """What the owner is told of a stop: to whom nothing is sent, until when, and why."""
    peer = peers.get(stop.chat_id)
    whom = "anybody" if stop.chat_id == ACCOUNT else clip(peer.name, QUOTED) if peer else str(stop.chat_id)
    if stop.code == STOP_FILE:
        return f"Your double sends nothing to anybody, for {rule(stop.code).why}. Once it is gone, it sends again."
    end = "you say otherwise" if stop.until is None else f"{stop.until.astimezone(zone):%A, %H:%M}"
    return f"Your double sends nothing to {whom} until {end}: {rule(stop.code).why}."


def moment(at: datetime, now: datetime) -> str:
    """A time in the zone of `at`, which stays true however long it stands there: 14:02, and the day unless today."""
    days = (now.astimezone(at.tzinfo).date() - at.date()).days
    day = "" if days == 0 else f"{at:%A} " if 0 < days < WEEK else f"{at.day} {at:%B} "
    return f"{day}{at:%H:%M}"


def ago(age: timedelta) -> str:
    """An age in words, in its largest unit."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} days ago"


def clip(text: str, units: int) -> str:
    """At most `units` UTF-16 units of a text, with an ellipsis where something is missing."""
    encoded = text.encode("utf-16-le")
    if len(encoded) <= 2 * units:
        return text
    return encoded[: 2 * (units - 1)].decode("utf-16-le", "ignore") + "…"


def _heading(card: Card, age: str = "") -> str:
    lines = [line for text in card.said for line in text.splitlines() if line.strip()]
    quoted = [f"> {clip(line, QUOTED)}" for line in lines[-QUOTED_LINES:]]
    return "\n".join([f"{clip(card.name, QUOTED)}{age}", *quoted])


def _shown(burst: Burst, units: int) -> str:
    """A burst, each message and each line in a line of its own, none of which looks like the next number."""
    return clip(re.sub(r"\s*\n\s*", "\n   ", "\n".join(burst)), units)
