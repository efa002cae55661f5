"""What gets lost on the way is found again: now and then, the server's newest ids against what is stored.

Pushes may never come, differences may be too long to tell, connections break. One request tells the newest ids of a
hundred chats; only where something is missing above what is complete, history is asked for. It knows nothing of why
anybody follows.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from telethon import errors
from telethon.tl import types
from telethon.tl.functions.messages import GetPeerDialogsRequest
from telethon.tl.functions.updates import GetStateRequest

from exporter.account.client import Client
from exporter.account.limiter import Limiter
from exporter.account.refusals import GONE, explained
from exporter.account.translate import to_address, to_peer
from exporter.errors import ComeBackLater, DoppelgangerError
from exporter.following.follow import Follower
from exporter.following.watchdog import Verdict, Watchdog
from exporter.messages import Message, Peer
from exporter.progress import Say
from exporter.pulling.dialogs import PAGE, Listed, lines, to_dialog
from exporter.pulling.history import History
from exporter.pulling.plan import Chat, to_chat
from exporter.pulling.recheck import Recheck, reread, settle
from exporter.rights.consent import Ledger
from exporter.storing.intervals import HIGHEST, Interval, gaps
from exporter.storing.store import Store

log = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=3)
"""How long news may have to be fetched without that any comes by itself. Noticed within this and a period or two."""

LAST = 100
"""Messages of a chat that are read again where edits and deletions may have passed unseen."""
AT_ONCE = 20
"""Chats of which one round does so: news in the others is not to wait for long, nor Telegram to be asked for much."""

_OVER = (errors.UnauthorizedError, errors.AuthKeyError)
"""Telegram does not accept the account any more."""
_PASSES = (errors.RPCError, ConnectionError, TimeoutError, ComeBackLater)
"""What a later round may be spared."""


class Reconciler:
    """Looks after the chats that `follower` keeps, and tells through it. `period` is in seconds.

    A new connection tells of its own what was edited and deleted meanwhile, but at the beginning, and where Telegram
    says that too much was missed: then chats where something was said within `recheck_for` are read again. Of a chat
    that was never synced it fetches the newest page alone: the rest is for a sync.
    """

    def __init__(
        self,
        client: Client,
        limiter: Limiter,
        store: Store,
        ledger: Ledger,
        follower: Follower,
        *,
        period: float,
        recheck_for: timedelta,
        patience: timedelta,
        say: Say,
    ) -> None:
        self._client = client
        self._limiter = limiter
        self._store = store
        self._follower = follower
        self._history = History(limiter, store, ledger, follower.people, follower.owner.peer_id)
        self._period = period
        self._recheck_for = recheck_for
        self._watchdog = Watchdog(patience)
        self._say = say
        self._began = datetime.now(UTC).replace(microsecond=0)
        self._made = 0
        self._doubtful = {peer.peer_id for peer in follower.kept()}
        """Chats where edits and deletions may have passed unseen."""
        self.looked_at: datetime | None = None
        """When the last round ended well."""
        self.began_at = time.monotonic()
        """When the last round began, well or not: a tick that stands still says that this hangs."""

    async def run(self) -> None:
        """A round now, after each new connection, and once a period; for ever.

        Raises:
            LoginError: Telegram does not accept the account any more.
            DoppelgangerError: nothing comes by itself any more, even over a new connection.
        """
        while True:
            await self._client.link.connected.wait()
            self.began_at = time.monotonic()
            with explained():
                try:
                    await self.round()
                except _OVER:
                    raise
                except _PASSES as error:
                    log.warning("round.failed", extra={"error": type(error).__name__})
            await _first((self._client.link.lost, self._follower.missed), self._period)

    async def round(self) -> int:
        """One look at all chats, and fetch what is missing; how many messages of others were."""
        made, fresh = self._client.link.made, self._client.link.made != self._made
        if fresh:
            await self._client.catch_up()  # Telethon would only see at the next push that it missed some
        peers = self._follower.kept()
        if self._follower.missed.is_set():
            self._doubtful.update(peer.peer_id for peer in peers)
        self._follower.missed.clear()
        chats = [chat for start in range(0, len(peers), PAGE) for chat in await self._ask(peers[start : start + PAGE])]
        again = self._to_read_again(chats)
        fetched = 0
        for chat in chats:
            fetched += await self._look(chat, again=chat.peer.peer_id in again)
            self._doubtful -= again & {chat.peer.peer_id}
        if not peers:
            await self._limiter(GetStateRequest())  # whether Telegram accepts the account shows in answers only
        erased = self._store.expire(datetime.now(UTC))
        self._made = made
        self.looked_at = datetime.now(UTC)
        log.debug("round.done", extra={"chats": len(peers), "fetched": fetched, "erased": erased, "fresh": fresh})
        self._watch(0 if fresh else fetched)
        return fetched

    def _to_read_again(self, chats: Sequence[Chat]) -> set[int]:
        """The doubtful chats that are read again now, those with the newest words first."""
        since = datetime.now(UTC) - self._recheck_for
        recent = {chat.peer.peer_id: chat.newest_at for chat in chats if chat.newest_at and chat.newest_at >= since}
        self._doubtful &= recent.keys()
        return set(sorted(self._doubtful, key=lambda chat_id: recent[chat_id], reverse=True)[:AT_ONCE])

    async def _ask(self, peers: Sequence[Peer]) -> list[Chat]:
        """The chats as they are on the server now, at most a hundred. One that is closed spoils the answer for all."""
        addresses = [types.InputDialogPeer(to_address(peer)) for peer in peers]
        try:
            page = await self._limiter(GetPeerDialogsRequest(addresses))
        except GONE:
            if len(peers) > 1:
                half = len(peers) // 2
                return [*await self._ask(peers[:half]), *await self._ask(peers[half:])]
            if before := self._store.state.dialogs().get(peers[0].peer_id):  # else it was forgotten meanwhile
                self._store.state.save_dialogs([replace(before, gone=True)])
            return []
        return self._remember(lines(page))

    def _remember(self, told: Iterable[Listed]) -> list[Chat]:
        now, before = datetime.now(UTC), self._store.state.dialogs()
        chats, changed = [], []
        for one in told:
            peer, dialog = to_peer(one.entity), to_dialog(one.line, one.entity, one.newest, folders=None, now=now)
            old = before.get(dialog.chat_id)
            if old is None or (old.top, old.protected, old.gone) != (dialog.top, dialog.protected, dialog.gone):
                changed.append(dialog)
            if self._follower.keeps(peer, protected=dialog.protected) and not dialog.gone:
                chats.append(to_chat(one, peer))
        if changed:
            self._store.state.save_dialogs(changed)
        return chats

    async def _look(self, chat: Chat, *, again: bool) -> int:
        """Fetch what is missing at a chat's newest end, and look `again` at what is there.

        All of it is told in order. Where the newest messages are gone, that is a reason to look again, too. Gives how
        many messages of others were new: the owner's may be this very session's, which Telegram does not push to it.
        """
        chat_id = chat.peer.peer_id
        recheck = Recheck(chat)
        with self._follower.holding(chat_id):
            try:
                new, read = await self._fill(chat, recheck)
                if not read and (again or self._store.ids(chat_id, Interval(chat.top + 1, HIGHEST))):
                    new += self._tell(await reread(self._history, self._store, recheck, newest=LAST))
                verdict = await settle(self._history, self._store, recheck)
                if verdict.spared:
                    log.warning("deletions.spared", extra={"chat_id": chat_id})
                self._follower.tell_deleted(verdict.deleted)
                for message in recheck.edited:
                    self._follower.tell(message, False)
            except GONE:
                log.warning("round.refused", extra={"chat_id": chat_id})
                return 0
        return new

    async def _fill(self, chat: Chat, recheck: Recheck) -> tuple[int, bool]:
        """Fetch what is missing at the newest end: how many of others were new, and whether any page was read."""
        complete = self._store.intervals(chat.peer.peer_id)
        newest = next(iter(gaps(complete, chat.top)), None)
        if newest is None or newest.hi < chat.top:
            return 0, False
        new = 0
        async for page, interval in self._history.pages(chat, newest):
            added = self._history.keep(chat, page, interval)
            recheck.compare(added)
            new += self._tell(one for one in added.new if complete or one.sent_at >= self._began)
            if not complete:
                break
        return new, True

    def _tell(self, new: Iterable[Message]) -> int:
        told = list(new)
        for message in told:
            self._follower.tell(message, True)
        return sum(not message.outgoing for message in told)

    def _watch(self, fetched: int) -> None:
        match self._watchdog.look(fetched=fetched, pushes=self._follower.pushes, now=datetime.now(UTC)):
            case Verdict.RECONNECT:
                log.warning("stream.silent")
                self._say("nothing comes from Telegram by itself, though there is news: connecting anew")
                self._client.link.cut()
            case Verdict.GIVE_UP:
                raise DoppelgangerError(
                    "nothing comes from Telegram by itself any more, though there is news and a new connection",
                    fix="start this again; nothing that is stored is lost",
                )


async def _first(events: Iterable[asyncio.Event], seconds: float) -> None:
    """Until one of the events comes, or the time is over."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
