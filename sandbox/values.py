"""The nouns of a world: people, groups, and the messages they write.

Nothing here knows a protocol. Formatting is named as in the Bot API, its offsets count UTF-16 units as Telegram's do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from sandbox.attachments import Attachment

if TYPE_CHECKING:
    from sandbox.box import Conversation


@dataclass(frozen=True, slots=True)
class User:
    """A person, or a bot when it has a token."""

    id: int
    name: str
    username: str | None = None
    token: str | None = None

    @property
    def bot(self) -> bool:
        return self.token is not None

    @property
    def phone(self) -> str:
        """Of the range that Telegram's test servers reserve; what the person logs in with."""
        return f"+99966{self.id:07}"

    @property
    def key(self) -> int:
        """The marked id: how everybody's boxes name this peer."""
        return self.id


@dataclass(frozen=True, slots=True)
class Group:
    """A basic group: its messages are numbered by each member's own box."""

    id: int
    title: str
    member_ids: tuple[int, ...]
    created: int = 0
    """Seconds since 1970."""
    protected: bool = False
    """What is said here may not be forwarded or saved."""

    @property
    def key(self) -> int:
        """The marked id: groups are negative."""
        return -self.id


@dataclass(frozen=True, slots=True)
class Channel:
    """A supergroup, or a channel when it broadcasts: it numbers its messages itself, alike for every member."""

    id: int
    title: str
    creator_id: int
    created: int = 0
    """Seconds since 1970."""
    broadcast: bool = False
    """Its creator alone writes, in the channel's name."""
    forum: bool = False
    """Has topics."""
    protected: bool = False
    """What is said here may not be forwarded or saved."""
    username: str | None = None

    @property
    def key(self) -> int:
        """The marked id: -100 before the channel's own."""
        return CHANNEL_MARK - self.id


Peer = User | Group | Channel


CHANNEL_MARK = -(10**12)
"""Marked ids below this are those of channels."""
GENERAL = 1
"""The topic of what is said in no other; no message bears this number."""
LONGEST_TEXT = 4096
"""Characters that fit into one message."""


class Entity(NamedTuple):
    """Formatting of a part of a text."""

    kind: str
    offset: int
    length: int
    value: str | int | None = None
    """Of text_link its url, of pre its language, of text_mention the user's id, of custom_emoji the document's."""


class Button(NamedTuple):
    """One key of an inline keyboard."""

    text: str
    data: str


Keyboard = tuple[tuple[Button, ...], ...]
"""Rows of buttons; empty where there is none."""


def keyboard(rows: Sequence[Sequence[tuple[str, str]]]) -> Keyboard:
    """Rows of (text, callback data) as the world keeps them."""
    return tuple(tuple(Button(text, data) for text, data in row) for row in rows)


@dataclass(frozen=True, slots=True)
class Action:
    """What a service message tells, named as in a Telegram Desktop export."""

    kind: str
    title: str = ""
    member_ids: tuple[int, ...] = ()
    duration: int = 0
    """Seconds, of a call; or until messages delete themselves from now on."""
    reason: str = ""
    """How a call ended: missed, busy, hangup or disconnect."""
    video: bool = False
    """Of a call."""
    on: bool = True
    """Of what can be switched off, too."""
    peer: Group | Channel | None = None
    """What a group became, or a channel was."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Where a forwarded message was first written."""

    date: int
    """Seconds since 1970."""
    user_id: int | None = None
    name: str | None = None
    """For who hides behind his name, or is not of this world."""
    channel: Channel | None = None
    post: int | None = None
    """The channel's number for it."""
    author: str | None = None
    """Who signed it in the channel."""
    saved_from: Message | None = None
    """What was forwarded to Saved Messages, where it can still be seen."""


class Reaction(NamedTuple):
    """What someone thinks of a message."""

    user: User
    emoji: str | int
    """Or the number of a custom one."""
    date: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Details:
    """What few messages have; `PLAIN` is shared by all that have none of it."""

    send_as: Channel | None = None
    """In whose name an admin wrote, so that nobody sees who it was."""
    topic: int | None = None
    """Of a forum: place of the topic's first message; None for what is said in General."""
    elsewhere: Message | None = None
    """What it replies to in another conversation."""
    quote: str = ""
    """The part of it that it replies to."""
    quote_offset: int = 0
    via_bot: User | None = None
    """Who composed it in the sender's name."""
    via_business_bot: User | None = None
    """Who wrote it for the sender, as an assistant."""
    album: int = 0
    """One number for all media that show as one."""
    protected: bool = False
    """Not to be forwarded or saved."""
    ttl: int = 0
    """Seconds until it deletes itself; 0 for never."""
    rich: tuple[str, ...] = ()
    """Paragraphs of a rich message, whose text is empty."""
    reactions: tuple[Reaction, ...] = ()
    """Oldest first."""
    hidden_edit: bool = False
    """The date of its edit is that of a reaction, and clients show it as not edited."""


class Kind(TypedDict, total=False):
    """What of `Details` is given when a message is said, and not found out."""

    send_as: Channel | None
    quote: str
    quote_offset: int
    via_bot: User | None
    via_business_bot: User | None
    album: int
    protected: bool
    ttl: int
    rich: tuple[str, ...]
    reactions: tuple[Reaction, ...]


PLAIN = Details()


@dataclass(slots=True, eq=False, repr=False)
class Message:
    """One message of one conversation; its numbers differ in each member's box."""

    conversation: Conversation
    index: int
    """Place within the conversation; also what `reply_to` names."""
    sender: User
    date: int
    """Seconds since 1970."""
    text: str
    _: KW_ONLY
    entities: tuple[Entity, ...] = ()
    media: Attachment | None = None
    reply_to: int | None = None
    forward: Forward | None = None
    edited: int = 0
    """Seconds since 1970; 0 for never."""
    action: Action | None = None
    keyboard: Keyboard = ()
    details: Details = PLAIN

    def id_for(self, user: User) -> int:
        """This message's number in that member's box; 0 where it does not stand there."""
        return self.conversation.id_of(user, self.index)

    def answered(self) -> Message | None:
        """The message of the same conversation that this one replies to, unless it was deleted."""
        return None if self.reply_to is None else self.conversation.messages[self.reply_to]

    @property
    def masked(self) -> bool:
        """Whether it shows no sender: what a channel says, or someone in its name."""
        group = self.conversation.group
        return self.details.send_as is not None or (isinstance(group, Channel) and group.broadcast)

    @property
    def stands(self) -> bool:
        """Whether it was not deleted."""
        return self.conversation.messages[self.index] is self

    def topic_for(self, user: User) -> int:
        """That member's number of the topic of a forum that this message stands in."""
        topic = self.details.topic
        return GENERAL if topic is None else self.conversation.id_of(user, topic)

    @property
    def begins_topic(self) -> bool:
        """Whether it is the first of a topic of a forum, by whose number the topic goes."""
        return self.details.topic == self.index

    def __repr__(self) -> str:
        return f"<Message {self.index} from {self.sender.id}>"
