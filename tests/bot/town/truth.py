"""What truly happened, as the server saw it: who said what where and when, and what was forbidden meanwhile.

Nothing in it comes from the bot's own books.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.events import Deleted, Edited, Event, NewMessage
from sandbox.values import Message
from tests.bot.town.town import Town

FOREVER = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """One message of a chat."""

    at: float
    chat_id: int
    message: Message
    text: str
    """As it was said; an edit changes the message's own."""
    by_owner: bool
    by_bot: bool
    """It came through the owner's session, which the bot alone has."""


@dataclass(slots=True)
class Ban:
    """A time in which nothing may go to a chat."""

    chat_id: int
    """0 for all."""
    begin: float
    end: float = FOREVER
    lasts: bool = False
    """What the owner resumes does not end it: its people agreed no longer, or a file stops everything."""


@dataclass(slots=True)
class Choice:
    """A reply of the owner's to a card."""

    at: float
    generations: frozenset[str]
    """One of these is what he may have meant: a card may change while he types."""
    shown: frozenset[str]
    """All that the card ever offered."""
    words: str | None = None


@dataclass(slots=True)
class Truth:
    """The server's own log."""

    town: Town
    said: list[Said] = field(default_factory=list)
    edited: dict[Message, float] = field(default_factory=dict)
    deleted: dict[int, float] = field(default_factory=dict)
    """By the number in the owner's box."""
    numbers: dict[Message, int] = field(default_factory=dict)
    """What the owner's box calls a message, also once it is deleted."""
    bans: list[Ban] = field(default_factory=list)
    """Stops, and consent that was revoked."""
    choices: list[Choice] = field(default_factory=list)
    lives: list[float] = field(default_factory=list)
    """When each process of the bot's was started."""
    cards: dict[Message, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    """What stood on each message in Saved Messages that the bot wrote, from when on."""
    on_send: list[Callable[[Said], None]] = field(default_factory=list)
    """Called when the bot has said something to somebody, before it knows that itself."""
    on_card: list[Callable[[Message], None]] = field(default_factory=list)
    """Called when a card came or changed."""

    def listen(self) -> None:
        """Write down from now on."""
        self.town.world.subscribe(self.town.world.owner, self._hear)

    def now(self) -> float:
        """Seconds since 1970, as the server counts them."""
        return self.town.world.clock()

    def in_chat(self) -> dict[int, list[Said]]:
        """What was said, by chat, in order."""
        chats: dict[int, list[Said]] = defaultdict(list)
        for one in self.said:
            chats[one.chat_id].append(one)
        return chats

    def _hear(self, event: Event, pts: int, origin: object) -> None:
        owner = self.town.world.owner
        match event:
            case NewMessage(message=message):
                chat_id = message.conversation.peer(owner).key
                by_owner = message.sender.id == owner.id
                if chat_id == owner.id:
                    self._see(message, origin)
                    return
                self.numbers[message] = message.id_for(owner)
                said = Said(self.now(), chat_id, message, message.text, by_owner, by_owner and origin is not None)
                self.said.append(said)
                if said.by_bot:
                    for told in self.on_send:
                        told(said)
            case Edited(message=message):
                if message.conversation.peer(owner).key == owner.id:
                    self._see(message, origin)
                else:
                    self.edited[message] = self.now()
            case Deleted(conversation=conversation, ids=ids) if conversation.log is None:
                self.deleted.update(dict.fromkeys(ids, self.now()))

    def _see(self, message: Message, origin: object) -> None:
        if origin is not None:
            self.cards[message].append((self.now(), message.text))
            for told in self.on_card:
                told(message)
