"""The process that has the account answers those that ask it to sync, one after the other."""

import asyncio
import logging
from functools import partial

from exporter.account.client import Client
from exporter.account.limiter import Limiter
from exporter.account.refusals import explained
from exporter.errors import DoppelgangerError
from exporter.following.follow import Follower
from exporter.following.requests import Outcome, Problem, Request, Requests
from exporter.progress import Aloud, Report, seldom
from exporter.pulling.sync import sync
from exporter.rights.consent import Ledger
from exporter.storing.store import Store

log = logging.getLogger(__name__)

POLL = 0.5
"""Seconds between two looks for a request, or for whether one was withdrawn."""


class Answering:
    """One for the process that has the account; it begins with no requests."""

    def __init__(self, client: Client, store: Store, follower: Follower) -> None:
        self._client = client
        self._store = store
        self._follower = follower
        self._requests = Requests(store.database)
        self._requests.clear()

    async def run(self) -> None:
        """For ever."""
        while True:
            if request := self._requests.take():
                await self._answer(request)
            await asyncio.sleep(POLL)

    async def _answer(self, request: Request) -> None:
        """Sync, until that is done or nobody waits for it any more."""
        log.info("request.taken", extra={"request_id": request.request_id})
        working = asyncio.create_task(self._sync(request))
        try:
            while not working.done():
                await asyncio.wait([working], timeout=POLL)
                if self._requests.get(request.request_id) is None:
                    log.info("request.withdrawn", extra={"request_id": request.request_id})
                    return
            self._requests.end(request.request_id, working.result())
            log.info("request.ended", extra={"request_id": request.request_id})
        finally:
            working.cancel()
            await asyncio.wait([working])

    async def _sync(self, request: Request) -> Outcome:
        wish, aloud = request.wish, Aloud(self._teller(request.request_id))
        limiter = Limiter(self._client, self._store.state, wish.choice.requests_per_second, say=aloud.note)
        ledger = Ledger(self._store.database, wish.consent)
        try:
            with explained(), self._follower.hearing_all():
                return await sync(
                    self._client, self._store, wish.choice, ledger, wish.options, limiter=limiter, report=aloud
                )
        except DoppelgangerError as error:
            return Problem(error.problem, error.fix, error.exit_code)

    def _teller(self, request_id: int) -> Report:
        return seldom(partial(self._requests.tell, request_id))
