"""What a run would have to fetch of a chat: counted on both sides, before anything is pulled. It stores nothing."""

from contextlib import suppress
from dataclasses import dataclass
from math import ceil

from exporter.account.limiter import Limiter
from exporter.account.refusals import GONE
from exporter.progress import Report, Step, silent
from exporter.pulling.dialogs import DIALOGS, Ask
from exporter.pulling.history import HISTORY, PAGE, count
from exporter.pulling.plan import Chat, Options, fetch_owner, lost, make_plan, whole
from exporter.rights.consent import Ledger
from exporter.settings.config import Sync
from exporter.storing.intervals import gaps
from exporter.storing.store import Store


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one chat, with the basic group that it may have been."""

    chat: Chat
    server: int
    """Messages that Telegram counts."""
    stored: int
    missing: int
    requests: int
    """For pages of history."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do."""

    estimates: tuple[Estimate, ...]
    seconds_per_request: float
    """At the pace of now."""
    notes: tuple[str, ...]
    """What the figures do not say, for the user."""


async def forecast(
    limiter: Limiter, store: Store, choice: Sync, ledger: Ledger, options: Options, *, report: Report = silent
) -> Forecast:
    """Plan a run and count each of its chats; the same errors as of `sync.sync`."""
    limiter.check(DIALOGS, HISTORY)
    report(Step("counting", 0, 1, "asking for the list"))
    owner = await fetch_owner(limiter)
    plan = await make_plan(limiter, store, choice, ledger, options, owner.id)
    estimates = []
    for done, chat in enumerate(plan.chats):
        report(Step("counting", done, len(plan.chats), chat.peer.name))
        with suppress(*GONE):
            estimates.append(await estimate(limiter, store, chat, options.limit))
    report(Step("counting", len(plan.chats), len(plan.chats)))
    peers = store.peers()
    gone = [peers[chat_id].name for chat_id, dialog in plan.dialogs.items() if dialog.gone and chat_id in peers]
    notes = [*plan.notes, *map(lost, gone)]
    if options.since or options.until:
        notes.append("the counts are of whole chats: how much was said in the time asked for, only fetching tells")
    if options.takeout:
        notes.append("the times are those without --takeout, which has no pauses")
    return Forecast(tuple(estimates), limiter.seconds_per_request(HISTORY), tuple(notes))


async def estimate(ask: Ask, store: Store, chat: Chat, limit: int | None = None) -> Estimate:
    """Count a chat by a request for one message; of each part, no more than `limit` messages are missing.

    Raises:
        one of `GONE`: the owner can no longer read it.
    """
    chat = await whole(ask, store, chat)
    server = stored = missing = requests = 0
    for part in filter(None, (chat, chat.before)):
        there, here = await count(ask, part.address), store.count(part.peer.peer_id)
        server, stored = server + there, stored + here
        if gaps(store.intervals(part.peer.peer_id), part.top):
            lacking = max(0, (there if limit is None else min(there, limit)) - here)
            missing += lacking
            empty = lacking == there > PAGE  # what ends a long history
            requests += max(1, ceil(lacking / PAGE)) + empty
    return Estimate(chat, server, stored, missing, requests)
