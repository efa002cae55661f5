"""An account that is kept current: who follows it, who looks after what gets lost, who answers other processes.

Both `python -m exporter follow` and the bot run it; there is no other way for messages to come in.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

from exporter.account.client import Client, Link
from exporter.account.limiter import Limiter
from exporter.account.refusals import explained
from exporter.following.answering import Answering
from exporter.following.follow import Follower, OnMessage
from exporter.following.reconcile import PATIENCE, Reconciler
from exporter.following.running import stay
from exporter.progress import Report, Say
from exporter.pulling.sync import sync
from exporter.rights.consent import Ledger
from exporter.settings.config import Sync
from exporter.settings.selection import Scope
from exporter.storing.store import Store

log = logging.getLogger(__name__)

LONGEST_ROUND = 900.0
"""Seconds that one look of the reconciler's may take: rate limits are sat through for five minutes each."""

BLINK = 5.0
"""Seconds of a lost connection that nobody needs to hear of: Telegram itself ends connections now and then."""


class Live:
    """Follows from now on; `run` keeps it so.

    Whoever asks Telegram for more meanwhile takes the same `limiter`; only the sync that another process asks for has
    its own, for that may be within a takeout.

    Raises:
        DoppelgangerError: the store does not know whose account it is.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        choice: Sync,
        ledger: Ledger,
        *,
        on_message: OnMessage,
        say: Say,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._client, self._store, self._choice, self._ledger = client, store, choice, ledger
        self._say = say
        self._period = choice.reconcile_seconds
        self.limiter = Limiter(client, store.state, choice.requests_per_second)
        peers, dialogs = store.peers(), store.state.dialogs()
        listed = {chat_id: (peers[chat_id], dialog) for chat_id, dialog in dialogs.items() if chat_id in peers}
        self._scope = Scope(choice, listed, store.contacts())
        self.follower = Follower(client, store, ledger, chosen=self._scope.holds, on_message=on_message)
        self.reconciler = Reconciler(
            client,
            self.limiter,
            store,
            ledger,
            self.follower,
            period=choice.reconcile_seconds,
            recheck_for=timedelta(days=choice.recheck_days),
            patience=patience,
            say=say,
        )
        self._answering = Answering(client, store, self.follower)

    def keep(self, chat_ids: Iterable[int]) -> None:
        """From now on, these chats are kept current, too."""
        self._scope.choose(chat_ids)

    def is_alive(self) -> bool:
        """Whether updates flow, as far as that is for this process to see to: where there is no network, it waits."""
        patience = self._period + LONGEST_ROUND
        return self._client.link.lost_at is not None or time.monotonic() - self.reconciler.began_at < patience

    async def catch_up(self, report: Report) -> None:
        """Sync what was chosen at first, beside all that comes in; what is found is heard of as it would have been.

        Raises:
            DoppelgangerError: as `exporter.pulling.sync.sync` does.
        """
        if not self._choice.chooses:
            return
        with explained(), self.follower.hearing_all():
            await sync(self._client, self._store, self._choice, self._ledger, limiter=self.limiter, report=report)

    async def run(self) -> None:
        """Until something ends it, which is always a problem.

        Raises:
            ExceptionGroup: of one DoppelgangerError, or of bugs.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stay(self._client))
            tasks.create_task(self.follower.run())
            tasks.create_task(self.reconciler.run())
            tasks.create_task(self._answering.run())
            tasks.create_task(tell_of_outages(self._client.link, self._say))


async def tell_of_outages(link: Link, say: Say) -> None:
    """Say when the connection is lost for longer than `BLINK`, and when it stands again; for ever."""
    while True:
        await link.lost.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(BLINK):
                await link.connected.wait()
        since = link.lost_at
        if since is None:
            continue  # it came back, perhaps in the very moment in which it was given up
        log.info("connection.lost")
        say(f"not connected since {since:%H:%M} UTC; I keep trying")
        await link.connected.wait()
        log.info("connection.made")
        say("connected again")
