"""What happens in a world, as boxes and whoever serves a protocol are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.values import Message, User

if TYPE_CHECKING:
    from sandbox.box import Conversation


@dataclass(frozen=True, slots=True)
class NewMessage:
    """Someone wrote, perhaps the account itself elsewhere."""

    message: Message


@dataclass(frozen=True, slots=True)
class Edited:
    """Words or buttons of a message changed."""

    message: Message


@dataclass(frozen=True, slots=True)
class Deleted:
    """Numbers, in the account's own box or the channel's, that are gone."""

    conversation: Conversation
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReadInbox:
    """The account has read, up to its own number."""

    conversation: Conversation
    max_id: int


@dataclass(frozen=True, slots=True)
class ReadOutbox:
    """Others have read what the account wrote, up to its own number."""

    conversation: Conversation
    max_id: int


Kept = NewMessage | Edited | Deleted | ReadInbox | ReadOutbox
"""Events that a box or a channel keeps, each one step of its pts; who was away fetches them later.

A channel keeps what is said, edited and deleted, but not who read it.
"""


@dataclass(frozen=True, slots=True)
class Reacted:
    """Reactions to a message changed."""

    message: Message


@dataclass(frozen=True, slots=True)
class Typing:
    """Someone is writing; `action` is typing or cancel, or what a client named."""

    conversation: Conversation
    user: User
    action: str = "typing"


@dataclass(frozen=True, slots=True)
class Drafted:
    """The account began to write on another device; the words are not sent yet."""

    conversation: Conversation
    text: str


@dataclass(frozen=True, slots=True)
class Status:
    """Someone came or went."""

    user: User
    online: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """The account joined a group or channel, or is no longer in it."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Refoldered:
    """The account's folders changed."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """Someone pressed a button under a bot's message; the bot should `World.answer` it."""

    query_id: int
    user: User
    message: Message
    data: bytes


Event = Kept | Reacted | Typing | Drafted | Status | Membership | Refoldered | Pressed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a bot says to a press."""

    text: str = ""
    alert: bool = False
