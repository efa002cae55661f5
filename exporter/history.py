"""Pages of one chat's history: asked for from the newest down, and stored together with what they complete.

It knows neither why a stretch is missing nor who wants it.
"""

from collections.abc import AsyncIterator
from typing import Any

from telethon import errors
from telethon.tl import types
from telethon.tl.functions.messages import GetHistoryRequest

from exporter.intervals import Interval
from exporter.limiter import Limiter
from exporter.people import People
from exporter.plan import Chat
from exporter.store import Added, Store
from exporter.translate import to_message, to_peer

PAGE = 100
"""Messages of one request; Telegram gives no more."""
HISTORY = "messages.getHistory"
GONE = (errors.ChannelPrivateError, errors.ChannelInvalidError, errors.ChatForbiddenError, errors.PeerIdInvalidError)
"""What a chat answers that the owner can no longer read: what is stored of it stays."""


class History:
    """The account's way to its messages. `owner_id` is whose account it is."""

    def __init__(self, limiter: Limiter, store: Store, people: People, owner_id: int) -> None:
        self._limiter = limiter
        self._store = store
        self._people = people
        self._owner_id = owner_id

    async def pages(self, chat: Chat, gap: Interval) -> AsyncIterator[tuple[Any, Interval]]:
        """Pages from the gap's upper end down, each with the ids that are complete with it.

        A short page means nothing; an empty one is the end of history, as is the answer that holds all of it.
        """
        offset = 0 if gap.hi == chat.top else gap.hi + 1
        lo = gap.hi + 1
        while lo > gap.lo:
            page = await self._limiter(_below(chat, offset))
            ids = [message.id for message in page.messages]
            all_of_it = not ids or (offset == 0 and isinstance(page, types.messages.Messages))
            lo = 1 if all_of_it else min(ids)
            yield page, Interval(lo, offset - 1 if offset else max([gap.hi, *ids]))
            offset = lo

    def keep(self, chat: Chat, page: Any, interval: Interval) -> Added:
        """Store a page; what changed with it."""
        self._people.meet(map(to_peer, (*page.users, *page.chats)))
        chat_id = chat.peer.peer_id
        messages = (
            to_message(message, chat_id=chat_id, owner_id=self._owner_id)
            for message in page.messages
            if not isinstance(message, types.MessageEmpty)
        )
        return self._store.add(messages, complete=(chat_id, interval))


def _below(chat: Chat, offset: int) -> GetHistoryRequest:
    """The page below message `offset`; 0 is above all. Low `min_id` values make Telegram return nothing."""
    return GetHistoryRequest(
        peer=chat.address, offset_id=offset, offset_date=None, add_offset=0, limit=PAGE, max_id=0, min_id=0, hash=0
    )
