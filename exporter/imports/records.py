"""One record of Telegram Desktop's `result.json` as a message. Pure.

The checks are plain Python: a validating library would take longer than reading, checking and storing together.
Fields are named as in Telegram Desktop's export_output_json.cpp; old versions leave out some of them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

from telethon.tl.types import PeerChannel, PeerChat, PeerUser
from telethon.utils import get_peer_id

from exporter.messages import Message, MessageKind, Reaction

Record = Mapping[str, Any]

LARGEST = 10**15
"""Ids are below; so is their marked form, with room to spare."""
MIGRATED = -1_000_000_000
"""What is added to the ids of a supergroup's messages from when it was a basic group."""
_PEERS = {"user": PeerUser, "chat": PeerChat, "channel": PeerChannel}
_PEER = re.compile(r"(user|chat|channel)(\d{1,15})", re.ASCII)
_MEDIA_TYPES = {
    "sticker": MessageKind.STICKER,
    "video_message": MessageKind.ROUND,
    "voice_message": MessageKind.VOICE,
    "video_file": MessageKind.VIDEO,
    "audio_file": MessageKind.AUDIO,
    "animation": MessageKind.ANIMATION,
}
_MEDIA_KEYS = {
    "photo": MessageKind.PHOTO,
    "poll": MessageKind.POLL,
    "location_information": MessageKind.LOCATION,
    "contact_information": MessageKind.CONTACT,
    "file": MessageKind.DOCUMENT,
}
_NO_WORDS = frozenset({"game_title", "invoice_information", "giveaway_information"})
"""Media that are none of the above."""
_ORIGIN = frozenset({"forwarded_from", "forwarded_from_id"})
_DETAILS = _ORIGIN | frozenset(
    {"sticker_emoji", "duration_seconds", "duration", "via_bot", "edited_unixtime", "reply_to_peer_id", "reactions"}
)
_CALLS = ("phone_call", "conference_call", "group_call")
_ACTIONS = {
    "create_group": "chat_create",
    "edit_group_title": "chat_edit_title",
    "edit_group_photo": "chat_edit_photo",
    "delete_group_photo": "chat_delete_photo",
    "invite_members": "chat_add_user",
    "remove_members": "chat_delete_user",
    "join_group_by_link": "chat_joined_by_link",
    "join_group_by_request": "chat_joined_by_request",
    "create_channel": "channel_create",
    "migrate_to_supergroup": "chat_migrate_to",
    "migrate_from_group": "channel_migrate_from",
    "clear_history": "history_clear",
    "score_in_game": "game_score",
    "send_payment": "payment_sent",
    "take_screenshot": "screenshot_taken",
    "joined_telegram": "contact_sign_up",
    "proximity_reached": "geo_proximity_reached",
    "edit_chat_theme": "set_chat_theme",
    "set_chat_wallpaper": "set_chat_wall_paper",
    "set_same_chat_wallpaper": "set_chat_wall_paper",
    "send_webview_data": "web_view_data_sent",
    "send_premium_gift": "gift_premium",
    "allow_sending_messages": "bot_allowed",
    "topic_created": "topic_create",
}
"""What an export calls an action -> what Telegram does; the others have one name."""


class BadRecord(ValueError):
    """A record that says no message; its only argument names the field, never what stands there."""


@dataclass(slots=True)
class Context:
    """What a record does not say itself."""

    chat_id: int
    owner_id: int
    zone: tzinfo
    """Of times without a zone, in exports of before 2022."""
    group_id: int | None = None
    """The basic group that this supergroup was, if we know of it."""
    topics: dict[int, int] = field(default_factory=dict)
    """Of a forum: message -> topic, as far as it was read; exports tell topics only by what is answered."""


def to_message(record: Any, chat: Context) -> Message:
    """A record as the message that Telegram itself would tell, as far as the record tells it.

    Raises:
        BadRecord: it is none.
    """
    if not isinstance(record, dict):
        raise BadRecord("not an object")
    if not isinstance(record.get("type"), str):
        raise BadRecord("type")
    service = record["type"] == "service"
    sender_id = peer_id(record, "from_id") or peer_id(record, "actor_id") or chat.chat_id
    message_id = _message_id(record, "id")
    if message_id is None:
        raise BadRecord("id")
    reply_to, topic = _answered(record, message_id, chat)
    text = _text(record)
    chat_id = chat.chat_id
    if message_id < 0 and chat.group_id is not None:
        chat_id, message_id = chat.group_id, message_id - MIGRATED
    details = {} if _DETAILS.isdisjoint(record) else _details(record, chat.owner_id)
    return Message(
        chat_id,
        message_id,
        sender_id,
        sent_at=_sent_at(record, chat.zone),
        outgoing=sender_id == chat.owner_id and not (chat_id == chat.owner_id and "forwarded" in details),
        text="" if service else text,
        kind=_kind(record, text, service=service),
        reply_to=reply_to,
        topic=topic,
        action=_action(record) if service else None,
        **details,
    )


def _details(record: Record, owner_id: int) -> dict[str, Any]:
    """Those values of a message that few have; to look for each in every record takes a tenth of the time."""
    details: dict[str, Any] = {
        "emoji": _string(record, "sticker_emoji"),
        "duration": _seconds(record, "duration_seconds") or _seconds(record, "duration"),
        "via_bot": "via_bot" in record,
        "edited_at": _moment(record, "edited_unixtime"),
        "reply_to_chat": peer_id(record, "reply_to_peer_id"),
    }
    if not _ORIGIN.isdisjoint(record):
        origin_id = peer_id(record, "forwarded_from_id")
        name = _string(record, "forwarded_from") if origin_id is None else None
        details |= {"forwarded": True, "origin_id": origin_id, "origin_name": name}
    if "reactions" in record:
        details["reactions"] = tuple(_reactions(record, owner_id))
    return details


def peer_id(record: Record, key: str) -> int | None:
    """`user5`, `chat5` and `channel5` as Telethon marks peers: 5, -5, -1000000000005; numbers are users.

    Raises:
        BadRecord: something else stands there.
    """
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        value = marked_id(value)
    if type(value) is int and -2 * LARGEST < value < LARGEST:
        return value
    raise BadRecord(key)


@lru_cache(maxsize=4096)
def marked_id(name: str) -> int | None:
    """The same of a name; None where it is none."""
    match = _PEER.fullmatch(name)
    return None if match is None else int(get_peer_id(_PEERS[match[1]](int(match[2]))))


def _message_id(record: Record, key: str) -> int | None:
    value = record.get(key)
    if value is None or (type(value) is int and -LARGEST < value < LARGEST):
        return value
    raise BadRecord(key)


def _seconds(record: Record, key: str) -> int | None:
    """Seconds, which Telegram writes as a number, or as a string where they are a moment."""
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdecimal():
        value = int(value)
    if type(value) is int and 0 <= value < 2**32:
        return value
    raise BadRecord(key)


def _string(record: Record, key: str) -> str | None:
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value
    raise BadRecord(key)


def _moment(record: Record, key: str) -> datetime | None:
    seconds = _seconds(record, key)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _sent_at(record: Record, zone: tzinfo) -> datetime:
    seconds = _seconds(record, "date_unixtime")
    if seconds is not None:
        return datetime.fromtimestamp(seconds, UTC)
    try:
        local = datetime.fromisoformat(_string(record, "date") or "")
        moment = local.replace(tzinfo=zone, microsecond=0).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRecord("date_unixtime") from None
    if moment.timestamp() < 0:
        raise BadRecord("date")
    return moment


def _answered(record: Record, message_id: int, chat: Context) -> tuple[int | None, int | None]:
    """Which message it answers, and in which topic it stands: to answer what began the topic is to stand in it."""
    reply_to = _message_id(record, "reply_to_message_id") or _message_id(record, "message_id")
    if record.get("action") == "topic_created":
        chat.topics[message_id] = message_id
    if reply_to is None or reply_to not in chat.topics:
        return reply_to, None
    topic = chat.topics[message_id] = chat.topics[reply_to]
    return (None if reply_to == topic else reply_to), topic


def _text(record: Record) -> str:
    """The words without their formats, or what stands for them; what destroys itself is not kept."""
    text = record.get("text")
    if not isinstance(text, str):
        pieces = record.get("text_entities") or text or []
        if not isinstance(pieces, list):
            raise BadRecord("text")
        text = "".join(map(_piece, pieces))
    if "self_destruct_period_seconds" in record:
        return ""
    poll, place = record.get("poll"), record.get("place_name")
    if not text and isinstance(poll, dict):
        text = poll.get("question")
    elif not text and isinstance(place, str):
        text = place
    return text if isinstance(text, str) else ""


def _piece(piece: Any) -> str:
    text = piece.get("text") if isinstance(piece, dict) else piece
    if isinstance(text, str):
        return text
    raise BadRecord("text")


def _kind(record: Record, text: str, *, service: bool) -> MessageKind:
    if service:
        return MessageKind.CALL if record.get("action") in _CALLS else MessageKind.SERVICE
    if media_type := _string(record, "media_type"):
        return _MEDIA_TYPES.get(media_type, MessageKind.OTHER)
    if not _MEDIA_KEYS.keys().isdisjoint(record):
        return next(kind for key, kind in _MEDIA_KEYS.items() if key in record)
    return MessageKind.TEXT if text and _NO_WORDS.isdisjoint(record) else MessageKind.OTHER


def _action(record: Record) -> str | None:
    action = _string(record, "action")
    return None if action is None else _ACTIONS.get(action, action)


def _reactions(record: Record, owner_id: int) -> Iterator[Reaction]:
    """How it was reacted to; of many who did, an export names the newest."""
    given = record["reactions"]
    if not isinstance(given, list):
        raise BadRecord("reactions")
    for one in given:
        if not isinstance(one, dict) or type(one.get("count")) is not int or not 0 <= one["count"] < 2**31:
            raise BadRecord("reactions")
        recent = one.get("recent")
        own = isinstance(recent, list) and any(
            isinstance(who, dict) and who.get("from_id") == f"user{owner_id}" for who in recent
        )
        yield Reaction(_emoji(one), one["count"], own)


def _emoji(reaction: Record) -> str:
    match reaction:
        case {"emoji": str(emoji)}:
            return emoji
        case {"document_id": str(document)} if document.isdecimal():
            return document
        case {"type": "paid"}:
            return "⭐"
    return "?"  # a custom emoji, of which an export has the file, not the id
