"""From Telegram's own types to our values. Pure: it asks nobody, stores nothing, and never fails on what is new."""

from collections.abc import Mapping
from typing import Any

from telethon.tl import types
from telethon.utils import get_display_name, get_peer_id

from exporter.messages import Message, MessageKind, Peer, PeerKind

_MEDIA: Mapping[type[Any], MessageKind] = {
    types.MessageMediaPhoto: MessageKind.PHOTO,
    types.MessageMediaGeo: MessageKind.LOCATION,
    types.MessageMediaGeoLive: MessageKind.LOCATION,
    types.MessageMediaVenue: MessageKind.LOCATION,
    types.MessageMediaContact: MessageKind.CONTACT,
    types.MessageMediaPoll: MessageKind.POLL,
    types.MessageMediaEmpty: MessageKind.TEXT,
    types.MessageMediaWebPage: MessageKind.TEXT,
    type(None): MessageKind.TEXT,
}


def to_peer(entity: Any) -> Peer:
    """A Telegram user, group or channel as one of our peers.

    What Telegram sends in its short form (`min`) has an access_hash that opens nothing, so it is left out.
    """
    usernames = [name.username for name in getattr(entity, "usernames", None) or () if name.active]
    return Peer(
        peer_id=get_peer_id(entity),
        kind=_peer_kind(entity),
        name=get_display_name(entity) or "Deleted account",
        username=getattr(entity, "username", None) or next(iter(usernames), None),
        access_hash=None if getattr(entity, "min", False) else getattr(entity, "access_hash", None),
    )


def to_message(message: Any, *, chat_id: int, owner_id: int) -> Message:
    """A `Message` or `MessageService` of Telegram's as one of ours.

    Whose it is, Telegram says (`out`), not its sender: an anonymous administrator writes as the group. What the
    owner keeps in Saved Messages is his own unless it was forwarded there.
    """
    forwarded = getattr(message, "fwd_from", None) is not None
    outgoing = message.out or (chat_id == owner_id and not forwarded)
    kind, document = _kind(message), _document(message)
    return Message(
        chat_id,
        message.id,
        sender_id=get_peer_id(message.from_id) if message.from_id else owner_id if outgoing else chat_id,
        sent_at=message.date,
        outgoing=outgoing,
        text=getattr(message, "message", None) or "",
        kind=kind,
        emoji=_emoji(message, document),
        duration=_duration(document),
        reply_to=_reply_to(message),
        forwarded=forwarded,
        via_bot=bool(getattr(message, "via_bot_id", None) or getattr(message, "via_business_bot_id", None)),
        edited_at=getattr(message, "edit_date", None),
    )


def _peer_kind(entity: Any) -> PeerKind:
    match entity:
        case types.User(is_self=True):
            return PeerKind.SELF
        case types.User(bot=True):
            return PeerKind.BOT
        case types.User() | types.UserEmpty():
            return PeerKind.USER
        case types.Channel(broadcast=True) | types.ChannelForbidden(broadcast=True):
            return PeerKind.CHANNEL
    return PeerKind.GROUP


def _document(message: Any) -> Mapping[type[Any], Any]:
    """What is said of the attached file, by the kind of statement."""
    document = getattr(getattr(message, "media", None), "document", None)
    return {type(attribute): attribute for attribute in getattr(document, "attributes", ())}


def _kind(message: Any) -> MessageKind:
    if isinstance(message, types.MessageService):
        return MessageKind.SERVICE
    if isinstance(message.media, types.MessageMediaDocument):
        return _document_kind(_document(message))
    return _MEDIA.get(type(message.media), MessageKind.OTHER)


def _document_kind(document: Mapping[type[Any], Any]) -> MessageKind:
    if types.DocumentAttributeSticker in document:
        return MessageKind.STICKER
    if types.DocumentAttributeAnimated in document:
        return MessageKind.ANIMATION
    if video := document.get(types.DocumentAttributeVideo):
        return MessageKind.ROUND if video.round_message else MessageKind.VIDEO
    if audio := document.get(types.DocumentAttributeAudio):
        return MessageKind.VOICE if audio.voice else MessageKind.AUDIO
    return MessageKind.DOCUMENT


def _emoji(message: Any, document: Mapping[type[Any], Any]) -> str | None:
    if sticker := document.get(types.DocumentAttributeSticker):
        return sticker.alt or None
    return getattr(getattr(message, "media", None), "emoticon", None)  # of a dice


def _duration(document: Mapping[type[Any], Any]) -> int | None:
    """Whole seconds of a sound or a video."""
    timed = document.get(types.DocumentAttributeVideo) or document.get(types.DocumentAttributeAudio)
    return int(timed.duration) if timed else None


def _reply_to(message: Any) -> int | None:
    """The message of the same chat that this one answers; being in a forum's topic is no answer."""
    match message.reply_to:
        case types.MessageReplyHeader(forum_topic=True, reply_to_top_id=None):
            return None
        case types.MessageReplyHeader(reply_to_peer_id=None, reply_to_msg_id=int(answered)):
            return answered
    return None
