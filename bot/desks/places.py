"""Where drafts are shown: which message of which desk shows which proposals, in SQLite.

A chat's card may go over to its next draft. A choice counts only among proposals that a card is known to have shown
when it was made, so what is written here follows what Telegram has taken, never the other way round.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlite_utils import Database

from bot.desks.drafts import Draft, DraftState


@dataclass(frozen=True, slots=True)
class Place:
    """One card."""

    draft_id: int
    desk: str
    message_id: int
    version: int
    """Of the draft's proposals."""
    since: datetime | None
    """From when on it shows them, by Telegram's clock, in whole seconds; None: since it was written."""
    closed: bool
    """It says what became of the draft, and offers nothing any more."""


class Places:
    """All cards of all desks. A draft has one at most at each."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cards = database.table("card")

    def put(self, draft: Draft, desk: str, message_id: int, *, since: datetime | None = None) -> None:
        """This message shows this draft now, whatever it showed before; `since` is when it was changed to do so."""
        before = self.at(desk, message_id)
        if before and (before.draft_id, before.version) == (draft.draft_id, draft.version):
            since = before.since  # written anew, but with the same proposals
        row = {
            "draft_id": draft.draft_id,
            "desk": desk,
            "message_id": message_id,
            "version": draft.version,
            "since": None if since is None else int(since.timestamp()),
            "closed": False,
        }
        with self._database.atomic():
            self._cards.delete_where("desk = ? and message_id = ?", [desk, message_id])
            self._cards.upsert(row, pk=("draft_id", "desk"))

    def change(self, desk: str, message_id: int) -> None:
        """What this message shows is about to change: until `put` or `close` says so, it may look open."""
        self._database.execute("update card set closed = 0 where desk = ? and message_id = ?", [desk, message_id])

    def forget(self, desk: str) -> None:
        """The cards of a desk are gone: what is open is shown there anew."""
        self._cards.delete_where("desk = ?", [desk])

    def close(self, place: Place) -> None:
        """Its message offers nothing any more, as long as it still shows that draft."""
        self._database.execute(
            "update card set closed = 1 where draft_id = ? and desk = ? and message_id = ?",
            [place.draft_id, place.desk, place.message_id],
        )

    def of(self, draft_id: int, desk: str) -> Place | None:
        """Where a desk shows a draft."""
        return next(self._where("draft_id = ? and desk = ?", draft_id, desk), None)

    def at(self, desk: str, message_id: int) -> Place | None:
        """What a message of a desk shows."""
        return next(self._where("desk = ? and message_id = ?", desk, message_id), None)

    def last_in(self, chat_id: int, desk: str) -> Place | None:
        """The newest card of a chat, if its draft expired: the next draft may take its place."""
        newest = "select max(draft_id) from card join draft using (draft_id) where chat_id = ? and desk = ?"
        expired = "select draft_id from draft where state = ?"
        where = f"desk = ? and draft_id = ({newest}) and draft_id in ({expired})"
        return next(self._where(where, desk, chat_id, desk, DraftState.EXPIRED), None)

    def left_open(self) -> list[Place]:
        """Cards that look as if one could still choose, though somebody has, or the chat moved on."""
        return list(
            self._where("not closed and draft_id in (select draft_id from draft where state != ?)", DraftState.OPEN)
        )

    def _where(self, where: str, *values: int | str) -> Iterator[Place]:
        return map(_place, self._cards.rows_where(where, values, order_by="draft_id"))


def _place(row: Mapping[str, Any]) -> Place:
    since = row["since"]
    return Place(
        row["draft_id"],
        row["desk"],
        row["message_id"],
        row["version"],
        None if since is None else datetime.fromtimestamp(since, UTC),
        bool(row["closed"]),
    )
