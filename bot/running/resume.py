"""From a stopped bot to a listening one: settle what an earlier run left open, listen, then look at what it missed.

Until then it says nothing, for what the owner writes at his desks is read only afterwards. What was said meanwhile
leads to a draft at most, for it is older than the start. In a chat that is new to the double, only what is said from
now on counts.
"""

import asyncio
import logging
from collections.abc import Mapping

from bot.desks import cards
from bot.desks.desk import QUOTED
from bot.desks.drafts import Draft, DraftState
from bot.desks.saved.reader import Reader
from bot.double import Double
from bot.parts import Parts
from bot.sending.entries import OPEN, in_order
from exporter.account.client import Client
from exporter.account.connection import SAY_AFTER
from exporter.account.limiter import Limiter
from exporter.account.refusals import explained
from exporter.errors import ComeBackLater
from exporter.pulling.sync import sync
from exporter.settings.config import Sync
from exporter.settings.modes import Mode

log = logging.getLogger(__name__)

AGAIN = 15.0
"""Seconds between two looks for messages of which nobody knows what became of them, and for cards left open."""


async def settle(parts: Parts, modes: Mapping[int, Mode]) -> None:
    """Bring to an end what an earlier run began, before anybody listens."""
    for draft in parts.drafts.all_open():
        await parts.desks.find(draft)
    await _retire(parts, modes)
    for chat_id in modes:
        parts.handled.take_up(chat_id, parts.store)
    await _recover(parts, modes)
    await _close_left_open(parts)


async def keep_recovering(parts: Parts, double: Double) -> None:
    """Settle later what Telegram did not want settled when it was due, or of which an answer got lost; for ever."""
    while True:
        await asyncio.sleep(AGAIN)
        if parts.outbox.owes:
            await _recover(parts, double.modes)
        await _close_left_open(parts)


async def look_back(
    client: Client, limiter: Limiter, reader: Reader, parts: Parts, double: Double, modes: Mapping[int, Mode]
) -> None:
    """Take up what was said meanwhile. The bot listens by now, so nothing is missed; what comes twice counts once.

    In a chat without consent the newest message is decided about, too: to be silent.

    Raises:
        DoppelgangerError: as `exporter.pulling.sync.sync` does, but for a longer wait: that is no reason not to listen.
    """
    chats = tuple(modes.keys() & _speakable(parts))
    if chats:
        note = asyncio.get_running_loop().call_later(SAY_AFTER, parts.say, "reading what was said while I was off …")
        try:
            with explained():
                await sync(client, parts.store, Sync(chats=chats), parts.ledger, limiter=limiter)
        except ComeBackLater as later:
            parts.say(f"{later.problem}: until then I may miss what was said while I was off")
        finally:
            note.cancel()
    for chat_id in modes:
        recent = in_order(parts.store.database, chat_id, parts.store.recent(chat_id, limit=QUOTED))
        newest = next((message for message in reversed(recent) if message.said), None)
        if newest and newest.message_id > (parts.handled.up_to(chat_id) or 0):
            double.hear(newest, live=False)
    await reader.look_back()  # what the owner chose at a card, unless its chat moved on
    for draft in parts.drafts.all_open():
        await parts.desks.update(draft)


async def _recover(parts: Parts, modes: Mapping[int, Mode]) -> None:
    recovered = await parts.outbox.recover(_speakable(parts) & modes.keys())
    for entry in recovered:
        log.info("send.recovered", extra={"entry_id": entry.entry_id, "state": entry.state})
    for draft in map(parts.drafts.get, sorted({entry.draft_id for entry in recovered if entry.draft_id})):
        if draft and draft.state is DraftState.SENT:
            await _close(parts, draft)


async def _close_left_open(parts: Parts) -> None:
    for draft in parts.desks.left_open():
        await _close(parts, draft)


async def _close(parts: Parts, draft: Draft) -> None:
    """Let the cards of a draft say what became of it, unless that is still to be found out."""
    outcome = cards.SKIPPED if draft.state is DraftState.SKIPPED else cards.OUTDATED
    if draft.state is DraftState.SENT:
        entries = parts.outbox.chosen(draft.draft_id)
        if any(entry.state in OPEN for entry in entries):
            return
        outcome = cards.outcome(entries, zone=parts.zone, number=draft.number)
    await parts.desks.close(draft, outcome)


async def _retire(parts: Parts, modes: Mapping[int, Mode]) -> None:
    """Drafts expire of chats that the configuration no longer names, or whose people agree no longer."""
    speakable = _speakable(parts)
    for draft in parts.drafts.all_open():
        if draft.chat_id not in speakable & modes.keys() and parts.drafts.expire(draft.chat_id):
            await parts.desks.close(draft, cards.OUTDATED if draft.chat_id in speakable else cards.NO_CONSENT)


def _speakable(parts: Parts) -> set[int]:
    """The chats whose people agree that the double speaks."""
    return {chat_id for chat_id, peer in parts.store.peers().items() if parts.may_speak(peer)}
