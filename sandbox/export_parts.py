"""Parts of one message of a Telegram Desktop export: text with formatting, medium, origin, service action. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.attachments import Attachment, Contact, Location, Media, Poll
from sandbox.values import Action, Entity, Forward

Raw = Mapping[str, Any]

KINDS = {
    "sticker": "sticker",
    "voice_message": "voice",
    "video_message": "round",
    "animation": "animation",
    "video_file": "video",
    "audio_file": "audio",
}
"""The export's media_type -> what a world calls it."""
MIMES = {
    "sticker": "image/webp",
    "voice": "audio/ogg",
    "round": "video/mp4",
    "animation": "video/mp4",
    "video": "video/mp4",
    "audio": "audio/mpeg",
}
RENAMED = {"link": "url", "phone": "phone_number", "mention_name": "text_mention"}
"""The export's names of formatting -> the Bot API's; the rest are alike."""
VALUES = {"text_link": "href", "pre": "language", "text_mention": "user_id"}
"""Where formatting keeps what it refers to."""
PLAIN = {"plain", "custom_emoji"}
"""Of a custom emoji an export has no id, only the plain one that stands for it."""


def text_of(raw: Raw) -> tuple[str, tuple[Entity, ...]]:
    """The words, and their formatting with offsets in UTF-16 units."""
    pieces: list[str] = []
    entities: list[Entity] = []
    offset = 0
    for part in _parts(raw):
        text = part["text"]
        length = len(text.encode("utf-16-le")) // 2
        kind = str(part.get("type", "plain"))
        kind = RENAMED.get(kind, kind)
        if kind not in PLAIN and length:
            entities.append(Entity(kind, offset, length, part.get(VALUES.get(kind, ""))))
        pieces.append(text)
        offset += length
    return "".join(pieces), tuple(entities)


def _parts(raw: Raw) -> Iterator[Raw]:
    found = raw.get("text_entities") or raw.get("text") or ()
    for part in [found] if isinstance(found, str) else found:
        yield {"text": part} if isinstance(part, str) else part


def media_of(raw: Raw) -> Attachment | None:
    """What the message carries beside its words."""
    if poll := raw.get("poll"):
        return Poll(poll["question"], tuple(answer["text"] for answer in poll["answers"]))
    if place := raw.get("location_information"):
        return Location(place["latitude"], place["longitude"])
    if card := raw.get("contact_information"):
        return Contact(card.get("phone_number", ""), card.get("first_name", ""), card.get("last_name", ""))
    if "photo" in raw:
        size = raw.get("photo_file_size", 0)
        return Media("photo", mime="image/jpeg", size=size, width=raw.get("width", 0), height=raw.get("height", 0))
    if "file" not in raw and "media_type" not in raw:
        return None
    kind = KINDS.get(raw.get("media_type", ""), "document")
    return Media(
        kind,
        emoji=raw.get("sticker_emoji"),
        duration=raw.get("duration_seconds", 0),
        mime=raw.get("mime_type") or MIMES.get(kind, "application/octet-stream"),
        name=raw.get("file_name"),
        size=raw.get("file_size", 0),
        width=raw.get("width", 0),
        height=raw.get("height", 0),
        title=raw.get("title"),
        performer=raw.get("performer"),
    )


def forward_of(raw: Raw) -> Forward | None:
    """Where it was first written; an export keeps no date of that, so the message's own stands in."""
    if "forwarded_from" not in raw and "forwarded_from_id" not in raw:
        return None
    return Forward(int(raw["date_unixtime"]), name=raw.get("forwarded_from") or "Deleted Account")


def action_of(raw: Raw) -> Action | None:
    """What a service message tells."""
    if raw.get("type") != "service":
        return None
    return Action(raw.get("action", "other"), title=raw.get("title") or "", duration=raw.get("duration_seconds", 0))
