"""Pages of one chat's history: asked for from the newest down, and stored together with what they complete.

It knows neither why a stretch is missing nor who wants it.
"""

from collections.abc import AsyncIterator, Collection
from itertools import islice
from typing import Any

from telethon.tl import types
from telethon.tl.functions import channels
from telethon.tl.functions.messages import GetHistoryRequest, GetMessagesRequest
from telethon.utils import get_input_channel

from exporter.account.translate import to_message, to_peer
from exporter.pulling.dialogs import Ask
from exporter.pulling.plan import Chat, Options
from exporter.rights.consent import Ledger
from exporter.storing.intervals import Interval, gaps
from exporter.storing.people import People
from exporter.storing.store import Added, Store

PAGE = 100
"""Messages of one request; Telegram gives no more."""
HISTORY = "messages.getHistory"
EVERYTHING = Options()


class History:
    """The account's way to its messages. `owner_id` is whose account it is.

    A chat that may not be stored has none; what is on its way when consent is revoked is not kept.
    """

    def __init__(self, ask: Ask, store: Store, ledger: Ledger, people: People, owner_id: int) -> None:
        self._ask = ask
        self._store = store
        self._ledger = ledger
        self._people = people
        self._owner_id = owner_id

    async def missing(self, chat: Chat, options: Options = EVERYTHING) -> AsyncIterator[tuple[Any, Interval]]:
        """Pages of what is not stored yet, the newest first, within the bounds of `options`."""
        chat_id, top = chat.peer.peer_id, chat.top
        if options.until:
            page = await self._ask(_request(chat, until=options.until, limit=1))
            top = max((message.id for message in page.messages), default=0)
        for gap in gaps(self._store.intervals(chat_id), top):
            room = None
            if options.limit is not None:
                room = options.limit - len(self._store.ids(chat_id, Interval(gap.hi + 1, top)))
            async for page, interval in self.pages(chat, gap, options, room):
                yield page, interval

    async def pages(
        self, chat: Chat, gap: Interval, options: Options = EVERYTHING, room: int | None = None
    ) -> AsyncIterator[tuple[Any, Interval]]:
        """Pages from the gap's upper end down, each with the ids that are complete with it.

        A short page means nothing; an empty one is the end of history, as is the answer that holds all of it. Pages end
        with `options.since`, too, or after `room` messages; what was said before is taken off the last one.
        """
        below = 0 if gap.hi >= chat.top and not options.until else gap.hi + 1
        lo = gap.hi + 1
        while lo > gap.lo and (room is None or room > 0) and self._may_keep(chat):
            page = await self._ask(_request(chat, below=below, limit=PAGE if room is None else min(PAGE, room)))
            if not self._may_keep(chat):
                return
            ids = [message.id for message in page.messages]
            whole = not ids or (below == 0 and _is_all_there_is(page))
            hi = below - 1 if below else max([gap.hi, *ids])
            early = _newest_before(page, options)
            lo = early + 1 if early else 1 if whole else min(ids)
            if early:
                page.messages = [message for message in page.messages if message.id > early]
            if room is not None:
                room -= sum(not _is_hole(message) for message in page.messages)
            if lo <= hi:
                yield page, Interval(lo, hi)
            if early:
                return
            below = lo

    def keep(self, chat: Chat, page: Any, interval: Interval) -> Added:
        """Store a page; what changed with it."""
        self._people.meet(map(to_peer, (*page.users, *page.chats)))
        chat_id = chat.peer.peer_id
        if titles := {topic.id: topic.title for topic in page.topics if isinstance(topic, types.ForumTopic)}:
            self._store.state.save_topics(chat_id, titles)
        messages = (
            to_message(message, chat_id=chat_id, owner_id=self._owner_id)
            for message in page.messages
            if not _is_hole(message)
        )
        return self._store.add(messages, complete=(chat_id, interval))

    async def deleted(self, chat: Chat, message_ids: Collection[int]) -> set[int]:
        """Which of these Telegram says to be empty, each by its own id; what an answer leaves out is not."""
        empty: set[int] = set()
        rest = iter(sorted(message_ids))
        while batch := list(islice(rest, PAGE)):
            wanted = [types.InputMessageID(message_id) for message_id in batch]
            request = (
                channels.GetMessagesRequest(get_input_channel(chat.address), wanted)
                if isinstance(chat.address, types.InputPeerChannel)
                else GetMessagesRequest(wanted)
            )
            answer = await self._ask(request)
            told = {message.id for message in answer.messages if _is_hole(message)}
            empty |= told & set(batch)
        return empty

    def _may_keep(self, chat: Chat) -> bool:
        return self._ledger.allows(chat.peer, "store")


async def count(ask: Ask, address: Any) -> int:
    """How many messages Telegram has of a chat, by a request for one of them.

    Raises:
        one of `GONE`: the owner can no longer read it.
    """
    page = await ask(GetHistoryRequest(address, 0, None, 0, limit=1, max_id=0, min_id=0, hash=0))
    return total(page)


def total(page: Any) -> int:
    """How many messages Telegram has of the chat that the page is of."""
    return int(getattr(page, "count", len(page.messages)))


def _request(chat: Chat, *, limit: int, below: int = 0, until: Any = None) -> GetHistoryRequest:
    """The page below message `below`, or before a moment; 0 is above all. Low `min_id` values make Telegram return
    nothing, so there is none."""
    return GetHistoryRequest(
        peer=chat.address, offset_id=below, offset_date=until, add_offset=0, limit=limit, max_id=0, min_id=0, hash=0
    )


def _is_all_there_is(page: Any) -> bool:
    """Whether Telegram says that it has no more messages; where it shows holes, its count may mean something else."""
    return isinstance(page, types.messages.Messages) and not any(map(_is_hole, page.messages))


def _is_hole(message: Any) -> bool:
    return isinstance(message, types.MessageEmpty)


def _newest_before(page: Any, options: Options) -> int:
    """The highest id on the page that was said before the time that is asked for; 0 where none was."""
    if options.since is None:
        return 0
    dated = (message for message in page.messages if not _is_hole(message))
    return max((message.id for message in dated if message.date < options.since), default=0)
