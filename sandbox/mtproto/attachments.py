"""What messages carry, between the world and TL: formatting, media, service actions. Files have no bytes."""

import struct
import zlib
from collections.abc import Iterable
from typing import Any

from telethon.tl import types

from sandbox.attachments import Attachment, Contact, Location, Media, Poll
from sandbox.values import Action, Entity
from sandbox.world import DC_ID

PLAIN_ENTITIES = {
    "mention": types.MessageEntityMention,
    "hashtag": types.MessageEntityHashtag,
    "cashtag": types.MessageEntityCashtag,
    "bot_command": types.MessageEntityBotCommand,
    "url": types.MessageEntityUrl,
    "email": types.MessageEntityEmail,
    "phone_number": types.MessageEntityPhone,
    "bank_card": types.MessageEntityBankCard,
    "bold": types.MessageEntityBold,
    "italic": types.MessageEntityItalic,
    "underline": types.MessageEntityUnderline,
    "strikethrough": types.MessageEntityStrike,
    "spoiler": types.MessageEntitySpoiler,
    "blockquote": types.MessageEntityBlockquote,
    "code": types.MessageEntityCode,
}
KIND_OF = {constructor: kind for kind, constructor in PLAIN_ENTITIES.items()}


TOPIC_COLOUR = 0x6FB9F0
"""The first of those that Telegram offers."""


def entities_of(entities: Iterable[Entity]) -> list[Any]:
    """Formatting as TL; kinds that are not known are left out, the words stay."""
    return [rendered for entity in entities if (rendered := _entity(entity)) is not None]


def _entity(entity: Entity) -> Any | None:
    kind, offset, length, value = entity
    match kind:
        case "text_link":
            return types.MessageEntityTextUrl(offset, length, str(value or ""))
        case "pre":
            return types.MessageEntityPre(offset, length, str(value or ""))
        case "text_mention" if isinstance(value, int):
            return types.MessageEntityMentionName(offset, length, value)
        case "custom_emoji" if isinstance(value, int):
            return types.MessageEntityCustomEmoji(offset, length, value)
    constructor = PLAIN_ENTITIES.get(kind)
    return constructor(offset=offset, length=length) if constructor else None


def read_entities(sent: Iterable[Any] | None) -> tuple[Entity, ...]:
    """Formatting that a client sent."""
    return tuple(found for entity in sent or () if (found := _read_entity(entity)) is not None)


def _read_entity(sent: Any) -> Entity | None:
    match sent:
        case types.MessageEntityTextUrl():
            return Entity("text_link", sent.offset, sent.length, sent.url)
        case types.MessageEntityPre():
            return Entity("pre", sent.offset, sent.length, sent.language or None)
        case types.InputMessageEntityMentionName(user_id=types.InputUser(user_id=user_id)):
            return Entity("text_mention", sent.offset, sent.length, user_id)
        case types.MessageEntityCustomEmoji():
            return Entity("custom_emoji", sent.offset, sent.length, sent.document_id)
    kind = KIND_OF.get(type(sent))
    return None if kind is None else Entity(kind, sent.offset, sent.length)


def media_of(media: Attachment, date: int) -> Any:
    """Any attachment as TL."""
    match media:
        case Poll(question, answers):
            return _poll(question, answers)
        case Location(latitude, longitude):
            return types.MessageMediaGeo(types.GeoPoint(longitude, latitude, 0))
        case Contact(phone, first_name, last_name):
            return types.MessageMediaContact(phone, first_name, last_name, "", 0)
        case Media(kind="photo"):
            size = types.PhotoSize("x", media.width or 1280, media.height or 960, media.size)
            return types.MessageMediaPhoto(photo=types.Photo(_file_id(media, date), 0, b"", date, [size], DC_ID))
        case Media():
            return _file(media, date)


def _file(media: Media, date: int) -> types.MessageMediaDocument:
    document = types.Document(_file_id(media, date), 0, b"", date, media.mime, media.size, DC_ID, _attributes(media))
    return types.MessageMediaDocument(
        document=document,
        voice=media.kind == "voice" or None,
        round=media.kind == "round" or None,
        video=media.kind in ("video", "round") or None,
    )


def _attributes(media: Media) -> list[Any]:
    attributes: list[Any] = []
    match media.kind:
        case "sticker":
            attributes.append(types.DocumentAttributeImageSize(media.width or 512, media.height or 512))
            attributes.append(types.DocumentAttributeSticker(media.emoji or "", types.InputStickerSetEmpty()))
        case "voice":
            attributes.append(types.DocumentAttributeAudio(media.duration, voice=True))
        case "audio":
            attributes.append(
                types.DocumentAttributeAudio(media.duration, title=media.title, performer=media.performer)
            )
        case "round" | "video" | "animation":
            rounded = media.kind == "round" or None
            attributes.append(
                types.DocumentAttributeVideo(media.duration, media.width, media.height, round_message=rounded)
            )
    if media.kind == "animation":
        attributes.append(types.DocumentAttributeAnimated())
    if media.name:
        attributes.append(types.DocumentAttributeFilename(media.name))
    return attributes


def _poll(question: str, answers: tuple[str, ...]) -> types.MessageMediaPoll:
    rendered = [
        types.PollAnswer(types.TextWithEntities(answer, []), struct.pack("<H", number))
        for number, answer in enumerate(answers)
    ]
    poll = types.Poll(zlib.crc32(question.encode()), types.TextWithEntities(question, []), rendered, 0)
    return types.MessageMediaPoll(poll, types.PollResults())


def _file_id(media: Media, date: int) -> int:
    return date << 32 | zlib.crc32(repr(media).encode())


def action_of(action: Action) -> Any:
    """A service message's action; what the world knows by name alone is told in Telegram's free form."""
    members = list(action.member_ids)
    match action.kind:
        case "migrate_to_supergroup" if action.peer is not None:
            return types.MessageActionChatMigrateTo(action.peer.id)
        case "migrate_from_group" if action.peer is not None:
            return types.MessageActionChannelMigrateFrom(action.title, action.peer.id)
        case "topic_created":
            return types.MessageActionTopicCreate(action.title, TOPIC_COLOUR)
        case "create_group":
            return types.MessageActionChatCreate(action.title, members)
        case "edit_group_title":
            return types.MessageActionChatEditTitle(action.title)
        case "invite_members":
            return types.MessageActionChatAddUser(members)
        case "phone_call":
            return types.MessageActionPhoneCall(call_id=0, duration=action.duration)
        case "pin_message":
            return types.MessageActionPinMessage()
        case "clear_history":
            return types.MessageActionHistoryClear()
    return types.MessageActionCustomAction(action.kind.replace("_", " "))
