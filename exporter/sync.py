"""History from Telegram into the store: one look at the dialogs, then what is missing, newest first, page by page.

A page and the interval that it completes are one transaction, so a run that dies loses at most the page in flight,
and the next run asks only for what is missing. Nothing of a chat that is not chosen is ever asked for.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from telethon import TelegramClient, errors
from telethon.tl import types
from telethon.tl.functions.messages import GetHistoryRequest
from telethon.tl.functions.users import GetUsersRequest

from exporter.config import Sync
from exporter.dialogs import demand_folder, fetch_folders, to_dialog
from exporter.intervals import Interval, gaps
from exporter.messages import Peer
from exporter.progress import Report, Step, silent
from exporter.refusals import FLOODS, come_back_later
from exporter.selection import select_chats
from exporter.store import Store
from exporter.translate import to_message, to_peer

log = logging.getLogger(__name__)

PAGE = 100
"""Messages of one request; Telegram gives no more."""
LONGEST_WAIT = 300
"""Seconds of rate limit that are sat through; for more the user is asked to come back."""
TRIES = 5
"""Of one request, where Telegram has trouble of its own."""
DIALOGS, FOLDERS, HISTORY = "messages.getDialogs", "messages.getDialogFilters", "messages.getHistory"
_GONE = (errors.ChannelPrivateError, errors.ChannelInvalidError, errors.ChatForbiddenError, errors.PeerIdInvalidError)


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync left behind."""

    chats: int
    messages: int
    """Stored of the chosen chats, old and new."""
    new: int
    seconds: float

    @property
    def messages_per_second(self) -> float:
        """New ones only."""
        return self.new / self.seconds


@dataclass(frozen=True, slots=True)
class _Chat:
    """A chosen chat and what Telegram says of it."""

    peer: Peer
    address: Any
    """Telethon's input peer."""
    top: int
    """Its newest message id; 0 where it has none."""


async def sync(client: TelegramClient, store: Store, choice: Sync, *, report: Report = silent) -> SyncResult:
    """Bring the chosen chats up to date; a chat where nothing changed costs no request.

    Raises:
        ConfigError: nothing is chosen, or a name is unknown or ambiguous.
        ComeBackLater: Telegram asks for a wait of more than five minutes.
        DoppelgangerError: the store holds somebody else's chats.
    """
    started = time.perf_counter()
    for until in (store.state.resting(DIALOGS), store.state.resting(HISTORY)):
        if until and until > datetime.now(UTC):
            raise come_back_later(until)
    (owner,) = await client(GetUsersRequest([types.InputUserSelf()]))  # unlike get_me, it says when we are logged out
    pull = _Pull(client, store, to_peer(owner), report)
    chats = await pull.plan(choice)
    new = await pull.pull(chats)
    seconds = time.perf_counter() - started
    ids = {chat.peer.peer_id for chat in chats}
    stored = sum(chat.messages for chat in store.chats() if chat.peer.peer_id in ids)
    log.info("sync.done", extra={"chats": len(chats), "new": new, "seconds": round(seconds, 2)})
    return SyncResult(len(chats), stored, new, seconds)


class _Pull:
    """One run: the connection, the store, and what both know by now."""

    def __init__(self, client: TelegramClient, store: Store, owner: Peer, report: Report) -> None:
        self._client = client
        self._store = store
        self._report = report
        self._owner = owner
        self._known = store.peers()
        self._stored = {chat.peer.peer_id: chat.messages for chat in store.chats()}
        self._step = Step("chats", 0, 1)
        self._save_peers([owner])

    async def plan(self, choice: Sync) -> list[_Chat]:
        """The chosen ones of the account's dialogs, which are listed once."""
        listed = await self._patiently(DIALOGS, self._client.get_dialogs)
        folders = None
        if choice.folder:
            ask = partial(fetch_folders, self._client, self._owner.peer_id)
            demand_folder(choice.folder, folders := await self._patiently(FOLDERS, ask))
        now = datetime.now(UTC)
        dialogs = [to_dialog(one.dialog, one.entity, one.message, folders=folders, now=now) for one in listed]
        chats = [_Chat(to_peer(one.entity), one.input_entity, one.dialog.top_message) for one in listed]
        selection = select_chats(choice, [chat.peer for chat in chats], {one.chat_id: one for one in dialogs})
        for peer in selection.protected:
            log.warning("sync.protected", extra={"chat_id": peer.peer_id})
        self._save_peers(selection.chats)
        chosen = {peer.peer_id for peer in selection.chats}
        self._store.state.save_dialogs(one for one in dialogs if one.chat_id in chosen)
        return [chat for chat in chats if chat.peer.peer_id in chosen]

    async def pull(self, chats: Sequence[_Chat]) -> int:
        """Bring the chats up to date, one after the other; how many messages were new."""
        new, started = 0, time.perf_counter()
        for done, chat in enumerate(chats):
            self._say("chats", done, len(chats), chat.peer.name)
            try:
                new += await self._pull_one(chat)
            except _GONE:  # what was stored of it before stays
                log.warning("sync.refused", extra={"chat_id": chat.peer.peer_id})
        self._say("chats", len(chats), len(chats), _rate(new, started))
        return new

    async def _pull_one(self, chat: _Chat) -> int:
        """Fill what is missing of a chat. Only a history of more than a page is worth a bar of its own."""
        new, started = 0, time.perf_counter()
        stored = total = self._stored.get(chat.peer.peer_id, 0)
        for gap in gaps(self._store.intervals(chat.peer.peer_id), chat.top):
            async for page, interval in self._pages(chat, gap):
                new += self._keep(chat, page, interval)
                total = max(getattr(page, "count", 0), stored + new)
                if stored + new < total and total > PAGE:
                    self._say(chat.peer.name, stored + new, total, _rate(new, started))
        if new and total > PAGE:  # what was deleted meanwhile never arrives
            self._say(chat.peer.name, total, total, _rate(new, started))
        return new

    async def _pages(self, chat: _Chat, gap: Interval) -> AsyncIterator[tuple[Any, Interval]]:
        """Pages from the gap's upper end down, each with the ids that are complete with it.

        A short page means nothing; an empty one is the end of history, as is the answer that holds all of it.
        """
        offset = 0 if gap.hi == chat.top else gap.hi + 1
        lo = gap.hi + 1
        while lo > gap.lo:
            page = await self._patiently(HISTORY, partial(self._client, _history(chat, offset)))
            ids = [message.id for message in page.messages]
            all_of_it = not ids or (offset == 0 and isinstance(page, types.messages.Messages))
            lo = 1 if all_of_it else min(ids)
            yield page, Interval(lo, offset - 1 if offset else max([gap.hi, *ids]))
            offset = lo

    def _keep(self, chat: _Chat, page: Any, interval: Interval) -> int:
        """Store a page; how many of its messages were new."""
        self._save_peers(map(to_peer, (*page.users, *page.chats)))
        chat_id, owner_id = chat.peer.peer_id, self._owner.peer_id
        messages = (
            to_message(message, chat_id=chat_id, owner_id=owner_id)
            for message in page.messages
            if not isinstance(message, types.MessageEmpty)
        )
        return len(self._store.add(messages, complete=(chat_id, interval)))

    def _save_peers(self, peers: Iterable[Peer]) -> None:
        """Store whom we did not know, or not so well: short forms without access_hash tell nothing new."""
        news = {
            peer.peer_id: peer
            for peer in peers
            if peer.peer_id not in self._known or (peer.access_hash and peer != self._known[peer.peer_id])
        }
        if news:
            self._store.save_peers(news.values())
            self._known |= news

    async def _patiently(self, method: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Call Telegram, sleep where it asks to, and try again where it has trouble of its own."""
        failures = 0
        while True:
            try:
                return await call()
            except FLOODS as flood:
                if flood.seconds > LONGEST_WAIT:
                    until = datetime.now(UTC) + timedelta(seconds=flood.seconds)
                    self._store.state.rest(method, until)
                    raise come_back_later(until) from None
                self._report(replace(self._step, note=f"sleeping {flood.seconds} s: Telegram's rate limit"))
                await asyncio.sleep(flood.seconds)
            except (errors.ServerError, errors.TimedOutError):  # Telethon has slept 2 s already
                failures += 1
                if failures == TRIES:
                    raise

    def _say(self, stage: str, done: int, total: int, note: str) -> None:
        self._step = Step(stage, done, total, note)
        self._report(self._step)


def _history(chat: _Chat, offset: int) -> GetHistoryRequest:
    """The page below message `offset`; 0 is above all. Low `min_id` values make Telegram return nothing."""
    return GetHistoryRequest(
        peer=chat.address, offset_id=offset, offset_date=None, add_offset=0, limit=PAGE, max_id=0, min_id=0, hash=0
    )


def _rate(messages: int, started: float) -> str:
    return f"{messages / (time.perf_counter() - started):,.0f} messages/s"
