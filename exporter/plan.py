"""What there is to pull: the account's dialogs, listed once a run. It asks for no history."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from telethon.tl import types
from telethon.tl.functions.messages import GetDialogsRequest
from telethon.utils import get_input_peer, get_peer_id

from exporter.limiter import Limiter
from exporter.messages import Peer

PAGE = 100
"""Dialogs of one request; Telegram gives no more."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat of the account's list, as Telegram tells of it now."""

    peer: Peer
    address: Any
    """Telethon's input peer."""
    top: int
    """Its newest message id; 0 where it has none."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the account's list, in Telethon's types."""

    line: types.Dialog
    entity: Any
    """Whose it is."""
    newest: Any
    """The newest message; None where there is none."""


async def sweep(limiter: Limiter) -> list[Listed]:
    """All of the account's dialogs, archived ones too, the most recent first; a request for every hundred.

    A short page means nothing: the end is a page that holds the rest, or that brings no dialog which was not there.
    """
    listed: dict[int, Listed] = {}
    below: Any = (None, 0, types.InputPeerEmpty())
    while below:
        date, message_id, peer = below
        request = GetDialogsRequest(date, message_id, peer, limit=PAGE, hash=0, exclude_pinned=message_id > 0)
        page = await limiter(request)
        news = {get_peer_id(one.line.peer): one for one in lines(page)}
        more = isinstance(page, types.messages.DialogsSlice) and not news.keys() <= listed.keys()
        listed = {**listed, **news}
        below = _last(news.values()) if more else None
    return list(listed.values())


def lines(page: Any) -> Iterator[Listed]:
    """The lines of an answer, each with whose it is; what Telegram says nothing more of is left out."""
    entities = {get_peer_id(entity): entity for entity in (*page.users, *page.chats)}
    messages = {(get_peer_id(one.peer_id), one.id): one for one in page.messages if one.peer_id}
    for line in page.dialogs:
        peer_id = get_peer_id(line.peer)
        if isinstance(line, types.Dialog) and peer_id in entities:
            yield Listed(line, entities[peer_id], messages.get((peer_id, line.top_message)))


def _last(listed: Iterable[Listed]) -> tuple[Any, int, Any] | None:
    """Date, id and peer of the last line that has a message: the next page begins below it."""
    with_message = [one for one in listed if one.newest is not None]
    if not with_message:
        return None
    last = with_message[-1]
    return last.newest.date, last.newest.id, get_input_peer(last.entity)
