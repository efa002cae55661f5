"""What a message is and who writes one: frozen values, shared by every package. No I/O, no library types."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    SERVICE = "service"
    """Someone joined, called, pinned …: nobody's words."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Peer:
    """A user, bot, group or channel, as this account sees it."""

    peer_id: int
    """Marked, as Telethon's `get_peer_id`: users positive, groups negative, channels -100…"""
    kind: PeerKind
    name: str
    username: str | None = None
    access_hash: int | None = None


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
    """Of a voice, round, video or audio message, in seconds."""
    reply_to: int | None = None
    """The message of the same chat that it answers."""
    forwarded: bool = False
    """First written elsewhere: context, never the owner's own style."""
    via_bot: bool = False
    """Composed by a bot in someone's name: context, never the owner's own style."""
    edited_at: datetime | None = None
