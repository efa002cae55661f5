"""Telegram Desktop's `result.json` into the store: of a whole account or of one chat, however large.

The file is read twice, each time in bounded memory: first for its outline (is it whole, whose is it, which chats and
people are there), so that a file that is refused leaves nothing behind; then for its messages. Ids are those that
Telegram itself uses, so a later sync lands on the same rows. What an import brings counts as known, never as complete:
it sets no intervals.
"""

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

import ijson
from telethon.tl.types import PeerChannel, PeerChat, PeerUser
from telethon.utils import get_peer_id

from exporter.errors import DoppelgangerError
from exporter.imports.intake import ImportResult, Intake, Watched
from exporter.imports.records import LARGEST, BadRecord, Context, marked_id, to_message
from exporter.messages import Peer, PeerKind
from exporter.progress import Report
from exporter.storing.store import Store

AGAIN = "in Telegram Desktop: Settings, Advanced, Export Telegram data, as machine-readable JSON"
NOBODY = "Deleted account"
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
_LISTS = ("chats.list", "left_chats.list")
_OPENS = {"start_map", "start_array", "string", "number", "boolean", "null"}
"""Events that begin a value."""

_PIECE = 1 << 12
"""Bytes parsed at once. A level of nesting may cost a byte here, and its prefix in memory all levels above it, too."""
_DEEPEST = 1_000
"""Characters of a prefix."""
Hears = dict[str, Callable[[str, Any], None]]


class _TooDeep(ValueError):
    """What stands there can be no message, and might take all of the memory."""


@dataclass(slots=True)
class Head:
    """What a chat says before and after its messages, and how many those are."""

    values: dict[str, Any] = field(default_factory=dict)
    messages: int | None = None
    """None where there is no such list."""

    def peer(self) -> Peer | None:
        """Whose chat it is; None where that cannot be told."""
        number, kind, name = (self.values.get(key) for key in ("id", "type", "name"))
        if self.messages is None or type(number) is not int or not 0 < number < LARGEST or kind not in _CHATS:
            return None
        peer_type, peer_kind = _CHATS[kind]
        return Peer(get_peer_id(peer_type(number)), peer_kind, name if isinstance(name, str) and name else NOBODY)


@dataclass(slots=True)
class Outline:
    """All of a file but its messages."""

    heads: dict[str, list[Head]] = field(default_factory=dict)
    """Where chats stand in the file (`chats.list.item`; nothing for a single one) -> these chats, in order."""
    person: dict[str, Any] = field(default_factory=dict)
    """What the file says of its owner."""
    names: dict[int, str] = field(default_factory=dict)
    """Who wrote."""
    written: Counter[int] = field(default_factory=Counter)
    """How often."""


def import_telegram(store: Store, path: Path, *, me: str | None, zone: tzinfo, report: Report) -> ImportResult:
    """Read the file and store what it says.

    `me` is the owner's user id or name, for files that do not name their owner.

    Raises:
        DoppelgangerError: no such file, no export, nobody known to be its owner, or another owner's store.
    """
    outline = _outline(path, report)
    owner = _owner(outline, me, store.owner(), path)
    chats = [peer for heads in outline.heads.values() for head in heads if (peer := head.peer())]
    known = store.peers()
    people = {peer.peer_id: peer for peer in (*_writers(outline), *chats, owner)}
    store.save_peers(peer for peer in people.values() if peer is owner or peer.peer_id not in known)
    groups = {chat_id: group_id for group_id, chat_id in store.state.migrated().items()}
    intake = Intake(store)
    for place, heads in outline.heads.items():
        with _opened(path) as file:
            watched = Watched(file, path.stat().st_size, report, f"import {place.partition('.')[0]} of {path.name}")
            records = ijson.items(watched, f"{place}.messages.item".removeprefix("."), buf_size=_PIECE)
            for number, head in enumerate(heads, 1):
                of_chat = islice(records, head.messages or 0)
                peer = head.peer()
                if peer is None:
                    intake.skip(f"chat {number} of {place or 'the file'}: id, type or messages")
                elif intake.takes(peer, head.messages or 0):
                    context = Context(peer.peer_id, owner.peer_id, zone, groups.get(peer.peer_id))
                    _take(of_chat, context, intake)
                for _ in of_chat:  # of a chat that is not taken; the next one begins behind it
                    pass
    return intake.result(len(chats))


def _take(records: Iterator[Any], chat: Context, intake: Intake) -> None:
    for number, record in enumerate(records, 1):
        try:
            intake.add(to_message(record, chat))
        except BadRecord as bad:
            message_id = record.get("id") if isinstance(record, dict) else None
            which = f"message {message_id}" if type(message_id) is int else f"record {number}"
            intake.skip(f"chat {chat.chat_id}, {which}: {bad}")


def _outline(path: Path, report: Report) -> Outline:
    outline = Outline()
    single = _Place("", outline)
    places = [_Place(f"{name}.item", outline) for name in _LISTS]
    hear = single.hears()
    for name, place in zip(_LISTS, places, strict=True):
        hear |= {name: place.listed, f"{name}.item": place.begun, **place.hears()}
    for key in ("user_id", "first_name", "last_name"):
        hear[f"personal_information.{key}"] = partial(_remember, outline.person, key)
    _hear_all(path, hear, report)
    if single.heads[0].messages is not None:
        outline.heads = {"": single.heads}
    if not outline.heads:
        raise DoppelgangerError(f"{path} holds no chats", fix=f"export them {AGAIN}")
    return outline


class _Place:
    """One place of a file where chats stand, while the file's events are heard."""

    def __init__(self, place: str, outline: Outline) -> None:
        self.heads = [] if place else [Head()]
        self._place, self._outline = place, outline
        self._name: str | None = None

    def hears(self) -> Hears:
        """Prefix -> who hears what stands there, for all that belongs to a chat."""
        hears: Hears = {f"{self._place}.{key}": partial(self._value, key) for key in ("id", "type", "name")}
        message = f"{self._place}.messages.item"
        hears |= {f"{self._place}.messages": self._messages, message: self._message}
        hears |= {f"{message}.from": self._from, f"{message}.from_id": self._from_id}
        return {prefix.removeprefix("."): hear for prefix, hear in hears.items()}

    def listed(self, event: str, value: Any) -> None:
        """There is a list of chats, if only an empty one."""
        if event == "start_array":
            self._outline.heads[self._place] = self.heads

    def begun(self, event: str, value: Any) -> None:
        """A chat begins."""
        if event in _OPENS:
            self.heads.append(Head())

    def _value(self, key: str, event: str, value: Any) -> None:
        self.heads[-1].values[key] = value

    def _messages(self, event: str, value: Any) -> None:
        if event == "start_array":
            self.heads[-1].messages = self.heads[-1].messages or 0

    def _message(self, event: str, value: Any) -> None:
        if event in _OPENS:
            self.heads[-1].messages = (self.heads[-1].messages or 0) + 1
            self._name = None

    def _from(self, event: str, value: Any) -> None:
        self._name = value if isinstance(value, str) else None

    def _from_id(self, event: str, value: Any) -> None:
        writer = marked_id(value) if isinstance(value, str) else None
        if writer and self._name:
            self._outline.names[writer] = self._name
            self._outline.written[writer] += 1


def _remember(values: dict[str, Any], key: str, event: str, value: Any) -> None:
    values[key] = value


def _hear_all(path: Path, hear: Hears, report: Report) -> None:
    """Read the whole file, and tell what stands in it to those who asked.

    Raises:
        DoppelgangerError: it cannot be read, or is no JSON.
    """
    try:
        with _opened(path) as file:
            watched = Watched(file, path.stat().st_size, report, f"check {path.name}")
            events = ijson.sendable_list()
            parser = ijson.parse_coro(events)
            while piece := watched.read(_PIECE):
                parser.send(piece)
                _check_depth(events[-1:])
                for prefix, event, value in events:
                    if event != "map_key" and prefix in hear:  # whose value comes with a prefix of its own
                        hear[prefix](event, value)
                events.clear()
            parser.close()
    except OSError as error:
        raise DoppelgangerError(f"{path} cannot be read: {error.strerror}", fix="name the result.json") from None
    except (ijson.JSONError, ValueError) as mistake:
        what = "nests deeper than any export" if isinstance(mistake, _TooDeep) else "is no whole JSON file"
        raise DoppelgangerError(
            f"{path} {what}: see line {_line_of_mistake(path):,}", fix=f"export again {AGAIN}"
        ) from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file from its first character on: some programs put a mark of UTF-8 before it."""
    with path.open("rb") as file:
        if file.read(len(BOM_UTF8)) != BOM_UTF8:
            file.seek(0)
        yield file


def _check_depth(events: Iterable[tuple[str, str, Any]]) -> None:
    for prefix, _, _ in events:
        if len(prefix) > _DEEPEST:
            raise _TooDeep


def _line_of_mistake(path: Path) -> int:
    """Where the file stops to be such JSON; read once more, in small pieces, for the parser does not say."""
    events = ijson.sendable_list()
    parser = ijson.parse_coro(events)
    line = 1
    with _opened(path) as file, suppress(ijson.JSONError, ValueError):
        while piece := file.readline(_PIECE):
            parser.send(piece)
            _check_depth(events)
            events.clear()
            line += piece.endswith(b"\n")
    return line


def _owner(outline: Outline, me: str | None, known: Peer | None, path: Path) -> Peer:
    """Who the file says its owner is, else who the user says, else whose chats are in the store already."""
    number = outline.person.get("user_id")
    if type(number) is int and 0 < number < LARGEST:
        if me is not None and _user_id(me) not in (None, number):
            raise DoppelgangerError(f"{path} is the export of user{number}, not of {me}", fix="leave out --me")
        names = (outline.person.get(key) for key in ("first_name", "last_name"))
        return Peer(number, PeerKind.SELF, " ".join(name for name in names if isinstance(name, str) and name) or "Me")
    if me is None and known and not known.elsewhere:
        return known
    for writer, name in outline.names.items():
        if writer > 0 and me is not None and (writer == _user_id(me) or name == me):
            return Peer(writer, PeerKind.SELF, name)
    most = [writer for writer, _ in outline.written.most_common() if writer > 0][:5]
    names_of = ", ".join(f"--me user{writer} ({outline.names[writer]})" for writer in most)
    problem = "does not say who its owner is" if me is None else f"holds nothing that {me} wrote"
    raise DoppelgangerError(f"{path} {problem}", fix=f"say who you are; who writes most: {names_of or 'nobody'}")


def _user_id(me: str) -> int | None:
    """`user1000`, as exports write it, or 1000; None for a name."""
    match = re.fullmatch(r"(?:user)?(\d{1,15})", me, re.ASCII)
    return int(match[1]) if match else None


def _writers(outline: Outline) -> Iterator[Peer]:
    for writer, name in outline.names.items():
        yield Peer(writer, PeerKind.USER if writer > 0 else PeerKind.CHANNEL, name)
