"""What a run would have to fetch of a chat: counted on both sides, before anything is pulled. It stores nothing."""

from contextlib import suppress
from dataclasses import dataclass
from math import ceil

from telethon.tl import types
from telethon.tl.functions.users import GetUsersRequest

from exporter.config import Sync
from exporter.dialogs import DIALOGS, Ask
from exporter.history import HISTORY, PAGE, count
from exporter.intervals import gaps
from exporter.limiter import Limiter
from exporter.messages import Peer
from exporter.plan import Chat, Options, make_plan, whole
from exporter.progress import Report, Step, silent
from exporter.refusals import GONE
from exporter.store import Store


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one chat, with the basic group that it may have been."""

    chat: Chat
    server: int
    """Messages that Telegram counts."""
    stored: int
    missing: int
    requests: int
    """For pages of history, at least."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do."""

    estimates: tuple[Estimate, ...]
    protected: tuple[Peer, ...]
    """Chosen, but left out."""
    seconds_per_request: float


async def forecast(
    limiter: Limiter, store: Store, choice: Sync, options: Options, *, report: Report = silent
) -> Forecast:
    """Plan a run and count each of its chats; the same errors as of `exporter.sync.sync`."""
    for method in (DIALOGS, HISTORY):
        limiter.check(method)
    (owner,) = await limiter(GetUsersRequest([types.InputUserSelf()]))
    plan = await make_plan(limiter, store, choice, options, owner.id)
    estimates = []
    for done, chat in enumerate(plan.chats):
        report(Step("counting", done, len(plan.chats), chat.peer.name))
        with suppress(*GONE):
            estimates.append(await estimate(limiter, store, chat))
    report(Step("counting", len(plan.chats), len(plan.chats)))
    return Forecast(tuple(estimates), plan.protected, limiter.seconds_per_request(HISTORY))


async def estimate(ask: Ask, store: Store, chat: Chat) -> Estimate:
    """Count a chat by a request for one message.

    Raises:
        one of `GONE`: the owner can no longer read it.
    """
    chat = await whole(ask, store, chat)
    server = stored = missing = requests = 0
    for part in filter(None, (chat, chat.before)):
        there, here = await count(ask, part.address), store.count(part.peer.peer_id)
        server, stored = server + there, stored + here
        if gaps(store.intervals(part.peer.peer_id), part.top):
            missing += max(0, there - here)
            requests += max(1, ceil((there - here) / PAGE))
    return Estimate(chat, server, stored, missing, requests)
