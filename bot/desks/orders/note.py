"""`/note` and `/notes`: what the double should know for a while, in all chats or in one."""

from collections.abc import Collection

from bot.composing.notes import Note
from bot.desks.cards import moment
from bot.desks.orders.order import Answer
from bot.parts import Parts
from exporter.errors import ConfigError, DoppelgangerError
from exporter.messages import Peer
from exporter.settings.selection import did_you_mean, resolve_contact, to_contact

REMOVE = "remove"
TEXT = "[CONTACT:] TEXT"


async def note(parts: Parts, words: str) -> Answer:
    """Keep one: for a contact whose name stands before a colon, else for all.

    Raises:
        DoppelgangerError: there are no words in it, or too many, or who is meant is not clear.
    """
    peer, text = _meant(words, parts.store.contacts())
    kept = parts.notes.add(text, chat_id=peer.peer_id if peer else None)
    whom = f"I know it when I write to {peer.name}" if peer else "I know it, whomever I write to"
    return Answer(f"{whom}, until {_until(parts, kept)}. /notes lists what I know, and /notes {REMOVE} ends it.")


async def notes(parts: Parts, words: str) -> Answer:
    """List them, or let one go by its number.

    Raises:
        DoppelgangerError: `words` name none of them.
    """
    if not words:
        peers = parts.store.peers()
        lines = [
            f"{one.note_id}. {_whose(one, peers)}{one.text} (until {_until(parts, one)})" for one in parts.notes.live()
        ]
        return Answer("\n".join(lines) or "There are no notes. /note in Lisbon until Friday makes one.")
    verb, _, number = words.partition(" ")
    if verb.casefold() != REMOVE or not number.isdecimal() or not parts.notes.remove(int(number)):
        raise DoppelgangerError(f"no note is meant by {words}", fix=f"/notes lists them; /notes {REMOVE} 3 ends one")
    return Answer(f"I do not know note {number} any more.")


def _meant(words: str, peers: Collection[Peer]) -> tuple[Peer | None, str]:
    """For whom, and what. A name that is almost right is refused: what is for one must not be told to all."""
    name, colon, text = (part.strip() for part in words.partition(":"))
    if not (colon and text):
        return None, words
    try:
        return resolve_contact(to_contact(name), peers), text
    except ConfigError:
        if did_you_mean(name.casefold(), [peer.name.casefold() for peer in peers]):
            raise
        return None, words


def _whose(note: Note, peers: dict[int, Peer]) -> str:
    return "" if note.chat_id is None else f"{peers[note.chat_id].name if note.chat_id in peers else note.chat_id}: "


def _until(parts: Parts, note: Note) -> str:
    return moment(note.expires_at.astimezone(parts.zone), parts.clock())
