"""The world's nouns as Bot API objects, seen by one bot: numbers of messages are those of its own box.

Files are not served: of a message with media, its caption shows.
"""

from datetime import UTC, datetime

from aiogram import types

from sandbox.attachments import Media
from sandbox.box import Conversation
from sandbox.events import Pressed
from sandbox.values import Channel, Entity, Group, Keyboard, Message, Peer, User


def user(person: User) -> types.User:
    """A person or bot."""
    first, _, last = person.name.partition(" ")
    return types.User(
        id=person.id, is_bot=person.bot, first_name=first, last_name=last or None, username=person.username
    )


def chat(peer: Peer) -> types.Chat:
    """Who stands at the other end."""
    if not isinstance(peer, User):
        forum = True if isinstance(peer, Channel) and peer.forum else None
        return types.Chat(id=peer.key, type=kind_of(peer), title=peer.title, is_forum=forum)
    person = user(peer)
    return types.Chat(
        id=peer.key,
        type="private",
        first_name=person.first_name,
        last_name=person.last_name,
        username=person.username,
    )


def kind_of(peer: Group | Channel) -> str:
    """What the Bot API calls a chat of many."""
    match peer:
        case Group():
            return "group"
        case Channel():
            return "channel" if peer.broadcast else "supergroup"


def full_chat(peer: Peer) -> types.ChatFullInfo:
    """The same with what getChat adds; colours and gifts are those of an account that never chose any."""
    return types.ChatFullInfo(
        **chat(peer).model_dump(exclude_none=True),
        accent_color_id=0,
        max_reaction_count=11,
        accepted_gift_types=types.AcceptedGiftTypes(
            unlimited_gifts=False,
            limited_gifts=False,
            unique_gifts=False,
            premium_subscription=False,
            gifts_from_channels=False,
        ),
    )


def message(said: Message, viewer: User, *, with_answered: bool = True) -> types.Message:
    """A message; the one that it answers comes along, without that one's own."""
    answered = said.answered() if with_answered else None
    words, formatting = said.text or None, [entity(one) for one in said.entities] or None
    captioned = said.media is not None
    return types.Message(
        message_id=said.id_for(viewer),
        date=datetime.fromtimestamp(said.date, UTC),
        edit_date=said.edited or None,
        chat=chat(said.conversation.peer(viewer)),
        from_user=None if said.masked else user(said.sender),
        sender_chat=chat(said.details.send_as or said.conversation.peer(viewer)) if said.masked else None,
        text=None if captioned else words,
        entities=None if captioned else formatting,
        caption=words if captioned else None,
        caption_entities=formatting if captioned else None,
        photo=[photo_size(said.media)] if isinstance(said.media, Media) and said.media.kind == "photo" else None,
        reply_to_message=message(answered, viewer, with_answered=False) if answered else None,
        reply_markup=inline_keyboard(said.keyboard) if said.keyboard else None,
    )


def photo_size(photo: Media) -> types.PhotoSize:
    """A photo in its only size; no file can be fetched by these names."""
    name = f"photo-{photo.width}x{photo.height}"
    return types.PhotoSize(
        file_id=name, file_unique_id=name, width=photo.width, height=photo.height, file_size=photo.size or None
    )


def told_as(said: Message) -> str:
    """What kind of update tells of it."""
    group = said.conversation.group
    return "channel_post" if isinstance(group, Channel) and group.broadcast else "message"


def inline_keyboard(rows: Keyboard) -> types.InlineKeyboardMarkup:
    """The buttons under a message."""
    return types.InlineKeyboardMarkup(
        inline_keyboard=[
            [types.InlineKeyboardButton(text=button.text, callback_data=button.data) for button in row] for row in rows
        ]
    )


def entity(part: Entity) -> types.MessageEntity:
    """Formatting of a part of a text."""
    extra: dict[str, object] = {}
    match part.kind:
        case "text_link":
            extra["url"] = part.value
        case "pre":
            extra["language"] = part.value
        case "text_mention":
            extra["user"] = {"id": part.value, "is_bot": False, "first_name": ""}
        case "custom_emoji":
            extra["custom_emoji_id"] = str(part.value)
    return types.MessageEntity.model_validate(
        {"type": part.kind, "offset": part.offset, "length": part.length, **extra}
    )


def world_entity(part: types.MessageEntity) -> Entity:
    """Formatting as a bot sends it."""
    value: str | int | None = part.url or part.language
    if part.user is not None:
        value = part.user.id
    elif part.custom_emoji_id is not None:
        value = int(part.custom_emoji_id)
    return Entity(part.type, part.offset, part.length, value)


def press(event: Pressed, viewer: User) -> types.CallbackQuery:
    """Someone's press of a button."""
    return types.CallbackQuery(
        id=str(event.query_id),
        from_user=user(event.user),
        chat_instance=str(_instance(event.message.conversation)),
        message=message(event.message, viewer),
        data=event.data.decode(),
    )


def _instance(conversation: Conversation) -> int:
    """One number for a chat, whoever looks at it."""
    return conversation.group.key if conversation.group else sum(member.id for member in conversation.members)
