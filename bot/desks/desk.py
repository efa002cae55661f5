"""Where the owner sees proposals and chooses: all desks show the same card, and the first choice counts.

It knows what a desk can do, and nothing of how one looks.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, Protocol

from bot.desks.cards import Card
from bot.desks.drafts import Draft, Drafts
from bot.sending.refused import Lost, Refused, Wait
from exporter.messages import Message, Peer, PeerKind
from exporter.store import Store
from trainer.reading.dialogue import words

log = logging.getLogger(__name__)

QUOTED = 20
"""Messages among which the ones to be answered are looked for."""
AGAIN = 30.0
"""Seconds between two tries to show what Telegram did not want shown."""


class Desk(Protocol):
    """One place for cards. Its methods raise Lost or Refused where the card cannot be shown."""

    name: str

    async def show(self, card: Card) -> int:
        """Put the card up; the id of its message."""
        ...

    async def update(self, message_id: int, card: Card) -> None:
        """Change a card that still waits for the owner, so that it shows this one."""
        ...

    async def close(self, message_id: int, card: Card, outcome: str) -> None:
        """Change a card so that it says what became of it, and offers nothing any more."""
        ...

    async def tell(self, text: str) -> None:
        """Say something to the owner that asks for no answer."""
        ...


class Desks:
    """All of the owner's desks. One that cannot be reached does not keep the others from showing a card."""

    def __init__(self, desks: Sequence[Desk], drafts: Drafts, store: Store) -> None:
        self._desks = desks
        self._drafts = drafts
        self._store = store
        self._owed: set[int] = set()
        """Drafts that wait for Telegram to let them be shown."""

    async def show(self, draft: Draft) -> None:
        """Put the draft up wherever it is not shown yet."""
        for desk in self._desks:
            if self._drafts.card(draft.draft_id, desk.name) is None:
                await self._try(desk, self._show(desk, draft))

    async def update(self, draft: Draft) -> None:
        """Let every card of the draft show it as it is now; put it up wherever it is not shown yet."""
        for desk in self._desks:
            message_id = self._drafts.card(draft.draft_id, desk.name)
            if message_id is None:
                await self._try(desk, self._show(desk, draft))
            else:
                await self._try(desk, self._update(desk, draft, message_id))

    async def keep_up(self) -> None:
        """Show what Telegram did not want shown when it was due, once it does; for ever."""
        while True:
            await asyncio.sleep(AGAIN)
            owed, self._owed = self._owed, set()
            for draft in self._drafts.all_open():
                if draft.draft_id in owed:
                    await self.update(draft)

    async def close(self, draft: Draft, outcome: str) -> None:
        """Let every card of the draft say what became of it."""
        for desk in self._desks:
            message_id = self._drafts.card(draft.draft_id, desk.name)
            if message_id is not None:
                await self._try(desk, desk.close(message_id, self.card(draft), outcome))

    async def tell(self, text: str) -> None:
        """Say something to the owner, wherever he may look."""
        for desk in self._desks:
            await self._try(desk, desk.tell(text))

    def card(self, draft: Draft) -> Card:
        """The draft, and what it answers, as the store has it."""
        peers = self._store.peers()
        peer = peers.get(draft.chat_id)
        recent = self._store.recent(draft.chat_id, limit=QUOTED)
        said = [m for m in recent if m.message_id <= draft.answers_to and m.said]
        theirs = list(takewhile(lambda message: not message.outgoing, reversed(said)))[::-1]
        return Card(
            draft,
            peer.name if peer else str(draft.chat_id),
            tuple(_quoted(message, peer, peers.get(message.sender_id)) for message in theirs),
            theirs[-1].sent_at if theirs else draft.opened_at,
        )

    async def _show(self, desk: Desk, draft: Draft) -> None:
        with self._owing(draft):
            self._drafts.shown(draft.draft_id, desk.name, await desk.show(self.card(draft)))

    async def _update(self, desk: Desk, draft: Draft, message_id: int) -> None:
        with self._owing(draft):
            await desk.update(message_id, self.card(draft))

    @contextmanager
    def _owing(self, draft: Draft) -> Iterator[None]:
        """Where Telegram wants to wait, the draft is shown later."""
        try:
            yield
        except Wait:
            self._owed.add(draft.draft_id)
            raise

    async def _try(self, desk: Desk, showing: Coroutine[Any, Any, None]) -> None:
        try:
            await showing
        except (Lost, Refused) as error:
            log.warning("desk.failed", extra={"desk": desk.name, "error": str(error) or type(error).__name__})


def _quoted(message: Message, chat: Peer | None, sender: Peer | None) -> str:
    """What was said; in a group also by whom."""
    in_group = chat is not None and chat.kind is PeerKind.GROUP
    return f"{sender.name}: {words(message)}" if in_group and sender else words(message)
