"""The desk in Saved Messages: a card is a message there, and so is all else that the double tells its owner.

They begin with a mark, so that they are never taken for the owner's own words. What he writes there is read by
`bot.desks.saved.reader`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from bot.deciding.loops import MARK
from bot.desks.cards import Card, clip, closed_card, open_card
from bot.desks.sight import Sight
from exporter.messages import Message

HOW = (
    "Reply to this message: a number sends that one, + the first, - none, ? makes others. Any other words are sent as "
    "you write them; // begins a comment."
)
MOST = 4000
"""UTF-16 units of what is told; a message may have 4096."""
SEARCHED = 100
"""Messages, the newest, among which a card is looked for."""
READING = timedelta(seconds=2)
"""A reply so soon after a card changed was meant for the proposals that stood there before."""


class Notebook(Protocol):
    """Saved Messages, as this desk needs it. Every method may raise Lost or Refused."""

    async def save(self, text: str, random_id: int) -> int:
        """Write a message; its id."""
        ...

    async def edit_saved(self, message_id: int, text: str) -> datetime:
        """Change it; when that was, by Telegram's clock."""
        ...

    async def newest_saved(self, count: int) -> list[Message]:
        """The newest messages, newest first."""
        ...

    async def saved_since(self, message_id: int) -> list[Message]:
        """What was written after that message, oldest first."""
        ...


class SavedMessages:
    """Cards in Saved Messages."""

    name = "saved"

    def __init__(self, notebook: Notebook, random: Random, clock: Callable[[], datetime]) -> None:
        self._notebook = notebook
        self._random = random
        self._clock = clock
        self._sight = Sight()

    async def show(self, card: Card) -> int:
        """Write the card."""
        return await self._write(self._open(card))

    async def find(self, card: Card) -> int | None:
        """Where the card stands, whenever it was written: that alone stands in its first line."""
        wanted = _lasting(_marked(self._open(card)))
        newest = await self._notebook.newest_saved(SEARCHED)
        return next((one.message_id for one in newest if _lasting(one.text) == wanted), None)

    async def update(self, message_id: int, card: Card) -> datetime:
        """Let a message show this card."""
        return await self._notebook.edit_saved(message_id, _marked(self._open(card)))

    def near(self, message_id: int) -> bool:
        """Whether it is one of the newest messages."""
        return self._sight.holds(message_id)

    def see(self, message_id: int) -> None:
        """The owner wrote a message."""
        self._sight.see(message_id)

    async def close(self, message_id: int, card: Card, outcome: str) -> None:
        """Let it say what became of the draft."""
        await self._notebook.edit_saved(message_id, _marked(closed_card(card, outcome)))

    async def tell(self, text: str) -> None:
        """Write a note of the double's own."""
        await self._write(clip(text, MOST))

    def _open(self, card: Card) -> str:
        return open_card(card, now=self._clock(), how=HOW)

    async def _write(self, text: str) -> int:
        return self._sight.see(await self._notebook.save(_marked(text), self._random.getrandbits(63)))


def _marked(text: str) -> str:
    return f"{MARK} {text}"


def _lasting(text: str) -> list[str]:
    """A card's lines, without when they said it and how long ago that was; white space Telegram may have changed."""
    first, *lines = text.split("\n")
    return [" ".join(line.split()) for line in (first.rsplit(", ", 2)[0], *lines)]
