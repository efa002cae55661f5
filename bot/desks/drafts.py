"""The life of a proposal, in SQLite: open, then sent, skipped or expired. Desks show it and pass on what was chosen.

Every transition compares and sets in one statement, so that two taps, or a tap and a new message, cannot both win.
It knows nothing of Telegram.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

Burst = tuple[str, ...]
"""What is said in one go, message by message."""


class DraftState(StrEnum):
    """Where a proposal stands."""

    OPEN = "open"
    SENT = "sent"
    """Chosen, or replaced by words of the owner's own; the outbox knows whether it arrived."""
    SKIPPED = "skipped"
    EXPIRED = "expired"
    """The chat moved on."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Numbered proposals for one chat."""

    draft_id: int
    chat_id: int
    answers_to: int
    """The newest message that the model saw."""
    proposals: tuple[Burst, ...]
    state: DraftState
    number: int | None
    """Which proposal was chosen, counted from 1; None for the owner's own words."""
    opened_at: datetime
    reason: str | None
    """Why the double did not answer by itself, in the policy's words."""
    version: int
    """Of the proposals, counted from 1: a choice among older ones no longer counts."""


class Drafts:
    """All proposals. At most one is open in a chat."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._drafts = database.table("draft")
        self._clock = clock

    def open(
        self,
        chat_id: int,
        *,
        answers_to: int,
        proposals: Sequence[Burst],
        reason: str | None = None,
        composed_ms: int | None = None,
    ) -> Draft:
        """A new open draft, which took so long to compose; one that is still open in this chat expires."""
        row = {
            "chat_id": chat_id,
            "answers_to": answers_to,
            "proposals": json.dumps(proposals, ensure_ascii=False),
            "state": DraftState.OPEN,
            "opened_at": self._now(),
            "reason": reason,
            "composed_ms": composed_ms,
        }
        with self._database.atomic():
            self.expire(chat_id)
            self._drafts.insert(row)
        return next(self._where("chat_id = ? and state = ?", chat_id, DraftState.OPEN))

    def get(self, draft_id: int) -> Draft | None:
        """The draft with this id."""
        return next(self._where("draft_id = ?", draft_id), None)

    def get_open(self, draft_id: int, *, version: int | None = None) -> Draft | None:
        """The draft, if one can still choose; with a version, if its proposals are still those."""
        where = "draft_id = ? and state = ? and version = coalesce(?, version)"
        return next(self._where(where, draft_id, DraftState.OPEN, version), None)

    def open_in(self, chat_id: int) -> Draft | None:
        """What is open in a chat."""
        return next(self._where("chat_id = ? and state = ?", chat_id, DraftState.OPEN), None)

    def all_open(self) -> list[Draft]:
        """What is open anywhere, oldest first."""
        return list(self._where("state = ?", DraftState.OPEN))

    def close(self, draft_id: int, state: DraftState, *, number: int | None = None, version: int | None = None) -> bool:
        """Leave `open` for another state; False if somebody was faster, or its proposals are no longer those."""
        cursor = self._database.execute(
            "update draft set state = ?, number = ?, closed_at = ?"
            " where draft_id = ? and state = ? and version = coalesce(?, version)",
            [state, number, self._now(), draft_id, DraftState.OPEN, version],
        )
        return bool(cursor.rowcount == 1)

    def renew(self, draft: Draft, proposals: Sequence[Burst]) -> Draft | None:
        """Other proposals in the same draft; None if it is no longer open, or somebody else renewed it."""
        cursor = self._database.execute(
            "update draft set proposals = ?, version = version + 1 where draft_id = ? and state = ? and version = ?",
            [json.dumps(proposals, ensure_ascii=False), draft.draft_id, DraftState.OPEN, draft.version],
        )
        return self.get(draft.draft_id) if cursor.rowcount == 1 else None

    def expire(self, chat_id: int) -> Draft | None:
        """The chat moved on: what was open there no longer is, and is returned."""
        draft = self.open_in(chat_id)
        return draft if draft and self.close(draft.draft_id, DraftState.EXPIRED) else None

    def _where(self, where: str, *values: int | str | None) -> Iterator[Draft]:
        return map(_draft, self._drafts.rows_where(where, values, order_by="draft_id"))

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _draft(row: Mapping[str, Any]) -> Draft:
    return Draft(
        row["draft_id"],
        row["chat_id"],
        row["answers_to"],
        tuple(tuple(burst) for burst in json.loads(row["proposals"])),
        DraftState(row["state"]),
        row["number"],
        datetime.fromtimestamp(row["opened_at"], UTC),
        row["reason"],
        row["version"],
    )
