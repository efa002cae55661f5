"""The account's list of chats: what Telegram says of each as a whole, and which of the owner's folders holds it.

It knows Telethon's types, and neither configuration nor store.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telethon.tl import types
from telethon.tl.functions.messages import GetDialogFiltersRequest, GetDialogsRequest
from telethon.utils import get_input_peer, get_peer_id

from exporter.account.translate import is_protected, to_peer
from exporter.errors import ConfigError
from exporter.messages import Dialog, PeerKind
from exporter.settings.selection import did_you_mean

PAGE = 100
"""Dialogs of one request; Telegram gives no more."""
DIALOGS = "messages.getDialogs"

_Below = tuple[Any, int, Any]
"""Date, id and peer of the line below which a page begins."""
_TOP: _Below = (None, 0, types.InputPeerEmpty())

Ask = Callable[[Any], Awaitable[Any]]
"""Sends a request: a limiter."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Chats that are named, and kinds of chats."""

    title: str
    named: frozenset[int]
    """Marked ids of those put in or pinned: always in."""
    excluded: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()
    """Of "contacts", "non_contacts", "groups", "broadcasts", "bots"."""
    without: frozenset[str] = frozenset()
    """Which of those kinds are out: of "muted", "read", "archived"."""

    def holds(self, dialog: types.Dialog, entity: Any, now: datetime) -> bool:
        """Whether Telegram's apps show the chat in this folder. `now` is aware."""
        chat_id = get_peer_id(dialog.peer)
        if chat_id in self.excluded:
            return False
        return chat_id in self.named or (_kind(entity) in self.kinds and not self.without & _states(dialog, now))


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the account's list, in Telethon's types."""

    line: types.Dialog
    entity: Any
    """Whose it is."""
    newest: Any
    """The newest message; None where there is none."""


async def sweep(ask: Ask) -> list[Listed]:
    """All of the account's dialogs, archived ones too; a request for every hundred, and one more.

    Where somebody writes meanwhile, his chat moves up, past the next page: so what does not fit on one page is asked
    for from the top again until nothing new stands there. A chat that is overlooked would be taken for a lost one.
    """
    listed: dict[int, Listed] = {}
    while await _walk_down(ask, listed):
        pass
    return list(listed.values())


async def _walk_down(ask: Ask, listed: dict[int, Listed]) -> bool:
    """Add pages from the top down until one holds the rest or brings nothing new; whether a later look may find more.

    A short page means nothing.
    """
    known = len(listed)
    below: _Below | None = _TOP
    while below:
        date, message_id, peer = below
        request = GetDialogsRequest(date, message_id, peer, limit=PAGE, hash=0, exclude_pinned=message_id > 0)
        page = await ask(request)
        news = {get_peer_id(one.line.peer): one for one in lines(page)}
        more = isinstance(page, types.messages.DialogsSlice) and not news.keys() <= listed.keys()
        listed.update(news)
        below = _last(news.values()) if more else None
    return len(listed) > known and (date, message_id) != _TOP[:2]


def to_dialog(
    dialog: types.Dialog, entity: Any, newest: Any, *, folders: Sequence[Folder] | None, now: datetime
) -> Dialog:
    """A line of Telegram's list, whose it is, and its newest message. `folders` is None where they were not asked for.

    That content is protected stands at groups and channels; of people's chats, only their messages say so.
    """
    return Dialog(
        get_peer_id(dialog.peer),
        top=dialog.top_message,
        protected=is_protected(entity, newest),
        gone=isinstance(entity, types.ChatForbidden | types.ChannelForbidden) or getattr(entity, "left", False),
        folders=None if folders is None else tuple(one.title for one in folders if one.holds(dialog, entity, now)),
    )


async def fetch_folders(ask: Ask, owner_id: int) -> tuple[Folder, ...]:
    """All of the account's folders, but the one that is every chat."""
    answer = await ask(GetDialogFiltersRequest())
    return tuple(
        _folder(one, owner_id)
        for one in answer.filters
        if isinstance(one, types.DialogFilter | types.DialogFilterChatlist)
    )


def demand_folder(title: str, folders: Sequence[Folder]) -> None:
    """See that there is one folder of this title.

    Raises:
        ConfigError: there is none, or there are several.
    """
    titles = [folder.title for folder in folders]
    if titles.count(title) > 1:
        raise ConfigError(
            f"{titles.count(title)} folders are called {title}", fix="give one of them another name in Telegram"
        )
    if title not in titles:
        there_are = f"your folders are {', '.join(titles)}" if titles else "make one in Telegram: there are none yet"
        raise ConfigError(f"no folder is called {title}", fix=did_you_mean(title, titles) or there_are)


def _folder(one: Any, owner_id: int) -> Folder:
    def ids(peers: Sequence[Any]) -> frozenset[int]:
        return frozenset(owner_id if isinstance(p, types.InputPeerSelf) else get_peer_id(p) for p in peers)

    named = ids([*one.pinned_peers, *one.include_peers])
    if isinstance(one, types.DialogFilterChatlist):  # shared by a link: nothing but names
        return Folder(one.title.text, named)
    kinds = ("contacts", "non_contacts", "groups", "broadcasts", "bots")
    states = ("muted", "read", "archived")
    return Folder(
        one.title.text,
        named,
        ids(one.exclude_peers),
        frozenset(kind for kind in kinds if getattr(one, kind)),
        frozenset(state for state in states if getattr(one, f"exclude_{state}")),
    )


def _kind(entity: Any) -> str:
    match to_peer(entity).kind:
        case PeerKind.BOT:
            return "bots"
        case PeerKind.GROUP:
            return "groups"
        case PeerKind.CHANNEL:
            return "broadcasts"
    return "contacts" if getattr(entity, "contact", False) else "non_contacts"


def _states(dialog: types.Dialog, now: datetime) -> set[str]:
    """What of it a folder may leave out. A chat that is muted by its kind alone does not say so."""
    muted_until = dialog.notify_settings.mute_until
    states = {
        "muted": muted_until is not None and muted_until > now,
        "read": not (dialog.unread_count or dialog.unread_mark or dialog.unread_mentions_count),
        "archived": bool(dialog.folder_id),
    }
    return {state for state, holds in states.items() if holds}


def lines(page: Any) -> Iterator[Listed]:
    """The lines of an answer, each with whose it is; what Telegram says nothing more of is left out."""
    entities = {get_peer_id(entity): entity for entity in (*page.users, *page.chats)}
    messages = {(get_peer_id(one.peer_id), one.id): one for one in page.messages if one.peer_id}
    for line in page.dialogs:
        peer_id = get_peer_id(line.peer)
        if isinstance(line, types.Dialog) and peer_id in entities:
            yield Listed(line, entities[peer_id], messages.get((peer_id, line.top_message)))


def _last(listed: Iterable[Listed]) -> _Below | None:
    """Of the last line that has a message: the next page begins below it."""
    with_message = [one for one in listed if one.newest is not None]
    if not with_message:
        return None
    last = with_message[-1]
    return last.newest.date, last.newest.id, get_input_peer(last.entity)
