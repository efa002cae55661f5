"""What a message is and who writes one: frozen values, shared by every package. No I/O, no library types."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

DELETED = "Deleted account"
"""The name of whoever deleted their account: Telegram gives them none, and nobody else may be without one."""
ELSEWHERE = 1 << 60
"""Ids of peers who are not Telegram's begin here, up and down: Telegram's have at most 52 bits."""
CHANNELS = -1_000_000_000_000
"""Marked ids below this are of channels and supergroups, each with message ids of its own."""


class PeerKind(StrEnum):
    """What stands at the other end of a dialog."""

    USER = "user"
    BOT = "bot"
    GROUP = "group"
    CHANNEL = "channel"
    SELF = "self"
    """The owner, and his Saved Messages."""


class MessageKind(StrEnum):
    """What a message carries beside its text."""

    TEXT = "text"
    PHOTO = "photo"
    VIDEO = "video"
    ROUND = "round"
    VOICE = "voice"
    AUDIO = "audio"
    STICKER = "sticker"
    ANIMATION = "animation"
    DOCUMENT = "document"
    POLL = "poll"
    LOCATION = "location"
    CONTACT = "contact"
    CALL = "call"
    SERVICE = "service"
    """Someone joined, pinned, changed the title …: nobody's words."""
    OTHER = "other"
    """Of a kind that this version does not know."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A user, bot, group or channel, as this account sees it."""

    peer_id: int
    """Marked, as Telethon's `get_peer_id`: users positive, groups negative, channels -100…"""
    kind: PeerKind
    name: str
    username: str | None = None
    access_hash: int | None = None

    @property
    def title(self) -> str:
        """What Telegram's apps call its chat: the owner's own is Saved Messages."""
        return "Saved Messages" if self.kind is PeerKind.SELF else self.name

    @property
    def elsewhere(self) -> bool:
        """Known from another messenger only: Telegram has nobody with this id."""
        return abs(self.peer_id) >= ELSEWHERE


@dataclass(frozen=True, slots=True)
class Reaction:
    """How often a message was answered with one emoji."""

    emoji: str
    """The emoji; of a custom one, its document's id in digits; `⭐` for a paid one."""
    count: int
    own: bool = False
    """The owner is one of them."""


@dataclass(frozen=True, slots=True)
class Dialog:
    """What Telegram last said of a chat as a whole."""

    chat_id: int
    top: int = 0
    """Its newest message id; 0 where it has none."""
    messages: int | None = None
    """How many there are on the server; None where that was never asked."""
    protected: bool = False
    """Telegram forbids saving what is said there."""
    gone: bool = False
    """The owner left it, was removed, or it was deleted: what is stored stays."""
    checked_at: datetime | None = None
    """When its recent messages were last looked at again, for edits and deletions."""
    folders: tuple[str, ...] | None = None
    """Titles of the owner's folders that hold it; None where that was never asked."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one chat."""

    chat_id: int
    """Marked id of the chat's peer."""
    message_id: int
    sender_id: int
    """Marked id of who wrote it; the chat itself where nobody is named."""
    sent_at: datetime
    """Aware, UTC, whole seconds."""
    outgoing: bool
    """Written by the account's owner."""
    text: str
    """The words, or a medium's caption; empty where there are none."""
    kind: MessageKind = MessageKind.TEXT
    emoji: str | None = None
    """What a sticker stands for."""
    duration: int | None = None
    """Of a voice, round, video or audio message, or of a call, in seconds."""
    reply_to: int | None = None
    """The message that it answers: one of this chat, or of `reply_to_chat`."""
    forwarded: bool = False
    """First written elsewhere: context, never the owner's own style."""
    via_bot: bool = False
    """Composed by a bot in someone's name: context, never the owner's own style."""
    edited_at: datetime | None = None
    quote: str | None = None
    """Those words of the answered message that it quotes."""
    reply_to_chat: int | None = None
    """Marked id of the other chat where `reply_to` stands; None for this one."""
    origin_id: int | None = None
    """Of a forward: marked id of who, or which channel, wrote it first."""
    origin_name: str | None = None
    """Of a forward whose author hides: the name that Telegram shows."""
    album: int | None = None
    """What the parts of one album have in common."""
    topic: int | None = None
    """Of a forum: the topic's id; None is its General topic."""
    action: str | None = None
    """Of a service message or a call: what happened, as Telegram's type says it: `chat_add_user`."""
    reactions: tuple[Reaction, ...] = ()
    expires_at: datetime | None = None
    """When it is to be erased, here too: its author set it to destroy itself."""
    deleted_at: datetime | None = None
    """When we saw that it was deleted on Telegram; it is kept, and no longer part of the conversation."""

    @property
    def said(self) -> bool:
        """Whether anybody said it; what else stands in a chat only happened there."""
        return self.kind not in (MessageKind.SERVICE, MessageKind.CALL)
