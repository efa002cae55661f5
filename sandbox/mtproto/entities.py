"""Formatting, between the world and TL."""

from collections.abc import Iterable
from typing import Any

from telethon.tl import types

from sandbox.values import Entity

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
