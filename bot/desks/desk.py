"""Where the owner sees proposals and chooses: all desks show the same card, and the first choice counts.

A chat has one card at each desk: while it is still where he looks, its next draft takes the place of one that expired.
It knows what a desk can do, and nothing of how one looks.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from itertools import dropwhile, takewhile
from typing import Any, Protocol

from bot.desks.cards import Card
from bot.desks.drafts import Draft, Drafts, DraftState
from bot.desks.places import Place, Places
from bot.sending.entries import in_order
from bot.sending.refused import Lost, Refused, Wait
from exporter.messages import Message, Peer, PeerKind
from exporter.storing.store import Store
from trainer.reading.dialogue import words

log = logging.getLogger(__name__)

QUOTED = 20
"""Messages among which the ones to be answered are looked for."""
AGAIN = 30.0
"""Seconds between two tries to show what could not be shown when it was due."""


class Desk(Protocol):
    """One place for cards. Its methods raise Lost or Refused where the card cannot be shown."""

    name: str

    async def show(self, card: Card) -> int:
        """Put the card up; the id of its message."""
        ...

    async def find(self, card: Card) -> int | None:
        """The id of the message that shows the card; None where none does, or nobody can tell."""
        ...

    async def update(self, message_id: int, card: Card) -> datetime | None:
        """Change a card so that it shows this one; when that was, by Telegram's clock, if the desk wants to know."""
        ...

    def near(self, message_id: int) -> bool:
        """Whether a card is still where the owner looks, and not far above what was written since."""
        ...

    async def close(self, message_id: int, card: Card, outcome: str) -> None:
        """Change a card so that it says what became of it, and offers nothing any more."""
        ...

    async def tell(self, text: str) -> None:
        """Say something to the owner that asks for no answer."""
        ...


class Desks:
    """All of the owner's desks. One that cannot be reached does not keep the others from showing a card."""

    def __init__(self, desks: Sequence[Desk], drafts: Drafts, places: Places, store: Store, zone: tzinfo) -> None:
        self._desks = desks
        self._drafts = drafts
        self._places = places
        self._store = store
        self._zone = zone
        self._owed: dict[int, str | None] = {}
        """Drafts whose cards are to change once Telegram lets them: to say what became of it, or to show it."""
        self._busy = Counter[int]()
        """How often something is on its way to cards of each chat just now."""

    async def show(self, draft: Draft) -> None:
        """Put the draft up wherever it is not shown yet."""
        with self._at_work(draft):
            for desk in self._desks:
                if self._places.of(draft.draft_id, desk.name) is None:
                    await self._try(desk, self._show(desk, draft))

    async def update(self, draft: Draft) -> None:
        """Let every card of the draft show it as it is now; put it up wherever it is not shown yet."""
        with self._at_work(draft):
            for desk in self._desks:
                place = self._places.of(draft.draft_id, desk.name)
                work = self._update(desk, draft, place.message_id) if place else self._show_again(desk, draft)
                await self._try(desk, work)

    async def find(self, draft: Draft) -> None:
        """Find cards of the draft that nobody knows of: an answer was lost, or the process killed before it came."""
        with self._at_work(draft):
            for desk in self._desks:
                if self._places.of(draft.draft_id, desk.name) is None:
                    await self._try(desk, self._find(desk, draft))

    async def keep_up(self) -> None:
        """Do with the cards what could not be done when it was due; for ever."""
        while True:
            await asyncio.sleep(AGAIN)
            owed, self._owed = self._owed, {}
            for draft_id, outcome in owed.items():
                draft = self._drafts.get(draft_id)
                if draft and outcome:
                    await self.close(draft, outcome)
                elif draft and draft.state is DraftState.OPEN:
                    await self.update(draft)
                elif draft:
                    await self.find(draft)

    def left_open(self) -> Iterator[Draft]:
        """Drafts that are open no more while a card of theirs may look so, and nobody is about to change it.

        It was on its way when the choice was made, say; or lost on its way to a draft that has expired since.
        """
        for draft in map(self._drafts.get, sorted({place.draft_id for place in self._places.left_open()})):
            if draft and draft.draft_id not in self._owed and not self._busy[draft.chat_id]:
                yield draft

    async def close(self, draft: Draft, outcome: str) -> None:
        """Let every card of the draft say what became of it."""
        with self._at_work(draft):
            for desk in self._desks:
                place = self._places.of(draft.draft_id, desk.name)
                if place is not None:
                    await self._try(desk, self._close(desk, draft, place, outcome))

    async def tell(self, text: str) -> None:
        """Say something to the owner, wherever he may look."""
        for desk in self._desks:
            await self._try(desk, desk.tell(text))

    def card(self, draft: Draft) -> Card:
        """The draft, and what it answers, as the store has it."""
        peer = self._store.peer(draft.chat_id)
        said = (message for message in self._store.recent(draft.chat_id, limit=QUOTED) if message.said)
        recent = reversed(in_order(self._store.database, draft.chat_id, said))
        until = dropwhile(lambda message: message.message_id > draft.answers_to, recent)
        theirs = list(takewhile(lambda message: not message.outgoing, until))[::-1]
        return Card(
            draft,
            peer.name if peer else str(draft.chat_id),
            tuple(_quoted(message, peer, self._store.peer(message.sender_id)) for message in theirs),
            (theirs[-1].sent_at if theirs else draft.opened_at).astimezone(self._zone),
        )

    async def _show(self, desk: Desk, draft: Draft) -> None:
        """In the chat's last card, or else in a message of its own."""
        last = self._places.last_in(draft.chat_id, desk.name)
        if last and desk.near(last.message_id) and await self._takes_over(desk, draft, last):
            return
        with self._owing(draft):
            self._places.put(draft, desk.name, await desk.show(self.card(draft)))

    async def _show_again(self, desk: Desk, draft: Draft) -> None:
        """Show what was not shown yet, as far as is known."""
        if not await self._find(desk, draft):
            await self._show(desk, draft)

    async def _find(self, desk: Desk, draft: Draft) -> bool:
        """Whether the card stands at the desk; from now on that is known."""
        with self._owing(draft):
            found = await desk.find(self.card(draft))
        if found is not None and not self._places.at(desk.name, found):
            log.info("card.found", extra={"desk": desk.name, "draft_id": draft.draft_id})
            self._places.put(draft, desk.name, found)
        return self._places.of(draft.draft_id, desk.name) is not None

    async def _takes_over(self, desk: Desk, draft: Draft, last: Place) -> bool:
        """Let the chat's last card show this draft; false where that card is gone."""
        with self._gone(last):
            await self._update(desk, draft, last.message_id)
            return True
        return False

    async def _update(self, desk: Desk, draft: Draft, message_id: int) -> None:
        self._places.change(desk.name, message_id)
        with self._owing(draft):
            since = await desk.update(message_id, self.card(draft))
            self._places.put(draft, desk.name, message_id, since=since)

    async def _close(self, desk: Desk, draft: Draft, place: Place, outcome: str) -> None:
        with self._owing(draft, outcome), self._gone(place):
            await desk.close(place.message_id, self.card(draft), outcome)
            self._places.close(place)

    @contextmanager
    def _gone(self, place: Place) -> Iterator[None]:
        """Where Telegram does not let a card be changed, the owner deleted it, say, nobody tries that again."""
        try:
            yield
        except Wait:
            raise
        except Refused as refusal:
            log.info("card.gone", extra={"desk": place.desk, "error": refusal.code})
            self._places.close(place)

    @contextmanager
    def _at_work(self, draft: Draft) -> Iterator[None]:
        """Something is on its way to cards of this chat."""
        self._busy[draft.chat_id] += 1
        try:
            yield
        finally:
            self._busy[draft.chat_id] -= 1

    @contextmanager
    def _owing(self, draft: Draft, outcome: str | None = None) -> Iterator[None]:
        """What has to wait, or of which the answer was lost, is done later: a card is looked for before that."""
        try:
            yield
        except (Wait, Lost):
            self._owed[draft.draft_id] = outcome
            raise

    async def _try(self, desk: Desk, showing: Coroutine[Any, Any, object]) -> None:
        try:
            await showing
        except (Lost, Refused) as error:
            log.warning("desk.failed", extra={"desk": desk.name, "error": str(error) or type(error).__name__})


def _quoted(message: Message, chat: Peer | None, sender: Peer | None) -> str:
    """What was said; in a group also by whom."""
    in_group = chat is not None and chat.kind is PeerKind.GROUP
    return f"{sender.name}: {words(message)}" if in_group and sender else words(message)
