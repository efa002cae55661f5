"""Asking the process that has the account to sync, and waiting for what becomes of it."""

import time

from exporter.account.connection import AccountInUse, is_in_use
from exporter.errors import DoppelgangerError
from exporter.following.requests import Outcome, Problem, Requests, RequestState, Wish
from exporter.progress import Report, Say
from exporter.pulling.sync import SyncResult
from exporter.settings.config import Config
from exporter.storing.store import Store

TAKEN_WITHIN = 3.0
"""Seconds after which a process that has not taken the request does not answer any: a command that only passes by."""
POLL = 0.2
"""Seconds between two looks at how far it is."""


def ask_to_sync(
    config: Config, store: Store, wish: Wish, held: AccountInUse, *, report: Report, say: Say
) -> SyncResult | None:
    """What the other process's sync left behind; None where that process has ended meanwhile.

    Whatever ends the waiting, such as Ctrl-C, withdraws the request.

    Raises:
        AccountInUse: the other process, which `held` names, answers no requests.
        DoppelgangerError: what the other process met with.
    """
    requests = Requests(store.database)
    request_id = requests.ask(wish)
    patience = time.monotonic() + TAKEN_WITHIN
    told, shown = False, None
    try:
        while is_in_use(config) and (request := requests.get(request_id)):
            if request.state is RequestState.ASKED and time.monotonic() > patience and not requests.any_taken():
                raise held
            if request.state is not RequestState.ASKED and not told:
                told = True
                say(f"{held.problem}: asked it to sync")
            if request.step and request.step != shown:
                shown = request.step
                report(shown)
            if request.outcome:
                return _result(request.outcome)
            time.sleep(POLL)
        return None
    finally:
        requests.withdraw(request_id)


def _result(outcome: Outcome) -> SyncResult:
    if isinstance(outcome, Problem):
        error = DoppelgangerError(outcome.problem, fix=outcome.fix)
        error.exit_code = outcome.exit_code
        raise error
    return outcome
