"""How a process asks the one that has the account to sync: a line in the database, with its progress and its outcome.

Only one process may open the session, for Telegram burns a key that is used twice. A line lasts as long as somebody
waits for it: whoever withdraws a request erases it. It knows neither Telegram nor who shows what.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlite_utils import Database

from exporter.progress import Step
from exporter.pulling.plan import Options
from exporter.pulling.sync import SyncResult
from exporter.settings.config import Consent, Sync
from exporter.storing.database import transaction


class RequestState(StrEnum):
    """How far a request is."""

    ASKED = "asked"
    TAKEN = "taken"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. The asker's own configuration counts: the other process may have read an older one."""

    choice: Sync
    options: Options
    consent: Consent


@dataclass(frozen=True, slots=True)
class Problem:
    """Why it came to nothing, as commands print it."""

    problem: str
    fix: str
    exit_code: int


Outcome = SyncResult | Problem


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stands."""

    request_id: int
    state: RequestState
    wish: Wish
    step: Step | None
    """The last one that was reported."""
    outcome: Outcome | None
    """None until it has ended."""


class Requests:
    """All that are open, for who asks and for who answers. One connection, used from one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, wish: Wish) -> int:
        """Ask for a sync; the id of the request."""
        with transaction(self._database):
            asked = self._database.execute(
                "insert into sync_request (state, wish) values (?, ?)", [RequestState.ASKED, _json(_WISH, wish)]
            )
        return int(asked.lastrowid or 0)

    def get(self, request_id: int) -> Request | None:
        """A request; None where it was withdrawn, or where a new process that has the account began with none."""
        row = self._database.execute(f"{_SELECT} where request_id = ?", [request_id]).fetchone()
        return _request(row) if row else None

    def withdraw(self, request_id: int) -> None:
        """Nobody waits for it any more."""
        self._execute("delete from sync_request where request_id = ?", request_id)

    def clear(self) -> None:
        """Begin with none: those who wait ask again."""
        self._execute("delete from sync_request")

    def any_taken(self) -> bool:
        """Whether one is being answered just now."""
        taken = self._database.execute("select 1 from sync_request where state = ?", [RequestState.TAKEN])
        return taken.fetchone() is not None

    def take(self) -> Request | None:
        """The request that waits longest, which is then taken; None where none waits."""
        row = self._database.execute(f"{_SELECT} where state = ? order by request_id", [RequestState.ASKED]).fetchone()
        if row is None:
            return None
        self._execute("update sync_request set state = ? where request_id = ?", RequestState.TAKEN, row[0])
        return _request(row)

    def tell(self, request_id: int, step: Step) -> None:
        """Let who asked see how far it is."""
        self._execute("update sync_request set step = ? where request_id = ?", _json(_STEP, step), request_id)

    def end(self, request_id: int, outcome: Outcome) -> None:
        """Let who asked know what became of it."""
        self._execute(
            "update sync_request set state = ?, outcome = ? where request_id = ?",
            RequestState.ENDED,
            _json(_OUTCOME, outcome),
            request_id,
        )

    def _execute(self, statement: str, *values: Any) -> None:
        with transaction(self._database):
            self._database.execute(statement, list(values))


_SELECT = "select request_id, state, wish, step, outcome from sync_request"
_WISH, _STEP = TypeAdapter(Wish), TypeAdapter(Step)
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)


def _json(kind: TypeAdapter[Any], value: Any) -> str:
    return kind.dump_json(value).decode()


def _request(row: tuple[Any, ...]) -> Request:
    request_id, state, wish, step, outcome = row
    return Request(
        request_id,
        RequestState(state),
        _WISH.validate_json(wish),
        _STEP.validate_json(step) if step else None,
        _OUTCOME.validate_json(outcome) if outcome else None,
    )
