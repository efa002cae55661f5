"""How long today's proposals and answers took, from the times that rows hold; no word of anybody's is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlite_utils import Database

from bot.sending.entries import EntryState


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds, over so many."""

    count: int
    median: float
    longest: float
    """95 of 100 took no longer."""


def proposals_took(database: Database, since: datetime) -> Took | None:
    """From the decision to draft until the proposals were there; None: there were none."""
    found = database.execute(
        "select composed_ms from draft where opened_at >= ? and composed_ms is not null", [int(since.timestamp())]
    )
    return _took([ms / 1000 for (ms,) in found])


def answers_took(database: Database, since: datetime) -> Took | None:
    """From what was said last until an automatic answer's first message stood in the chat, human delays included."""
    found = database.execute(
        """
        select min(changed_at) - min(said_at) from outbox
        join decision on decision.chat_id = outbox.chat_id and decision.message_id = after_id
        where draft_id is null and state = ? and changed_at >= ?
        group by outbox.chat_id, after_id
        """,
        [EntryState.SENT, int(since.timestamp())],
    )
    return _took([seconds for (seconds,) in found])


def _took(seconds: Sequence[float]) -> Took | None:
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Took(len(ordered), ordered[ceil(len(ordered) / 2) - 1], ordered[ceil(0.95 * len(ordered)) - 1])
