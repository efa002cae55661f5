"""What the owner chose at a card, on its way into one chat: it is sent at once, and the card says what became of it."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from bot.composing.words import Words
from bot.deciding.policy import FRESH
from bot.desks import cards
from bot.desks.drafts import Draft
from bot.parts import Parts
from bot.sending import pacing
from bot.sending.delivery import Delivery, Errand
from bot.sending.entries import Entry, EntryState
from bot.sending.habits import learn
from bot.sending.refused import rule
from exporter.messages import Peer

log = logging.getLogger(__name__)


class Approved:
    """All choices for one chat that are under way."""

    def __init__(self, parts: Parts, peer: Peer, words: Words, delivery: Delivery) -> None:
        self._parts = parts
        self._peer = peer
        self._words = words
        self._delivery = delivery
        self._under_way: set[asyncio.Event] = set()
        """One event for each choice: set once the owner's own words make it unfit."""

    def overtake(self) -> None:
        """The owner wrote there himself, or nobody may write there any more: send no more of it."""
        for overtaken in self._under_way:
            overtaken.set()

    def send(self, draft: Draft, entries: Sequence[Entry], *, number: int | None) -> Coroutine[Any, Any, None]:
        """Send what was chosen of this draft. `overtake` stops it from this call on, even before it is awaited."""
        overtaken = asyncio.Event()
        self._under_way.add(overtaken)
        return self._send(draft, entries, overtaken, number=number)

    async def _send(
        self, draft: Draft, entries: Sequence[Entry], overtaken: asyncio.Event, *, number: int | None
    ) -> None:
        parts, began = self._parts, time.monotonic()
        errand = Errand(overtaken, self._may_go_on, parts.clock() + FRESH)
        try:
            texts = [entry.text for entry in entries]
            habits = learn(*self._words.recent())
            bubbles = pacing.bubbles(texts, habits, parts.random, pace=parts.settings.pace)
            results = await self._delivery.deliver(entries, bubbles, errand)
        finally:
            self._under_way.discard(overtaken)
        await parts.desks.close(draft, self._outcome([*results, *entries[len(results) :]], number))
        if arrived := [entry for entry in results if entry.state is EntryState.SENT]:
            log.info(
                "draft.sent",
                extra={
                    "chat_id": self._peer.peer_id,
                    "draft_id": draft.draft_id,
                    "number": number or 0,
                    "bubbles": len(arrived),
                    "seconds": round(time.monotonic() - began, 3),
                },
            )
            parts.say(f"{self._peer.name}: sent what you chose")

    def _may_go_on(self) -> bool:
        return self._parts.may_speak(self._peer) and self._parts.stops.of(self._peer.peer_id) is None

    def _outcome(self, entries: Sequence[Entry], number: int | None) -> str:
        stop = self._parts.stops.of(self._peer.peer_id)
        otherwise = cards.not_sent(rule(stop.code).why) if stop else cards.OUTDATED
        return cards.outcome(entries, zone=self._parts.zone, number=number, otherwise=otherwise)
