"""Whom the double speaks with: gives each message to its conversation, and each choice of the owner's to the outbox.

All ways to approve a draft lead through here, whichever desk they come from.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from typing import Any

from bot.conversation import Conversation
from bot.desks import cards
from bot.desks.drafts import Burst, Draft, DraftState
from bot.parts import Parts
from bot.sending.refused import rule
from bot.sending.stops import Stop
from exporter.messages import Message
from exporter.settings.modes import Mode

log = logging.getLogger(__name__)

POLL = 0.5
"""Seconds between two looks for consent that was revoked. Nothing is sent on the strength of an older look."""


class Double:
    """The owner's double. Conversations run as tasks of `tasks`."""

    def __init__(self, parts: Parts, modes: Mapping[int, Mode], tasks: asyncio.TaskGroup) -> None:
        self._parts = parts
        self._tasks = tasks
        self._working: dict[int, set[asyncio.Task[None]]] = defaultdict(set)
        """What goes on in each chat."""
        self._renewing: set[int] = set()
        """Drafts for which other proposals are being made."""
        self._begun = asyncio.Event()
        self._conversations: dict[int, Conversation] = {}
        for chat_id, mode in modes.items():
            self._begin(chat_id, mode)

    def begin(self) -> None:
        """Speak from now on; until then the double only hears, for nobody could tell it to stop."""
        self._begun.set()

    @property
    def modes(self) -> dict[int, Mode]:
        """Where it may speak, and how."""
        return {chat_id: one.judge.mode for chat_id, one in self._conversations.items()}

    async def change(self, modes: Mapping[int, Mode]) -> None:
        """Speak in these chats from now on, and in no others; in a new one, only what is said from now on counts."""
        for chat_id in self._conversations.keys() - modes.keys():
            await self.drop(chat_id)
            if draft := self._parts.drafts.expire(chat_id):
                await self._parts.desks.close(draft, cards.TURNED_OFF)
        for chat_id, mode in modes.items():
            if chat_id in self._conversations:
                self._conversations[chat_id].judge.mode = mode
            else:
                self._parts.handled.take_up(chat_id, self._parts.store)
                self._begin(chat_id, mode)

    def hear(self, message: Message, *, live: bool) -> None:
        """A message that was not known before, of any chat; `live` is false for what was found by looking back."""
        conversation = self._conversations.get(message.chat_id)
        if conversation:
            conversation.hear(message, live=live)

    def on_message(self, message: Message, is_new: bool) -> None:
        """What the account hears while it listens: a new message, or one that was edited or deleted."""
        if is_new:
            self.hear(message, live=True)
        elif conversation := self._conversations.get(message.chat_id):
            conversation.changed(message)

    async def watch_consent(self) -> None:
        """Withdraw from each chat whose people agree no longer, whichever process was told so; for ever."""
        agreed: dict[int, bool] = {}
        while True:
            await asyncio.sleep(POLL)
            for chat_id, conversation in self._conversations.items():
                before, agreed[chat_id] = agreed.get(chat_id, True), conversation.agreed
                if before and not agreed[chat_id]:
                    log.info("consent.revoked", extra={"chat_id": chat_id})
                    conversation.withdraw()

    async def drop(self, chat_id: int) -> None:
        """Speak with them no more; whatever goes on there has ended by then."""
        self._conversations.pop(chat_id, None)
        if working := self._working.pop(chat_id, set()):
            for task in working:
                task.cancel()
            await asyncio.wait(working)
            log.info("chat.dropped", extra={"chat_id": chat_id})

    async def let_go(self) -> None:
        """Keep nothing in mind of any chat: somebody who had a word in it was forgotten, perhaps."""
        for conversation in self._conversations.values():
            conversation.let_go()
        await self._parts.voice.let_go()

    def approve(self, draft_id: int, number: int, *, version: int | None = None) -> bool:
        """Send proposal `number`, counted from 1; False where that cannot be chosen any more.

        With a version the choice counts among those proposals only, as for `skip` and `again`.
        """
        draft = self._parts.drafts.get_open(draft_id, version=version)
        if draft is None or not 1 <= number <= len(draft.proposals):
            return False
        return self._send(draft, draft.proposals[number - 1], number)

    def say(self, draft_id: int, text: str) -> bool:
        """Send the owner's own words instead of a proposal; False where the draft is no longer open."""
        draft = self._parts.drafts.get_open(draft_id)
        return draft is not None and self._send(draft, (text,), None)

    def again(self, draft_id: int, *, version: int | None = None) -> bool:
        """Make other proposals in the same card; False where it is no longer open, or they are being made."""
        draft = self._parts.drafts.get_open(draft_id, version=version)
        conversation = None if draft is None else self._conversations.get(draft.chat_id)
        if draft is None or conversation is None or draft_id in self._renewing or not conversation.agreed:
            return False
        self._renewing.add(draft_id)
        self._work(draft.chat_id, conversation.renew(draft)).add_done_callback(
            lambda _: self._renewing.discard(draft_id)
        )
        return True

    async def skip(self, draft_id: int, *, version: int | None = None) -> bool:
        """Send nothing; False where the draft is no longer open."""
        draft = self._parts.drafts.get_open(draft_id, version=version)
        if draft is None or not self._parts.drafts.close(draft_id, DraftState.SKIPPED, version=version):
            return False
        log.info("draft.skipped", extra={"chat_id": draft.chat_id, "draft_id": draft_id})
        await self._parts.desks.close(draft, cards.SKIPPED)
        return True

    def _send(self, draft: Draft, burst: Burst, number: int | None) -> bool:
        """The choice and what it sends are committed together: a crash loses neither or both."""
        conversation = self._conversations.get(draft.chat_id)
        if conversation is None or not conversation.agreed:
            return False
        if stop := self._parts.stops.of(draft.chat_id):
            self._work(draft.chat_id, self._give_up(draft, stop))  # not sent later, when nobody expects it any more
            return False
        with self._parts.store.database.atomic():
            if not self._parts.drafts.close(draft.draft_id, DraftState.SENT, number=number, version=draft.version):
                return False
            answering = draft.answers_to
            entries = self._parts.outbox.queue(draft.chat_id, burst, draft_id=draft.draft_id, answering=answering)
        self._work(draft.chat_id, conversation.approved.send(draft, entries, number=number))
        return True

    async def _give_up(self, draft: Draft, stop: Stop) -> None:
        if self._parts.drafts.close(draft.draft_id, DraftState.EXPIRED):
            await self._parts.desks.close(draft, cards.not_sent(rule(stop.code).why))

    def _begin(self, chat_id: int, mode: Mode) -> None:
        if peer := self._parts.store.peer(chat_id):  # else it was forgotten meanwhile
            conversation = self._conversations[chat_id] = Conversation(self._parts, peer, mode)
            self._work(chat_id, self._follow(conversation))

    async def _follow(self, conversation: Conversation) -> None:
        await self._begun.wait()
        await conversation.run()

    def _work(self, chat_id: int, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._working[chat_id].add(task)
        task.add_done_callback(self._working[chat_id].discard)
        return task
