"""Telegram Desktop's `result.json` into the store: of a whole account or of one chat.

Ids are those that Telegram itself uses, so a later sync lands on the same rows. What an import brings counts
as known, never as complete: it sets no intervals.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from telethon.tl.types import PeerChannel, PeerChat, PeerUser
from telethon.utils import get_peer_id

from exporter.errors import DoppelgangerError
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.progress import Report, Step, silent
from exporter.store import Store

_PEERS = {"user": PeerUser, "chat": PeerChat, "channel": PeerChannel}
_CHATS = {
    "saved_messages": (PeerUser, PeerKind.SELF),
    "personal_chat": (PeerUser, PeerKind.USER),
    "bot_chat": (PeerUser, PeerKind.BOT),
    "replies": (PeerUser, PeerKind.BOT),
    "verify_codes": (PeerUser, PeerKind.BOT),
    "private_group": (PeerChat, PeerKind.GROUP),
    "private_supergroup": (PeerChannel, PeerKind.GROUP),
    "public_supergroup": (PeerChannel, PeerKind.GROUP),
    "private_channel": (PeerChannel, PeerKind.CHANNEL),
    "public_channel": (PeerChannel, PeerKind.CHANNEL),
}
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
_CALLS = ("phone_call", "conference_call", "group_call")


def marked_id(value: Any) -> Any:
    """`user5`, `chat5` and `channel5` as Telethon marks peers: 5, -5, -1000000000005; numbers are users."""
    if isinstance(value, str) and (match := re.fullmatch(r"(user|chat|channel)(\d{1,15})", value)):
        return get_peer_id(_PEERS[match[1]](int(match[2])))
    return value


Id = Annotated[int, Field(gt=-(2**63), lt=2**63)]
PeerId = Annotated[Id, BeforeValidator(marked_id)]
Seconds = Annotated[int, Field(ge=0, lt=2**32)]


class Piece(BaseModel):
    """A run of text with a format of its own."""

    text: str


class Record(BaseModel):
    """One message as the file has it; of media only that they are there."""

    model_config = ConfigDict(extra="allow")

    id: Id
    type: str
    date_unixtime: Seconds
    edited_unixtime: Seconds | None = None
    sender: str | None = Field(default=None, alias="from")
    from_id: PeerId | None = None
    actor_id: PeerId | None = None
    text: str | list[str | Piece] = ""
    text_entities: list[Piece] | None = None
    action: str | None = None
    media_type: str | None = None
    sticker_emoji: str | None = None
    duration_seconds: Seconds | None = None
    reply_to_message_id: Id | None = None


class Chat(BaseModel):
    """One chat as the file has it; its messages are read one by one."""

    id: Annotated[Id, Field(gt=0)]
    type: str
    name: str | None = None
    messages: list[Any]


class ChatList(BaseModel):
    """The chats of an account."""

    chats: list[Any] = Field(default=[], alias="list")


class Person(BaseModel):
    """Whose account it is."""

    user_id: Id
    first_name: str = ""
    last_name: str = ""


class Export(BaseModel):
    """The file of a whole account."""

    personal_information: Person | None = None
    chats: ChatList = ChatList()
    left_chats: ChatList = ChatList()


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What one file brought."""

    chats: int
    messages: int
    new: int
    skipped: int
    """Records that could not be read."""
    seconds: float


def import_file(store: Store, path: Path, *, me: int | None = None, report: Report = silent) -> ImportResult:
    """Read the file and store what it says, chat by chat, each in one transaction.

    `me` is the owner's user id, for files that do not name their owner.

    Raises:
        DoppelgangerError: no such file, no export, nobody known to be its owner, or another owner's store.
    """
    started = time.perf_counter()
    export = _read(path)
    parsed = [chat for chat in map(_chat, (*export.chats.chats, *export.left_chats.chats)) if chat]
    owner = _owner(export, parsed, me, path)
    known = store.peers()
    people = {peer.peer_id: peer for peer in (*_senders(parsed), *(chat.peer for chat in parsed), owner)}
    store.save_peers(peer for peer in people.values() if peer is owner or peer.peer_id not in known)
    done = new = 0
    total = sum(len(chat.records) for chat in parsed)
    for chat in parsed:
        messages = (_message(record, chat.peer.peer_id, owner.peer_id) for record in chat.records)
        new += len(store.add(messages, second_hand=True).new)
        done += len(chat.records)
        report(Step("import", done, total))
    unread = len(export.chats.chats) + len(export.left_chats.chats) - len(parsed)
    skipped = unread + sum(chat.skipped for chat in parsed)
    return ImportResult(len(parsed), total, new, skipped, time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class _Parsed:
    peer: Peer
    records: tuple[Record, ...]
    skipped: int


def _read(path: Path) -> Export:
    again = "in Telegram Desktop: Settings, Advanced, Export Telegram data, as machine-readable JSON"
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise DoppelgangerError(f"{path} cannot be read: {error.strerror}", fix="name the result.json") from None
    except ValueError as error:
        raise DoppelgangerError(f"{path} is no whole JSON file: {error}", fix=f"export again {again}") from None
    try:
        if isinstance(data, dict) and "messages" in data:
            return Export(chats=ChatList(list=[data]))
        if isinstance(data, dict) and "chats" in data:
            return Export.model_validate(data)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, e["loc"])) for e in error.errors(include_input=False))
        raise DoppelgangerError(f"{path}: cannot make sense of {places}", fix=f"export again {again}") from None
    raise DoppelgangerError(f"{path} holds no chats", fix=f"export them {again}")


def _chat(raw: Any) -> _Parsed | None:
    try:
        chat = Chat.model_validate(raw)
    except ValidationError:
        return None
    if chat.type not in _CHATS:
        return None
    peer_type, kind = _CHATS[chat.type]
    records = tuple(_records(chat.messages))
    peer = Peer(get_peer_id(peer_type(chat.id)), kind, chat.name or "Deleted account")
    return _Parsed(peer, records, skipped=len(chat.messages) - len(records))


def _records(raw: Iterable[Any]) -> Iterator[Record]:
    for one in raw:
        try:
            yield Record.model_validate(one)
        except ValidationError:
            continue  # counted by whoever compares lengths


def _owner(export: Export, chats: Iterable[_Parsed], me: int | None, path: Path) -> Peer:
    """Who the file says its owner is, else who the user says."""
    person = export.personal_information
    if person and me not in (None, person.user_id):
        raise DoppelgangerError(f"{path} is the export of user{person.user_id}, not of user{me}", fix="leave out --me")
    if person:
        name = f"{person.first_name} {person.last_name}".strip() or "Me"
        return Peer(person.user_id, PeerKind.SELF, name)
    writers = Counter(peer for peer in _senders(chats) if peer.peer_id > 0)
    for peer in writers:
        if peer.peer_id == me:
            return Peer(peer.peer_id, PeerKind.SELF, peer.name)
    names = ", ".join(f"--me user{peer.peer_id} ({peer.name})" for peer, _ in writers.most_common(5))
    problem = "does not say who its owner is" if me is None else f"holds nothing that user{me} wrote"
    raise DoppelgangerError(f"{path} {problem}", fix=f"say who you are; who writes most: {names or 'nobody'}")


def _senders(chats: Iterable[_Parsed]) -> Iterator[Peer]:
    """Who wrote, once for each message."""
    for chat in chats:
        for record in chat.records:
            if record.from_id is not None and record.sender:
                kind = PeerKind.USER if record.from_id > 0 else PeerKind.CHANNEL
                yield Peer(record.from_id, kind, record.sender)


def _message(record: Record, chat_id: int, owner_id: int) -> Message:
    sender_id = record.from_id or record.actor_id or chat_id
    edited = record.edited_unixtime
    keys = record.model_fields_set
    text = _text(record)
    kind = _kind(record, text)
    return Message(
        chat_id,
        record.id,
        sender_id,
        sent_at=datetime.fromtimestamp(record.date_unixtime, UTC),
        outgoing=sender_id == owner_id,
        text=text,
        kind=kind,
        emoji=record.sticker_emoji,
        duration=record.duration_seconds,
        reply_to=record.reply_to_message_id,
        forwarded="forwarded_from" in keys,
        via_bot="via_bot" in keys,
        edited_at=datetime.fromtimestamp(edited, UTC) if edited else None,
    )


def _text(record: Record) -> str:
    """The words without their formats; half of a broken emoji, which SQLite refuses, becomes `?`."""
    pieces = record.text_entities if record.text_entities is not None else record.text
    words = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    return words.encode(errors="replace").decode()


def _kind(record: Record, text: str) -> MessageKind:
    if record.type == "service":
        return MessageKind.CALL if record.action in _CALLS else MessageKind.SERVICE
    if record.media_type is not None:
        return _MEDIA_TYPES.get(record.media_type, MessageKind.OTHER)
    media = (kind for key, kind in _MEDIA_KEYS.items() if key in record.model_fields_set)
    return next(media, MessageKind.TEXT if text else MessageKind.OTHER)
