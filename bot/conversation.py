"""The path of a message in one chat: hear, wait until the burst is over, decide, compose, then draft or answer.

A new message of either side starts it over, wherever it stands. This module knows the order; each step is another's.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from bot.composing.compose import Composed
from bot.composing.context import ModelFailed
from bot.composing.words import Words
from bot.deciding.disclosure import disclosed
from bot.deciding.judge import Judge
from bot.deciding.patience import Patience
from bot.deciding.policy import FRESH, Action, Decision, Reason
from bot.desks import cards
from bot.desks.desk import QUOTED
from bot.desks.drafts import Burst, Draft
from bot.desks.proposing import propose, renew
from bot.parts import Parts
from bot.sending import pacing
from bot.sending.approved import Approved
from bot.sending.delivery import Delivery, Errand, Overtaken, unless
from bot.sending.entries import BEGUN, Entry, EntryState
from bot.sending.habits import Habits, learn
from bot.sending.pacing import Bubble
from bot.sending.refused import UNHEARD, Lost, Refused
from exporter.messages import Message, Peer
from exporter.settings.modes import Mode

log = logging.getLogger(__name__)

IN_TIME = timedelta(seconds=30)
"""An automatic answer arrives so long before it would be too late for it."""
TRIED_AGAIN = timedelta(minutes=1)
"""After so long, a message for which the model failed is looked at again."""
QUIET = 3600.0
"""Seconds without news after which nothing of a chat is kept in mind: some kilobytes for each message ever said in it.
Of 5,000 messages it is read anew in half a second."""
OFTEN = 3
"""After so many failures in a row, the owner is told."""


class Conversation:
    """One chat in which the double may speak."""

    def __init__(self, parts: Parts, peer: Peer, mode: Mode) -> None:
        self._parts = parts
        self._peer = peer
        self._words = Words(parts, peer)
        self.judge = Judge(parts, peer, mode)
        self._patience = Patience(parts, peer)
        self._news = asyncio.Event()
        self._delivery = Delivery(parts.outbox, parts.hands, parts.clock)
        self.approved = Approved(parts, peer, self._words, self._delivery)
        self._outdated: list[tuple[Draft, str]] = []
        self._busy = False
        self._again_at: datetime | None = None

    def hear(self, message: Message, *, live: bool) -> None:
        """A new message of either side: an open draft expires, and what is under way stops at its next step.

        `live` is false for what was found when the bot looked back at its start.
        """
        if not message.said or (message.outgoing and self._parts.outbox.recognise(message)):
            return
        if message.outgoing:
            self.approved.overtake()
        self._expire(cards.OUTDATED)
        self.judge.live = live
        self._patience.hear()
        self._news.set()

    async def run(self) -> None:
        """Follow this chat until cancelled."""
        while True:
            await self._until_news()
            self._busy = True
            try:
                await self._turn()
            except Overtaken:
                log.info("overtaken", extra={"chat_id": self._peer.peer_id})
            except (Lost, Refused) as error:
                log.warning("turn.failed", extra={"chat_id": self._peer.peer_id, "error": str(error) or "lost"})
            except ModelFailed as failure:
                await self._put_off(failure)
            finally:
                self._busy = False

    async def _until_news(self) -> None:
        """Until something happens, or it is time to look again."""
        again_at, self._again_at = self._again_at, None
        wait = QUIET if again_at is None else max((again_at - self._parts.clock()).total_seconds(), 0.0)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait)
            if again_at or self._news.is_set():
                return
            self.let_go()

    async def _turn(self) -> None:
        """One time through: wait for the end of the burst, decide, and speak if that was decided."""
        while self._outdated:
            await self._parts.desks.close(*self._outdated.pop())
        await self._patience.until_quiet(self._news)
        await self._delivery.done()  # what the owner chose before they went on belongs to what is answered
        message = self._words.newest
        if message is None:
            return
        decision = self.judge.decide()
        self.judge.record(message, decision)
        self._again_at = decision.again_at
        if decision.again_at:
            return  # and not dealt with yet
        if decision.action is not Action.SILENT:
            await self._speak(decision, message)
        self._parts.handled.advance(self._peer.peer_id, message.message_id)

    async def _speak(self, decision: Decision, newest: Message) -> None:
        """Compose, then draft or answer. Raises Overtaken, Lost or Refused where it came to nothing."""
        began = time.monotonic()
        composed = await self._compose(self._parts.settings.proposals if decision.action is Action.DRAFT else 1)
        if not composed.bursts:
            self._parts.say(f"{self._peer.name}: nothing that the model said was fit to send")
        elif decision.action is Action.DRAFT:
            await propose(self._parts, self._peer, composed, decision, newest, began=began)
        else:
            await self._answer(composed, newest)

    async def _answer(self, composed: Composed, newest: Message) -> None:
        """Think, read, type and send as the owner would, while every step still stands."""
        parts, chat_id, heard_at, burst = self._parts, self._peer.peer_id, self._patience.heard_at, composed.bursts[0]
        if not await self._stands(composed, newest):
            return
        habits, texts = learn(*self._words.recent()), parts.outbox.parts(disclosed(parts, self._peer, burst))
        bubbles = pacing.bubbles(texts, habits, parts.random, pace=parts.settings.pace)
        await unless(self._news, asyncio.sleep(self._thinking(newest, habits, bubbles)))
        if not await self._stands(composed, newest):
            return
        parts.presence.reads(chat_id, newest.message_id)
        with suppress(Lost, Refused):  # only a courtesy, as typing is
            await unless(self._news, parts.hands.read(chat_id, newest.message_id))
        errand = Errand(self._news, lambda: self.judge.may_go_on(burst, newest), newest.sent_at + FRESH)
        results = await self._delivery.deliver(
            parts.outbox.queue(chat_id, texts, answering=newest.message_id), bubbles, errand
        )
        arrived = [entry for entry in results if entry.state is EntryState.SENT]
        if not arrived:
            self._draft_instead(results)
            raise Overtaken
        log.info(
            "reply.sent",
            extra={
                "chat_id": chat_id,
                "bubbles": len(arrived),
                "seconds": round(time.monotonic() - heard_at, 3),
                "first_token_ms": round(composed.first_token_ms),
            },
        )
        parts.say(f"{self._peer.name}: answered")
        if self.judge.ends_run(newest):
            await parts.desks.tell(cards.ABOUT_TO_STOP.format(name=self._peer.name))

    async def _stands(self, composed: Composed, newest: Message) -> bool:
        """Whether the first burst may still be sent without the owner; where not, he gets proposals instead."""
        decision = self.judge.decide(reply=composed.bursts[0], likelihood=composed.likelihood)
        if decision.action is Action.AUTO:
            return True
        if decision.action is Action.SILENT:
            self._news.set()  # the next turn sees to it
            raise Overtaken
        self.judge.record(newest, decision)
        await self._speak(decision, newest)
        return False

    def _thinking(self, newest: Message, habits: Habits, bubbles: Sequence[Bubble]) -> float:
        """Seconds until the chat is opened: what is left of the owner's delay, and in time for the whole burst."""
        parts, waited = self._parts, time.monotonic() - self._patience.heard_at
        wanted = pacing.delay(habits, parts.random, pace=parts.settings.pace) - waited - bubbles[0].typing
        left = (newest.sent_at + FRESH - IN_TIME - parts.clock()).total_seconds() - pacing.lasts(bubbles)
        return max(min(wanted, left), 0)

    def _draft_instead(self, results: Sequence[Entry]) -> None:
        """Nothing arrived. Let the next turn draft, unless something was said meanwhile, or it may stand there yet."""
        error, unknown = results[-1].error if results else None, any(one.state in BEGUN for one in results)
        extra = {"chat_id": self._peer.peer_id, "error": error or "", "unknown": unknown}
        log.warning("reply.not_sent", extra=extra)
        if not (self._news.is_set() or unknown or error == UNHEARD):
            self.judge.live = False
            self._news.set()

    async def _put_off(self, failure: ModelFailed) -> None:
        """Be silent for now, and look again later. The owner hears once of a model that fails again and again."""
        parts, newest = self._parts, self._words.newest
        decision = Decision(Action.SILENT, Reason.MODEL_FAILED, again_at=parts.clock() + TRIED_AGAIN)
        self._again_at = decision.again_at
        if newest:
            self.judge.record(newest, decision)
        if parts.voice.failures == OFTEN:
            await parts.desks.tell(cards.MODEL_FAILED.format(fix=failure.fix))

    async def _compose(self, wanted: int, *, known: Sequence[Burst] = ()) -> Composed:
        """What may be said now. Raises Overtaken where it no longer may, or something new was said."""
        composed = await unless(self._news, self._words.compose(wanted, known=known))
        if not self.agreed:
            raise Overtaken
        return composed

    def changed(self, message: Message) -> None:
        """A message of theirs was edited or deleted: what is under way or proposed for it starts over."""
        recent = self._parts.store.recent(self._peer.peer_id, limit=QUOTED)
        if message.outgoing or any(
            one.outgoing and one.said and one.message_id >= message.message_id for one in recent
        ):
            return  # it was answered as it stood, or is the owner's own
        if self._expire(cards.OUTDATED) or self._busy:
            self._patience.hear()
            self._news.set()

    async def renew(self, draft: Draft) -> None:
        """Put other proposals into an open draft and its cards, unless the chat moves on meanwhile."""
        try:
            composed = await self._compose(self._parts.settings.proposals, known=draft.proposals)
            await renew(self._parts, self._peer, draft, composed)
        except Overtaken:
            pass
        except ModelFailed:
            await self._parts.desks.tell(cards.NOTHING_ELSE.format(name=self._peer.name))

    @property
    def agreed(self) -> bool:
        """Whether the people in this chat agree that the double speaks, as of now."""
        return self._parts.may_speak(self._peer)

    def withdraw(self) -> None:
        """They agree no longer: an open draft is gone, and what is under way stops at its next step."""
        self.let_go()
        self._expire(cards.NO_CONSENT)
        self.approved.overtake()
        self._news.set()

    def let_go(self) -> None:
        """Keep nothing in mind of what was said."""
        self._words.let_go()

    def _expire(self, outcome: str) -> bool:
        """Let go of the open draft; whether there was one. Its card is closed at the next turn or start."""
        parts, chat_id = self._parts, self._peer.peer_id
        with parts.store.database.atomic():
            expired = parts.drafts.expire(chat_id)
            if expired:
                parts.handled.take_back(chat_id, expired.answers_to)
        if expired:
            self._outdated.append((expired, outcome))
        return expired is not None
