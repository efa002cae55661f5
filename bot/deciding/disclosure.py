"""Whether a contact is told that a program answers, and how: in the owner's words, from the configuration."""

from sqlite_utils import Database

from bot.deciding.loops import MARK
from bot.desks.drafts import Burst
from bot.parts import Parts
from bot.sending.entries import EntryState
from bot.sending.outbox import MOST_UNITS, split, units
from exporter.messages import Peer


def disclosed(parts: Parts, peer: Peer, burst: Burst) -> Burst:
    """An automatic burst as it goes out: marked, with the notice before it, or unchanged."""
    settings, chat_id = parts.settings, peer.peer_id
    how = parts.disclosures.get(chat_id, settings.disclosure)
    if how == "mark":
        texts = (part for text in burst for part in split(text, MOST_UNITS - units(f" {MARK}")))
        return tuple(text if text.endswith(MARK) else f"{text} {MARK}" for text in texts)
    if how == "once" and not _was_sent(parts.store.database, chat_id, settings.notice):
        return (f"{settings.notice} {MARK}", *burst)
    return burst


def _was_sent(database: Database, chat_id: int, beginning: str) -> bool:
    """Whether a message that begins so went to this chat."""
    where = "chat_id = ? and state in (?, ?) and substr(text, 1, length(?)) = ?"
    values = [chat_id, EntryState.SENT, EntryState.UNKNOWN, beginning, beginning]
    return database.table("outbox").count_where(where, values) > 0
