"""History from Telegram into the store: one look at the dialogs, then what is missing, newest first, page by page.

A page and the interval that it completes are one transaction, so a run that dies loses at most the page in flight,
and the next run asks only for what is missing. Nothing of a chat that is not chosen is ever asked for.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from telethon import TelegramClient
from telethon.errors import TakeoutInvalidError

from exporter.account.limiter import Limiter
from exporter.account.translate import to_peer
from exporter.progress import Aloud, Report, Step, silent
from exporter.pulling.dialogs import DIALOGS
from exporter.pulling.history import HISTORY
from exporter.pulling.plan import Options, Plan, fetch_owner, make_plan
from exporter.pulling.pull import Pull
from exporter.pulling.takeout import Takeout
from exporter.rights.consent import Ledger, NoConsent
from exporter.settings.config import Sync
from exporter.storing.store import Store

log = logging.getLogger(__name__)

ALL = Options()


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync left behind."""

    chats: int
    messages: int
    """Stored of the chosen chats, old and new."""
    new: int
    edited: int
    """Known ones that say something else now."""
    deleted: int
    """Known ones that are gone on Telegram; they stay here, marked."""
    seconds: float
    requests: int
    slept: float
    """Seconds of all that were spent waiting for Telegram's rate."""
    warnings: tuple[str, ...] = ()
    """What is not as it should be, for the user."""

    @property
    def messages_per_second(self) -> float:
        """New ones only."""
        return self.new / self.seconds


async def sync(
    client: TelegramClient,
    store: Store,
    choice: Sync,
    ledger: Ledger,
    options: Options = ALL,
    *,
    limiter: Limiter | None = None,
    report: Report = silent,
) -> SyncResult:
    """Bring the chosen chats up to date; a chat where nothing changed costs no request.

    A process that asks Telegram for more than this passes the limiter that all of it shares.

    Raises:
        ConfigError: nothing is chosen, a name is unknown or ambiguous, or an option asks for what is not chosen.
        NoConsent: none of the chosen chats may be stored.
        ComeBackLater: Telegram asks for a wait of more than five minutes, or for patience before a takeout.
        DoppelgangerError: the store holds somebody else's chats.
    """
    started = time.perf_counter()
    aloud = Aloud(report)
    limiter = limiter or Limiter(client, store.state, choice.requests_per_second, say=aloud.note)
    requests, slept = limiter.requests, limiter.slept
    limiter.check(DIALOGS, HISTORY)
    store.expire(datetime.now(UTC))
    aloud(Step("chats", 0, 1, "asking for the list"))  # so that a wait for it can be told, too
    owner = to_peer(await fetch_owner(limiter))
    pull = Pull(limiter, store, ledger, owner, choice.recheck_days, options, aloud)
    plan = await _run(client, limiter, store, choice, ledger, options, pull)
    store.expire(datetime.now(UTC))
    seconds = time.perf_counter() - started
    log.info("sync.done", extra={"chats": len(plan.chats), "new": pull.new, "seconds": round(seconds, 2)})
    return _result(store, plan, pull, seconds, limiter.requests - requests, round(limiter.slept - slept, 3))


def _result(store: Store, plan: Plan, pull: Pull, seconds: float, requests: int, slept: float) -> SyncResult:
    return SyncResult(
        chats=len(plan.chats),
        messages=_stored(store, plan),
        new=pull.new,
        edited=pull.edited,
        deleted=pull.deleted,
        seconds=seconds,
        requests=requests,
        slept=slept,
        warnings=(*plan.notes, *pull.warnings),
    )


def _stored(store: Store, plan: Plan) -> int:
    """How many messages stand in the chats of a plan."""
    ids = {chat.peer.peer_id for chat in plan.chats}
    return sum(chat.messages for chat in store.chats() if chat.peer.peer_id in ids)


async def _run(
    client: TelegramClient,
    limiter: Limiter,
    store: Store,
    choice: Sync,
    ledger: Ledger,
    options: Options,
    pull: Pull,
) -> Plan:
    """Plan and pull; within a takeout, and once more in a new one where Telegram no longer knows it."""
    if not options.takeout:
        plan = await _plan(limiter, store, choice, ledger, options, pull.owner_id)
        await pull.run(plan)
        return plan
    takeout = Takeout(client, limiter, store.state)
    try:
        return await _export(takeout, limiter, store, choice, ledger, options, pull)
    except TakeoutInvalidError:
        takeout.drop()
        return await _export(takeout, limiter, store, choice, ledger, options, pull)


async def _export(
    takeout: Takeout, limiter: Limiter, store: Store, choice: Sync, ledger: Ledger, options: Options, pull: Pull
) -> Plan:
    takeout.resume()
    plan = await _plan(limiter, store, choice, ledger, options, pull.owner_id)
    await takeout.begin(plan.chats)
    await pull.run(plan)
    await takeout.finish()
    return plan


async def _plan(limiter: Limiter, store: Store, choice: Sync, ledger: Ledger, options: Options, owner_id: int) -> Plan:
    try:
        return await make_plan(limiter, store, choice, ledger, options, owner_id)
    except NoConsent as refusal:
        store.save_peers(refusal.peers)  # so that `consent` knows them by name
        raise
