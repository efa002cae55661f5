"""Parts of one message of a Telegram Desktop export: text with formatting, medium, origin, service action. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.attachments import Attachment, Contact, Game, Invoice, LiveLocation, Location, Media, Poll, Venue
from sandbox.values import Action, Entity, Forward, Reaction, User

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
    "photo": "image/jpeg",
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
        return _place(raw, Location(place["latitude"], place["longitude"]))
    if card := raw.get("contact_information"):
        return Contact(card.get("phone_number", ""), card.get("first_name", ""), card.get("last_name", ""))
    if "game_title" in raw:
        return Game(raw["game_title"], raw.get("game_description", ""))
    if bill := raw.get("invoice_information"):
        return Invoice(bill["title"], bill.get("description", ""), bill.get("currency", ""), bill.get("amount", 0))
    if "photo" not in raw and "file" not in raw and "media_type" not in raw:
        return None
    return _file(raw, "photo" if "photo" in raw else KINDS.get(raw.get("media_type", ""), "document"))


def _place(raw: Raw, where: Location) -> Location | Venue | LiveLocation:
    if "place_name" in raw:
        return Venue(raw["place_name"], raw.get("address", ""), where)
    period = raw.get("live_location_period_seconds")
    return LiveLocation(where, period) if period else where


def _file(raw: Raw, kind: str) -> Media:
    return Media(
        kind,
        emoji=raw.get("sticker_emoji"),
        duration=raw.get("duration_seconds", 0),
        mime=raw.get("mime_type") or MIMES.get(kind, "application/octet-stream"),
        name=raw.get("file_name"),
        size=raw.get("photo_file_size" if kind == "photo" else "file_size", 0),
        width=raw.get("width", 0),
        height=raw.get("height", 0),
        title=raw.get("title"),
        performer=raw.get("performer"),
        spoiler=bool(raw.get("media_spoiler")),
        ttl=raw.get("self_destruct_period_seconds", 0),
    )


def forward_of(raw: Raw, people: Mapping[str, User]) -> Forward | None:
    """Where it was first written; an export keeps no date of that, so the message's own stands in."""
    if "forwarded_from" not in raw and "forwarded_from_id" not in raw:
        return None
    author = people.get(raw.get("forwarded_from_id") or "")
    name = raw.get("forwarded_from") or "Deleted Account"
    return Forward(int(raw["date_unixtime"]), user_id=author.id if author else None, name=name)


def reactions_of(raw: Raw, people: Mapping[str, User]) -> tuple[Reaction, ...]:
    """Reactions of those whom the file names, oldest first; it counts the others, but does not tell them apart."""
    given = [
        Reaction(people[one["from_id"]], reaction["emoji"], _moment(one["date"], raw))
        for reaction in raw.get("reactions") or ()
        for one in reaction.get("recent") or ()
        if reaction.get("type") == "emoji" and one.get("from_id") in people
    ]
    return tuple(sorted(given, key=lambda reaction: reaction.date))


def _moment(local: str, raw: Raw) -> int:
    """Seconds since 1970 of a local time; how far that is from UTC, the message's own two dates say."""
    ahead = _as_utc(raw["date"]) - int(raw["date_unixtime"]) if "date" in raw else 0
    return _as_utc(local) - ahead


def _as_utc(local: str) -> int:
    return int(datetime.fromisoformat(local).replace(tzinfo=UTC).timestamp())


def action_of(raw: Raw) -> Action | None:
    """What a service message tells."""
    if raw.get("type") != "service":
        return None
    return Action(
        raw.get("action", "other"),
        title=raw.get("title") or "",
        duration=raw.get("duration_seconds") or raw.get("period") or 0,
        reason=raw.get("discard_reason") or "",
    )
