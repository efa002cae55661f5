"""The desk in Saved Messages: a card is a message, and the owner's reply to it is his choice.

What is no reply to a card is his own notebook, and never a command.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Literal, Protocol

from bot.desks.cards import Card, closed_card, open_card
from bot.desks.drafts import Drafts, DraftState
from bot.double import Double

log = logging.getLogger(__name__)

HOW = "Reply to this message: a number sends that one, + the first, - none. Any other words are sent as you write them."


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reply to a card asks for."""

    kind: Literal["number", "skip", "words", "unclear"]
    number: int = 0


def parse(reply: str, *, proposals: int) -> Choice:
    """Understand a reply to a card with so many proposals. A number that none of them has is unclear, not words."""
    said = reply.strip()
    if said in ("+", "👍"):
        return Choice("number", 1)
    if said in ("-", "–", "—"):
        return Choice("skip")
    if said.isdecimal() and len(said) == 1:
        number = int(said)
        return Choice("number", number) if 1 <= number <= proposals else Choice("unclear")
    return Choice("words" if said else "unclear")


class Notebook(Protocol):
    """Saved Messages, as this desk needs it. May raise Lost or Refused."""

    async def save(self, text: str, random_id: int) -> int:
        """Write a message; its id."""
        ...

    async def edit_saved(self, message_id: int, text: str) -> None:
        """Change it."""
        ...


class SavedMessages:
    """Cards in Saved Messages."""

    name = "saved"

    def __init__(self, notebook: Notebook, random: Random, clock: Callable[[], datetime]) -> None:
        self._notebook = notebook
        self._random = random
        self._clock = clock

    async def show(self, card: Card) -> int:
        """Write the card."""
        text = open_card(card, now=self._clock(), why=HOW)
        return await self._notebook.save(text, self._random.getrandbits(63))

    async def update(self, message_id: int, card: Card) -> None:
        """Let it show other proposals."""
        await self._notebook.edit_saved(message_id, open_card(card, now=self._clock(), why=HOW))

    async def tell(self, text: str) -> None:
        """Write a note of the double's own."""
        await self._notebook.save(text, self._random.getrandbits(63))

    async def close(self, message_id: int, card: Card, outcome: str) -> None:
        """Let it say what became of the draft."""
        await self._notebook.edit_saved(message_id, closed_card(card, outcome))


async def on_reply(message_id: int, reply: str, *, drafts: Drafts, double: Double) -> None:
    """The owner replied to one of his Saved Messages: where that is an open card, do as he says."""
    draft = drafts.by_card(SavedMessages.name, message_id)
    if draft is None:
        return
    choice = parse(reply, proposals=len(draft.proposals))
    log.info("desk.reply", extra={"draft_id": draft.draft_id, "choice": choice.kind, "state": draft.state})
    if draft.state is not DraftState.OPEN:
        return
    if choice.kind == "number":
        double.approve(draft.draft_id, choice.number)
    elif choice.kind == "skip":
        await double.skip(draft.draft_id)
    elif choice.kind == "words":
        double.say(draft.draft_id, reply)
