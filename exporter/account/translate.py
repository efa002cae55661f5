"""From Telegram's own types to our values. Pure: it asks nobody, stores nothing, and never fails on what is new."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from telethon.tl import types
from telethon.utils import get_display_name, get_peer_id, resolve_id

from exporter.account.richtext import plain
from exporter.messages import DELETED, Message, MessageKind, Peer, PeerKind, Reaction

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
_CALLS = (types.MessageActionPhoneCall, types.MessageActionConferenceCall, types.MessageActionGroupCall)


def is_protected(*told: Any) -> bool:
    """Whether Telegram forbids to save what is said: at a group or channel as a whole; with people, at a message."""
    return any(getattr(one, "noforwards", False) for one in told)


def to_peer(entity: Any) -> Peer:
    """A Telegram user, group or channel as one of our peers.

    What Telegram sends in its short form (`min`) has an access_hash that opens nothing, so it is left out.
    """
    usernames = [name.username for name in getattr(entity, "usernames", None) or () if name.active]
    return Peer(
        peer_id=get_peer_id(entity),
        kind=_peer_kind(entity),
        name=get_display_name(entity) or DELETED,
        username=getattr(entity, "username", None) or next(iter(usernames), None),
        access_hash=None if getattr(entity, "min", False) else getattr(entity, "access_hash", None),
    )


def to_address(peer: Peer) -> Any:
    """A peer as Telegram wants it named in a request. Without its access_hash, that opens nothing."""
    if peer.kind is PeerKind.SELF:
        return types.InputPeerSelf()
    number, kind = resolve_id(peer.peer_id)
    if kind is types.PeerChat:
        return types.InputPeerChat(number)
    address = types.InputPeerUser if kind is types.PeerUser else types.InputPeerChannel
    return address(number, peer.access_hash or 0)


def to_message(message: Any, *, chat_id: int, owner_id: int) -> Message:
    """A `Message` or `MessageService` of Telegram's as one of ours.

    Whose it is, Telegram says (`out`), not its sender: an anonymous administrator writes as the group. What the
    owner keeps in Saved Messages is his own unless it was forwarded there.
    """
    if isinstance(message, types.MessageService):
        return _to_event(message, chat_id, owner_id)
    origin = message.fwd_from
    outgoing = message.out or (chat_id == owner_id and origin is None)
    media = message.media
    document = _document(media)
    answered = message.reply_to if isinstance(message.reply_to, types.MessageReplyHeader) else None
    return Message(
        chat_id,
        message.id,
        sender_id=_sender(message, chat_id, owner_id, outgoing=outgoing),
        sent_at=message.date,
        outgoing=outgoing,
        text=_text(message),
        kind=_kind(media, document),
        emoji=_emoji(media, document),
        duration=_duration(document),
        reply_to=answered and _reply_to(answered),
        forwarded=origin is not None,
        via_bot=bool(message.via_bot_id or message.via_business_bot_id or message.guestchat_via_from),
        edited_at=message.edit_date,
        quote=answered and answered.quote_text,
        reply_to_chat=get_peer_id(answered.reply_to_peer_id) if answered and answered.reply_to_peer_id else None,
        origin_id=get_peer_id(origin.from_id) if origin and origin.from_id else None,
        origin_name=origin and origin.from_name,
        album=message.grouped_id,
        topic=answered and _topic(answered),
        reactions=to_reactions(message.reactions) if message.reactions else (),
        expires_at=_expires_at(message),
    )


def to_reactions(told: types.MessageReactions, before: Iterable[Reaction] = ()) -> tuple[Reaction, ...]:
    """How a message was reacted to. A short form (`min`) does not know the owner's own, which stay as `before`."""
    own = {reaction.emoji for reaction in before if reaction.own}
    return tuple(
        Reaction(
            emoji := _reaction(one.reaction), one.count, emoji in own if told.min else one.chosen_order is not None
        )
        for one in told.results
    )


def _to_event(message: types.MessageService, chat_id: int, owner_id: int) -> Message:
    """What happened in a chat without anybody's words; calls are events that have a length."""
    outgoing = bool(message.out)
    answered = message.reply_to if isinstance(message.reply_to, types.MessageReplyHeader) else None
    return Message(
        chat_id,
        message.id,
        sender_id=_sender(message, chat_id, owner_id, outgoing=outgoing),
        sent_at=message.date,
        outgoing=outgoing,
        text="",
        kind=MessageKind.CALL if isinstance(message.action, _CALLS) else MessageKind.SERVICE,
        duration=getattr(message.action, "duration", None) or None,
        reply_to=answered and _reply_to(answered),
        topic=answered and _topic(answered),
        action=_snake_case(type(message.action).__name__.removeprefix("MessageAction")),
        reactions=to_reactions(message.reactions) if message.reactions else (),
        expires_at=_expires_at(message),
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


def _sender(message: Any, chat_id: int, owner_id: int, *, outgoing: bool) -> int:
    if message.from_id:
        return int(get_peer_id(message.from_id))
    return owner_id if outgoing else chat_id


def _text(message: types.Message) -> str:
    """The words, or what stands for them: a question asked, a place named. What may be seen once is not kept."""
    if getattr(message.media, "ttl_seconds", None):
        return ""
    if message.message or not (message.media or message.rich_message):
        return message.message or ""
    match message.media:
        case types.MessageMediaPoll(poll=types.Poll(question=question)):
            return str(question.text)
        case types.MessageMediaVenue(title=title):
            return str(title)
    return plain(message.rich_message) if message.rich_message else ""


def _document(media: Any) -> Mapping[type[Any], Any]:
    """What is said of the attached file, by the kind of statement."""
    if not isinstance(media, types.MessageMediaDocument):
        return {}
    return {type(attribute): attribute for attribute in getattr(media.document, "attributes", ())}


def _kind(media: Any, document: Mapping[type[Any], Any]) -> MessageKind:
    if isinstance(media, types.MessageMediaDocument):
        return _document_kind(document)
    return _MEDIA.get(type(media), MessageKind.OTHER)


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


def _emoji(media: Any, document: Mapping[type[Any], Any]) -> str | None:
    if sticker := document.get(types.DocumentAttributeSticker):
        return sticker.alt or None
    return getattr(media, "emoticon", None)  # of a dice


def _duration(document: Mapping[type[Any], Any]) -> int | None:
    """Whole seconds of a sound or a video."""
    timed = document.get(types.DocumentAttributeVideo) or document.get(types.DocumentAttributeAudio)
    return int(timed.duration) if timed else None


def _reply_to(answered: types.MessageReplyHeader) -> int | None:
    """The message that this one answers; being in a forum's topic is no answer."""
    if answered.forum_topic and answered.reply_to_top_id is None:
        return None
    message_id: int | None = answered.reply_to_msg_id
    return message_id


def _topic(answered: types.MessageReplyHeader) -> int | None:
    """A forum's topic is named by the message that began it."""
    if not answered.forum_topic:
        return None
    topic: int | None = answered.reply_to_top_id or answered.reply_to_msg_id
    return topic


def _reaction(reaction: Any) -> str:
    match reaction:
        case types.ReactionEmoji(emoticon=str(emoji)):
            return emoji
        case types.ReactionCustomEmoji(document_id=int(document)):
            return str(document)
        case types.ReactionPaid():
            return "⭐"
    return "?"


def _expires_at(message: Any) -> datetime | None:
    sent: datetime = message.date
    return sent + timedelta(seconds=message.ttl_period) if message.ttl_period else None


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
