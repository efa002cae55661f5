"""How the bot's latest training ended where no model came of it: of one that came, its own card and verdict tell.

It is for whoever asks later, in another process, too. The words may name somebody, as a problem does.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlite_utils import Database

_ONLY = 1
"""The key of the one row that there is."""


@dataclass(frozen=True, slots=True)
class Fruitless:
    """One that was ended, failed, or found nothing to learn."""

    at: datetime
    told: str
    """What became of it, in words for the owner."""


def keep(database: Database, at: datetime, told: str) -> None:
    """Remember it, in place of the one before."""
    row = {"training_id": _ONLY, "ended_at": int(at.timestamp()), "told": told}
    database.table("training").upsert(row, pk="training_id")


def latest(database: Database) -> Fruitless | None:
    """The one that is remembered."""
    row = next(iter(database.table("training").rows), None)
    return Fruitless(datetime.fromtimestamp(row["ended_at"], UTC), row["told"]) if row else None
