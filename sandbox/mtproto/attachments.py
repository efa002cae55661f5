"""What messages carry, from the world to TL. Files have no bytes."""

import struct
import zlib
from typing import Any

from telethon.tl import types

from sandbox.attachments import (
    Attachment,
    Contact,
    Dice,
    Game,
    Giveaway,
    Invoice,
    LiveLocation,
    Location,
    Media,
    PaidMedia,
    Poll,
    Story,
    Todo,
    Unsupported,
    Venue,
    WebPage,
)
from sandbox.world import DC_ID


def media_of(media: Attachment, date: int) -> Any:
    """Any attachment as TL."""
    match media:
        case Media(kind="photo"):
            return _photo(media, date)
        case Media():
            return _file(media, date)
        case Location() | Venue() | LiveLocation():
            return _place(media)
        case Poll(question, answers):
            return _poll(question, answers)
        case Contact(phone, first_name, last_name):
            return types.MessageMediaContact(phone, first_name, last_name, "", 0)
        case Dice(emoji, value):
            return types.MessageMediaDice(value, emoji)
        case Story(user_id, number):
            return types.MessageMediaStory(types.PeerUser(user_id), number)
        case WebPage(url, title, description):
            page = types.WebPage(_id(url), url, url, 0, title=title, description=description or None)
            return types.MessageMediaWebPage(page)
        case Unsupported():
            return types.MessageMediaUnsupported()
        case Todo():
            return _todo(media, date)
    return _for_sale(media)


def _for_sale(media: Game | Invoice | Giveaway | PaidMedia) -> Any:
    match media:
        case Game(title, description):
            game = types.Game(_id(title), 0, title.lower(), title, description, types.PhotoEmpty(0))
            return types.MessageMediaGame(game)
        case Invoice(title, description, currency, amount):
            return types.MessageMediaInvoice(title, description, currency, amount, start_param="")
        case Giveaway(channel_ids, quantity, until):
            return types.MessageMediaGiveaway(list(channel_ids), quantity, until)
        case PaidMedia(stars, count):
            return types.MessageMediaPaidMedia(stars, [types.MessageExtendedMediaPreview() for _ in range(count)])


def _place(place: Location | Venue | LiveLocation) -> Any:
    match place:
        case Location(latitude, longitude):
            return types.MessageMediaGeo(types.GeoPoint(longitude, latitude, 0))
        case Venue(title, address, Location(latitude, longitude)):
            return types.MessageMediaVenue(types.GeoPoint(longitude, latitude, 0), title, address, "", "", "")
        case LiveLocation(Location(latitude, longitude), period):
            return types.MessageMediaGeoLive(types.GeoPoint(longitude, latitude, 0), period)


def _todo(todo: Todo, date: int) -> types.MessageMediaToDo:
    items = [types.TodoItem(number, _words(item)) for number, item in enumerate(todo.items, start=1)]
    done = [types.TodoCompletion(place + 1, types.PeerUser(0), date) for place in todo.done]
    return types.MessageMediaToDo(types.TodoList(_words(todo.title), items), done or None)


def _photo(media: Media, date: int) -> types.MessageMediaPhoto:
    size = types.PhotoSize("x", media.width or 1280, media.height or 960, media.size)
    photo = types.Photo(_file_id(media, date), 0, b"", date, [size], DC_ID)
    return types.MessageMediaPhoto(photo=photo, spoiler=media.spoiler or None, ttl_seconds=media.ttl or None)


def _file(media: Media, date: int) -> types.MessageMediaDocument:
    document = types.Document(_file_id(media, date), 0, b"", date, media.mime, media.size, DC_ID, _attributes(media))
    return types.MessageMediaDocument(
        document=document,
        voice=media.kind == "voice" or None,
        round=media.kind == "round" or None,
        video=media.kind in ("video", "round") or None,
        spoiler=media.spoiler or None,
        ttl_seconds=media.ttl or None,
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
    rendered = [types.PollAnswer(_words(answer), struct.pack("<H", number)) for number, answer in enumerate(answers)]
    poll = types.Poll(_id(question), _words(question), rendered, 0)
    return types.MessageMediaPoll(poll, types.PollResults())


def _file_id(media: Media, date: int) -> int:
    return date << 32 | zlib.crc32(repr(media).encode())


def _id(text: str) -> int:
    return zlib.crc32(text.encode())


def _words(text: str) -> types.TextWithEntities:
    return types.TextWithEntities(text, [])
