"""The chosen chats, brought up to date one after the other, and what a run has to tell of it.

It knows neither how chats are chosen nor in which mode Telegram is asked.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import types
from telethon.tl.functions.messages import GetPeerDialogsRequest
from telethon.utils import get_peer_id

from exporter.account.limiter import Limiter
from exporter.account.refusals import GONE
from exporter.messages import Dialog, Peer
from exporter.progress import Report, Step
from exporter.pulling.history import PAGE, History, total
from exporter.pulling.plan import Chat, Options, Plan, lost, whole
from exporter.pulling.recheck import Recheck, reread, settle
from exporter.rights.consent import Ledger
from exporter.storing.intervals import HIGHEST, Interval, gaps
from exporter.storing.people import People
from exporter.storing.store import Store

log = logging.getLogger(__name__)

CHECKED_FOR = timedelta(days=1)
"""How long a look for edits and deletions is good for."""


@dataclass(slots=True)
class _Read:
    """What was read of a chat in this run."""

    server: int | None = None
    """Messages that Telegram counts; None where no page was read."""
    down_to: int | None = None
    """The lowest id of an unbroken stretch from the chat's top."""
    oldest: datetime | None = None
    """When the lowest one was sent."""

    def page(self, page: Any, interval: Interval, top: int) -> None:
        """Take in one more page."""
        self.server = total(page)
        if interval.hi >= (top if self.down_to is None else self.down_to - 1):
            self.down_to = interval.lo
            self.oldest = min((message.date for message in page.messages if _is_dated(message)), default=self.oldest)


class Pull:
    """One run over the chosen chats. `owner` is whose account it is."""

    def __init__(
        self,
        ask: Limiter,
        store: Store,
        ledger: Ledger,
        owner: Peer,
        recheck_days: float,
        options: Options,
        report: Report,
    ) -> None:
        self.owner_id = owner.peer_id
        self._ask = ask
        self._store = store
        self._ledger = ledger
        self._people = People(store)
        self._people.meet([owner])
        self._history = History(ask, store, ledger, self._people, owner.peer_id)
        self._recheck_for = timedelta(days=recheck_days)
        self._options = options
        self._report = report
        self._dialogs: dict[int, Dialog] = {}
        self.new = self.edited = self.deleted = 0
        """Messages so far."""
        self._warnings: dict[tuple[str, int], str] = {}

    async def run(self, plan: Plan) -> None:
        """Pull every chat, then once more what was said in the meantime."""
        left_out = (*plan.excluded, *plan.not_agreed)  # a follower knows those by id, too, and `consent` by name
        self._people.meet((*(chat.peer for chat in plan.chats), *left_out))
        known = self._store.state.dialogs()
        self._dialogs = {
            chat_id: replace(dialog, checked_at=known[chat_id].checked_at) if chat_id in known else dialog
            for chat_id, dialog in plan.dialogs.items()
        }
        for chat_id, dialog in plan.dialogs.items():
            if dialog.gone and (self._options.chats or (chat_id in known and not known[chat_id].gone)):
                self._lost(chat_id)
        self._store.state.save_dialogs([*plan.dialogs.values(), *plan.others.values()])
        read = await self._all(plan.chats)
        if read and not self._options.until:
            await self._all(await self._grown(plan.chats), again=True)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know, in words."""
        return tuple(self._warnings.values())

    async def _all(self, chats: Sequence[Chat], *, again: bool = False) -> bool:
        """Bring the chats up to date; whether that took any page of history."""
        read, new, started = False, self.new, time.perf_counter()
        for done, chat in enumerate(chats):
            if not again:
                self._say("chats", done, len(chats), chat.peer.title)
            if not self._ledger.allows(chat.peer, "store"):  # revoked since they were chosen
                continue
            for part in await self._parts(chat):
                try:
                    read |= await self._one(part, again=again)
                except GONE:
                    log.info("sync.refused", extra={"chat_id": part.peer.peer_id})
                    self._lost(part.peer.peer_id)
                    self._save(part, gone=True)
        if not again:
            self._say("chats", len(chats), len(chats), _rate(self.new - new, started))
        return read

    async def _parts(self, chat: Chat) -> Iterator[Chat]:
        """The chat, then the basic group that it may have been."""
        chat = await whole(self._ask, self._store, chat)
        if chat.before:
            self._people.meet([chat.before.peer])
            self._store.state.migrate(chat.before.peer.peer_id, chat.peer.peer_id)
            self._save(chat.before)
        return filter(None, (chat, chat.before))

    async def _one(self, chat: Chat, *, again: bool) -> bool:
        """Fill what is missing of a chat, and look at its recent messages where that is due; whether it was read."""
        chat_id = chat.peer.peer_id
        first = not self._store.intervals(chat_id)
        recheck = Recheck(chat)
        read = await self._fill(chat, recheck)
        complete = not gaps(self._store.intervals(chat_id), chat.top)
        checked = first and complete
        if not (checked or again) and self._is_due(chat):
            await self._look_again(chat, read, recheck)
            checked = True
        await self._settle(chat, recheck)
        self._save(chat, messages=read.server, checked_at=datetime.now(UTC) if checked else None)
        here = self._store.count(chat_id)
        if complete and read.server is not None and here + self._store.forgotten.count(chat_id) < read.server:
            self._warnings["short", chat_id] = (
                f"{chat.peer.name}: Telegram counts {read.server:,} messages, {here:,} are stored"
            )
        return read.server is not None

    async def _fill(self, chat: Chat, recheck: Recheck) -> _Read:
        """Fetch what is missing. Only a history of more than a page is worth a bar of its own."""
        new, started = 0, time.perf_counter()
        stored = whole = self._store.count(chat.peer.peer_id)
        read = _Read()
        async for page, interval in self._history.missing(chat, self._options):
            added = self._history.keep(chat, page, interval)
            read.page(page, interval, chat.top)
            recheck.compare(added)
            new += len(added.new)
            self.new += len(added.new)
            whole = max(total(page), stored + new)
            if stored + new < whole and whole > PAGE:
                self._say(chat.peer.title, stored + new, whole, _rate(new, started))
        if new and whole > PAGE:  # what was deleted meanwhile never arrives
            self._say(chat.peer.title, whole, whole, _rate(new, started))
        return read

    def _is_due(self, chat: Chat) -> bool:
        """Whether recent messages have to be looked at again: once a day where there are any, at once where the newest
        ones are missing."""
        if self._options.recheck or self._options.accept_deletions:
            return True
        if self._options.bounded:
            return False
        if self._store.ids(chat.peer.peer_id, Interval(chat.top + 1, HIGHEST)):
            return True
        now, dialog = datetime.now(UTC), self._dialogs.get(chat.peer.peer_id)
        recent = chat.newest_at is not None and chat.newest_at >= now - self._recheck_for
        return recent and not (dialog and dialog.checked_at and now - dialog.checked_at < CHECKED_FOR)

    async def _look_again(self, chat: Chat, read: _Read, recheck: Recheck) -> None:
        """Read what was not read in this run anyway."""
        since = datetime.now(UTC) - self._recheck_for
        if read.oldest is None or read.oldest >= since:
            self.new += len(await reread(self._history, self._store, recheck, since=since, below=read.down_to))

    async def _settle(self, chat: Chat, recheck: Recheck) -> None:
        verdict = await settle(self._history, self._store, recheck, accept=self._options.accept_deletions)
        self.edited += len(recheck.edited)
        self.deleted += len(verdict.deleted)
        if verdict.spared:
            self._warnings["spared", chat.peer.peer_id] = (
                f"{chat.peer.name}: of {recheck.reread:,} messages read again, {verdict.spared:,} seem to be deleted "
                "on Telegram, and none was marked; if that is right, run this again with --accept-deletions"
            )

    async def _grown(self, chats: Sequence[Chat]) -> list[Chat]:
        """Those chats where something was said since they were listed."""
        grown = []
        for first in range(0, len(chats), PAGE):
            batch = chats[first : first + PAGE]
            wanted = [types.InputDialogPeer(chat.address) for chat in batch]
            try:
                answer = await self._ask(GetPeerDialogsRequest(wanted))
            except GONE:  # one of them, and Telegram does not say which: the next run's list will
                continue
            tops = {get_peer_id(line.peer): line.top_message for line in answer.dialogs}
            now_at = ((chat, tops.get(chat.peer.peer_id, 0)) for chat in batch)
            grown += [replace(chat, top=top, before=None) for chat, top in now_at if top > chat.top]
        return grown

    def _lost(self, chat_id: int) -> None:
        peer = self._people.get(chat_id)
        self._warnings["lost", chat_id] = lost(peer.name if peer else str(chat_id))

    def _save(self, chat: Chat, *, gone: bool = False, **told: Any) -> None:
        dialog = self._dialogs.get(chat.peer.peer_id) or Dialog(chat.peer.peer_id)
        self._store.state.save_dialogs([replace(dialog, top=chat.top, gone=gone, **told)])

    def _say(self, stage: str, done: int, whole: int, note: str) -> None:
        self._report(Step(stage, done, whole, note))


def _is_dated(message: Any) -> bool:
    return not isinstance(message, types.MessageEmpty)


def _rate(messages: int, started: float) -> str:
    return f"{messages / (time.perf_counter() - started):,.0f} messages/s"
