"""History from Telegram into the store: one look at the dialogs, then what is missing, newest first, page by page.

A page and the interval that it completes are one transaction, so a run that dies loses at most the page in flight,
and the next run asks only for what is missing. Nothing of a chat that is not chosen is ever asked for.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from telethon import TelegramClient
from telethon.tl import types
from telethon.tl.functions.users import GetUsersRequest
from telethon.utils import get_input_peer

from exporter.config import Sync
from exporter.dialogs import demand_folder, fetch_folders, to_dialog
from exporter.history import GONE, HISTORY, PAGE, History
from exporter.intervals import gaps
from exporter.limiter import Limiter
from exporter.messages import Peer
from exporter.people import People
from exporter.plan import Chat, sweep
from exporter.progress import Aloud, Report, Step, silent
from exporter.selection import select_chats
from exporter.store import Store
from exporter.translate import to_peer

log = logging.getLogger(__name__)

DIALOGS = "messages.getDialogs"


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


async def sync(
    client: TelegramClient, store: Store, choice: Sync, *, limiter: Limiter | None = None, report: Report = silent
) -> SyncResult:
    """Bring the chosen chats up to date; a chat where nothing changed costs no request.

    A process that asks Telegram for more than this passes the limiter that all of it shares.

    Raises:
        ConfigError: nothing is chosen, or a name is unknown or ambiguous.
        ComeBackLater: Telegram asks for a wait of more than five minutes.
        DoppelgangerError: the store holds somebody else's chats.
    """
    started = time.perf_counter()
    aloud = Aloud(report)
    limiter = limiter or Limiter(client, store.state, choice.requests_per_second, say=aloud.note)
    for method in (DIALOGS, HISTORY):
        limiter.check(method)
    (owner,) = await limiter(GetUsersRequest([types.InputUserSelf()]))  # unlike get_me, it says when we are logged out
    pull = _Pull(limiter, store, to_peer(owner), aloud)
    chats = await pull.plan(choice)
    new = await pull.pull(chats)
    seconds = time.perf_counter() - started
    ids = {chat.peer.peer_id for chat in chats}
    stored = sum(chat.messages for chat in store.chats() if chat.peer.peer_id in ids)
    log.info("sync.done", extra={"chats": len(chats), "new": new, "seconds": round(seconds, 2)})
    return SyncResult(len(chats), stored, new, seconds)


class _Pull:
    """One run: the connection, the store, and what both know by now."""

    def __init__(self, limiter: Limiter, store: Store, owner: Peer, report: Report) -> None:
        self._limiter = limiter
        self._store = store
        self._report = report
        self._owner = owner
        self._people = People(store)
        self._history = History(limiter, store, self._people, owner.peer_id)
        self._stored = {chat.peer.peer_id: chat.messages for chat in store.chats()}
        self._people.meet([owner])

    async def plan(self, choice: Sync) -> list[Chat]:
        """The chosen ones of the account's dialogs, which are listed once."""
        listed = await sweep(self._limiter)
        folders = None
        if choice.folder:
            demand_folder(choice.folder, folders := await fetch_folders(self._limiter, self._owner.peer_id))
        now = datetime.now(UTC)
        dialogs = [to_dialog(one.line, one.entity, one.newest, folders=folders, now=now) for one in listed]
        chats = [Chat(to_peer(one.entity), get_input_peer(one.entity), one.line.top_message) for one in listed]
        selection = select_chats(choice, [chat.peer for chat in chats], {one.chat_id: one for one in dialogs})
        for peer in selection.protected:
            log.warning("sync.protected", extra={"chat_id": peer.peer_id})
        self._people.meet(selection.chats)
        chosen = {peer.peer_id for peer in selection.chats}
        self._store.state.save_dialogs(one for one in dialogs if one.chat_id in chosen)
        return [chat for chat in chats if chat.peer.peer_id in chosen]

    async def pull(self, chats: Sequence[Chat]) -> int:
        """Bring the chats up to date, one after the other; how many messages were new."""
        new, started = 0, time.perf_counter()
        for done, chat in enumerate(chats):
            self._say("chats", done, len(chats), chat.peer.name)
            try:
                new += await self._pull_one(chat)
            except GONE:  # what was stored of it before stays
                log.warning("sync.refused", extra={"chat_id": chat.peer.peer_id})
        self._say("chats", len(chats), len(chats), _rate(new, started))
        return new

    async def _pull_one(self, chat: Chat) -> int:
        """Fill what is missing of a chat. Only a history of more than a page is worth a bar of its own."""
        new, started = 0, time.perf_counter()
        stored = total = self._stored.get(chat.peer.peer_id, 0)
        for gap in gaps(self._store.intervals(chat.peer.peer_id), chat.top):
            async for page, interval in self._history.pages(chat, gap):
                new += len(self._history.keep(chat, page, interval).new)
                total = max(getattr(page, "count", 0), stored + new)
                if stored + new < total and total > PAGE:
                    self._say(chat.peer.name, stored + new, total, _rate(new, started))
        if new and total > PAGE:  # what was deleted meanwhile never arrives
            self._say(chat.peer.name, total, total, _rate(new, started))
        return new

    def _say(self, stage: str, done: int, total: int, note: str) -> None:
        self._report(Step(stage, done, total, note))


def _rate(messages: int, started: float) -> str:
    return f"{messages / (time.perf_counter() - started):,.0f} messages/s"
