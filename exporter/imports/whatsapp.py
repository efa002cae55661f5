"""WhatsApp's `_chat.txt`, or the zip with it, into the store.

An export has neither ids nor zones. Ids are made of what a message is (its minute, who says it, what it says), so that
another export of the same chat finds the same messages; they are negative, where Telegram's are positive. Those of
people and groups begin where Telegram's end. Who is the same person as one of Telegram's contacts, the user says: the
two chats are then read as one.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from pathlib import Path

from exporter.errors import DoppelgangerError
from exporter.imports.intake import ImportResult, Intake, Watched
from exporter.imports.lines import BadLine, Entry, Style, read_entries, survey
from exporter.messages import ELSEWHERE, Message, Peer, PeerKind
from exporter.progress import Report
from exporter.settings.selection import did_you_mean, resolve_contact
from exporter.storing.store import Store

_TITLE = re.compile(
    r".*WhatsApp.*?(?: [-–] | (?:with|mit|con|com|avec|met|med|с контактом|с|з|z|s|ile) )(.+?)(?: \(\d+\))?",
    re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of local times
_HASH_BITS = 36
_SECOND = timedelta(seconds=1)
_AGAIN = "in the chat on your phone: menu, More, Export chat"


@dataclass(frozen=True, slots=True)
class _Talk:
    """Who talks in a file, and where that belongs."""

    owner: Peer
    me: str
    """The owner's name there."""
    chat: Peer
    part_of: Peer | None
    """The contact whose chat this is part of."""
    people: dict[str, int]
    """Name -> peer id."""


def import_whatsapp(
    store: Store, path: Path, *, me: str | None, zone: tzinfo, contact: str | None, report: Report
) -> ImportResult:
    """Read the file and store what people say in it.

    Args:
        me: the owner's name as the file writes it; may be left out where it is the name of the store's owner.
        zone: of the phone's clock.
        contact: who of those in the store the other one is: id, @username or name.

    Raises:
        DoppelgangerError: no such file, no export, nobody known to be its owner, or no such contact.
    """
    with _lines(path, report, "check") as lines:
        style = survey(lines)
    if style is None:
        raise DoppelgangerError(f"{path} is no export of WhatsApp: see line 1", fix=f"export it again {_AGAIN}")
    with _lines(path, report, "look who writes in") as lines:
        written = Counter(entry.sender for entry in read_entries(lines, style) if isinstance(entry, Entry))
    talk = _talk(store, path, written, me, contact)
    known = store.peers()
    if talk.part_of:
        store.state.join(talk.chat.peer_id, talk.part_of.peer_id)
    store.save_peers(peer for peer in _peers(talk) if peer.peer_id not in known)
    intake = Intake(store)
    if not intake.takes(talk.part_of or talk.chat, written.total()):
        return intake.result(1)
    with _lines(path, report, "import") as lines:
        for said in _messages(lines, style, talk, zone):
            if isinstance(said, BadLine):
                intake.skip(f"line {said.number}: {said.why}")
            else:
                intake.add(said)
        return intake.result(1)


def _messages(lines: Iterable[str], style: Style, talk: _Talk, zone: tzinfo) -> Iterator[Message | BadLine]:
    """Entries as messages.

    A file tells minutes, or seconds at best. Those who come within the same one are set a second apart, for a
    message's time is what its place in the chat is told by.
    """
    before, last = _EPOCH, _EPOCH.replace(tzinfo=UTC)
    number = _numbering()
    for entry in read_entries(lines, style):
        if isinstance(entry, BadLine):
            yield entry
            continue
        sent_at = entry.said_at.replace(tzinfo=zone).astimezone(UTC)
        if last - timedelta(minutes=2) < sent_at <= last and entry.said_at >= before:
            sent_at = last + _SECOND
        before, last = entry.said_at, sent_at
        outgoing = entry.sender == talk.me
        yield Message(
            talk.chat.peer_id,
            number(entry),
            talk.owner.peer_id if outgoing else talk.people[entry.sender],
            sent_at=sent_at,
            outgoing=outgoing,
            text=entry.text,
            kind=entry.kind,
        )


def _numbering() -> Callable[[Entry], int]:
    """Entry -> id. The second of two that say the same in the same minute is another one.

    Of media only the caption counts: one export has the file's name, another says that it is left out.
    """
    minute, seen = 0, Counter[tuple[str, str]]()

    def number(entry: Entry) -> int:
        nonlocal minute
        now = (entry.said_at - _EPOCH) // timedelta(minutes=1)
        if now != minute:
            minute = now
            seen.clear()
        what = entry.sender.casefold(), entry.text
        seen[what] += 1
        return -ELSEWHERE * 4 + (now << _HASH_BITS) + _hashed(*what, str(seen[what]), bits=_HASH_BITS)

    return number


def _hashed(*parts: str, bits: int) -> int:
    digest = blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - bits)


def _talk(store: Store, path: Path, written: Counter[str], me: str | None, contact: str | None) -> _Talk:
    owner = store.owner()
    name = _my_name(path, written, me or (owner.name if owner else None), asked=me is not None)
    owner = owner or Peer(ELSEWHERE + _hashed("owner", name.casefold(), bits=48), PeerKind.SELF, name)
    people = {one: ELSEWHERE + _hashed("person", one.casefold(), bits=48) for one in written if one != name}
    title = _title(path)
    if len(people) > 1:
        if title is None:
            raise DoppelgangerError(
                f"{path} is of a group, and does not say which", fix="call the file `WhatsApp Chat with NAME.txt`"
            )
        chat = Peer(-ELSEWHERE - _hashed("group", title.casefold(), bits=48), PeerKind.GROUP, title)
    else:
        other = next(iter(people), title)
        if other is None:
            raise DoppelgangerError(
                f"{path} does not say with whom the chat is", fix="call the file `WhatsApp Chat with NAME.txt`"
            )
        chat = Peer(ELSEWHERE + _hashed("person", other.casefold(), bits=48), PeerKind.USER, other)
    part_of = _contact(store, chat, contact)
    if part_of and chat.kind is PeerKind.USER:
        people = dict.fromkeys(people, part_of.peer_id)
    return _Talk(owner, name, chat, part_of, people)


def _my_name(path: Path, written: Counter[str], me: str | None, *, asked: bool) -> str:
    """The owner's name as the file writes it; "Melanie" is not "Me"."""
    for name in written:
        if me is not None and name.casefold() == me.casefold():
            return name
    names = [name for name, _ in written.most_common()]
    close = did_you_mean(me, names) if me and asked else None
    options = ", ".join(f'--me "{name}"' for name in names[:5]) or "nobody"
    problem = f"holds nothing that {me} wrote" if asked else "does not say who its owner is"
    raise DoppelgangerError(f"{path} {problem}", fix=close or f"say who you are; who writes most: {options}")


def _contact(store: Store, chat: Peer, contact: str | None) -> Peer | None:
    """Whose chat this one is part of, now or since an earlier import."""
    known = store.peers()
    if contact is None:
        return known.get(store.state.joined().get(chat.peer_id, 0))
    number = re.fullmatch(r"-?\d{1,18}", contact, re.ASCII)
    found = resolve_contact(int(contact) if number else contact, (one for one in known.values() if not one.elsewhere))
    if found.kind is not chat.kind:
        raise DoppelgangerError(
            f"{found.name} is a {found.kind}, and the chat of the file is with a {chat.kind}",
            fix="name another contact",
        )
    return found


def _peers(talk: _Talk) -> Iterator[Peer]:
    """Whom the store is to know: not a contact under a second id."""
    yield talk.owner
    if talk.part_of is None:
        yield talk.chat
    if talk.chat.kind is PeerKind.GROUP:
        for name, peer_id in talk.people.items():
            yield Peer(peer_id, PeerKind.USER, name)


def _title(path: Path) -> str | None:
    """With whom the chat is, as WhatsApp names the file, or the folder that it was unpacked to."""
    for name in (path.stem, path.parent.name):
        if match := _TITLE.fullmatch(name):
            return match[1]
    return None


@contextmanager
def _lines(path: Path, report: Report, doing: str) -> Iterator[Iterator[str]]:
    """The lines of the text, in bounded memory.

    Raises:
        DoppelgangerError: it cannot be read, or the zip is damaged or holds no such text.
    """
    stage = f"{doing} {path.name}"
    try:
        if path.suffix.lower() != ".zip":
            with path.open("rb") as file:
                yield _decoded(Watched(file, path.stat().st_size, report, stage))
            return
        with zipfile.ZipFile(path) as archive:
            text = _member(archive, path)
            with archive.open(text) as file:
                yield _decoded(Watched(file, text.file_size, report, stage))
    except OSError as error:
        raise DoppelgangerError(f"{path} cannot be read: {error.strerror}", fix="name the export of a chat") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise DoppelgangerError(f"{path} is no whole zip file: {error}", fix=f"export it again {_AGAIN}") from None


def _member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """The text of the chat: `_chat.txt` on iOS, named after the chat on Android."""
    texts = [one for one in archive.infolist() if one.filename.lower().endswith(".txt")]
    named = [one for one in texts if Path(one.filename).name == "_chat.txt" or "whatsapp" in one.filename.lower()]
    if not (named or texts):
        raise DoppelgangerError(f"{path} holds no chat of WhatsApp", fix=f"export it again {_AGAIN}")
    return (named or texts)[0]


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        yield line.decode("utf-8", errors="replace").rstrip("\r\n")
