"""From a stopped bot to a listening one: settle what an earlier run left open, listen, then look at what it missed.

What was said meanwhile leads to a draft at most, for it is older than the start. In a chat that is new to the double,
only what is said from now on counts.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial

from bot.account import Account
from bot.desks import cards
from bot.desks.drafts import DraftState
from bot.desks.saved import SavedMessages, on_reply
from bot.double import Double
from bot.parts import Parts
from bot.sending.entries import OPEN
from bot.sending.refused import Lost, Refused
from exporter.client import Client, Link
from exporter.config import Sync
from exporter.limiter import Limiter
from exporter.modes import Mode
from exporter.sync import sync

log = logging.getLogger(__name__)

AGAIN = 15.0
"""Seconds between two looks for messages of which nobody knows what became of them."""


async def settle(parts: Parts, modes: Mapping[int, Mode]) -> None:
    """Bring to an end what an earlier run began, before anybody listens."""
    await _retire(parts, modes)
    for chat_id in modes:
        parts.handled.take_up(chat_id, parts.store)
    await _recover(parts, modes)


async def keep_recovering(parts: Parts, double: Double) -> None:
    """Settle later what Telegram did not want settled when it was due, or of which an answer got lost; for ever."""
    while True:
        await asyncio.sleep(AGAIN)
        if parts.outbox.owes:
            await _recover(parts, double.modes)


async def look_back(
    client: Client, limiter: Limiter, account: Account, parts: Parts, double: Double, modes: Mapping[int, Mode]
) -> None:
    """Take up what was said meanwhile. Whoever listens does so by now, so nothing falls in between; what comes twice
    counts once. Also of a chat without consent the newest is decided about: to be silent.

    Raises:
        DoppelgangerError: as `exporter.sync.sync` does.
    """
    chats = tuple(modes.keys() & _speakable(parts))
    if chats:
        await sync(client, parts.store, Sync(chats=chats), parts.ledger, limiter=limiter)
    for chat_id in modes:
        for newest in parts.store.recent(chat_id, limit=1):
            if newest.message_id > (parts.handled.up_to(chat_id) or 0):
                double.hear(newest, live=False)
    for draft in parts.drafts.all_open():
        await parts.desks.show(draft)
    await _look_at_replies(account, parts, double)


async def watch_replies(link: Link, account: Account, parts: Parts, double: Double) -> None:
    """Do what the owner replies to open cards, now and after each outage, for ever."""
    account.on_saved_reply(partial(on_reply, drafts=parts.drafts, double=double))
    while True:
        await link.lost.wait()
        await link.connected.wait()
        await _look_at_replies(account, parts, double)


async def _recover(parts: Parts, modes: Mapping[int, Mode]) -> None:
    recovered = await parts.outbox.recover(_speakable(parts) & modes.keys())
    for entry in recovered:
        log.info("send.recovered", extra={"entry_id": entry.entry_id, "state": entry.state})
    for draft in map(parts.drafts.get, sorted({entry.draft_id for entry in recovered if entry.draft_id})):
        entries = parts.outbox.chosen(draft.draft_id) if draft else []
        if draft and draft.state is DraftState.SENT and not any(entry.state in OPEN for entry in entries):
            outcome = cards.outcome(entries, at=parts.clock(), zone=parts.zone, number=draft.number)
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


async def _look_at_replies(account: Account, parts: Parts, double: Double) -> None:
    """Do what the owner replied to open cards while nobody listened."""
    shown = [parts.drafts.card(draft.draft_id, SavedMessages.name) for draft in parts.drafts.all_open()]
    oldest = min((card for card in shown if card is not None), default=None)
    if oldest is None:
        return
    try:
        replies = await account.saved_replies(oldest)
    except (Lost, Refused) as error:
        log.warning("desk.failed", extra={"desk": SavedMessages.name, "error": str(error) or "lost"})
        return
    for message_id, reply in replies:
        await on_reply(message_id, reply, drafts=parts.drafts, double=double)
