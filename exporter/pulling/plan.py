"""What a run is about: the chosen ones of the account's chats, and what there is to pull of each.

It asks for no message and stores nothing, so that a plan can be shown before anything is done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from telethon.tl import types
from telethon.tl.functions.channels import GetFullChannelRequest
from telethon.tl.functions.users import GetUsersRequest
from telethon.utils import get_input_channel, get_input_peer, get_peer_id

from exporter.account.refusals import GONE
from exporter.account.translate import to_peer
from exporter.messages import Dialog, Peer, PeerKind
from exporter.pulling.dialogs import Ask, Folder, Listed, demand_folder, fetch_folders, sweep, to_dialog
from exporter.rights.consent import Ledger, NoConsent, left_out
from exporter.settings.config import Kind, Sync
from exporter.settings.section import Contact
from exporter.settings.selection import narrow, select_chats
from exporter.storing.store import Store


@dataclass(frozen=True, slots=True)
class Options:
    """What one run is asked for beside the configuration: by default, all that is chosen there."""

    chats: tuple[Contact, ...] = ()
    """Of the chosen chats, only these."""
    kinds: frozenset[Kind] = frozenset()
    """Of the chosen chats, only those of these kinds."""
    since: datetime | None = None
    """Only what was said from then on. Aware, as `until`."""
    until: datetime | None = None
    """Only what was said before."""
    limit: int | None = None
    """Of each chat, only the newest so many messages of the time that is asked for."""
    takeout: bool = False
    """In Telegram's mode for exports: no pace, but leave is asked for."""
    recheck: bool = False
    """Look for edits and deletions of the last days now, also where that was done today."""
    accept_deletions: bool = False
    """Believe that most of a chat was deleted."""

    @property
    def bounded(self) -> bool:
        """Whether histories are pulled in part."""
        return (self.since, self.until, self.limit) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat of the account's list, as Telegram tells of it now."""

    peer: Peer
    address: Any
    """Telethon's input peer."""
    top: int
    """Its newest message id; 0 where it has none."""
    newest_at: datetime | None = None
    """When that was sent, where Telegram said so."""
    before: "Chat | None" = None
    """The basic group that this supergroup was once: the older part of one conversation."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is chosen."""

    chats: tuple[Chat, ...]
    """Those that can be read."""
    dialogs: Mapping[int, Dialog]
    """What Telegram says of each, and of those that are gone; by chat id."""
    others: Mapping[int, Dialog]
    """The same of those that an earlier run chose, and this one does not, and of those that are not agreed."""
    protected: tuple[Peer, ...]
    """Left out: Telegram forbids saving what is said there."""
    excluded: tuple[Peer, ...]
    """Left out: the configuration says so."""
    forgotten: tuple[Peer, ...]
    """Left out though named: the owner had them forgotten."""
    not_agreed: tuple[Peer, ...]
    """Left out: there is no consent to store what is said there."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Why chosen chats are left out, for the user."""
        return (*map(_unsaved, self.protected), *map(_unkept, self.forgotten), *left_out(self.not_agreed))


@dataclass(frozen=True, slots=True)
class Listing:
    """All of the account's chats; by chat id."""

    listed: Mapping[int, Listed]
    """As Telegram lists them now, basic groups that became supergroups among them."""
    known: Mapping[int, Dialog]
    """What Telegram said of them before."""
    groups: Mapping[int, int]
    """Basic groups that became supergroups: id -> the supergroup's."""
    peers: Mapping[int, Peer]
    """Without those groups, which are no chats of their own; with chats that have left the list."""
    dialogs: Mapping[int, Dialog]
    """What Telegram says of each of these."""
    folders: tuple[Folder, ...] | None
    """None where they were not asked for."""
    forgotten: frozenset[int]
    """Ids of those who were forgotten, and of what their groups became."""


async def fetch_owner(ask: Ask) -> Any:
    """Whose account it is, in Telethon's type. Unlike `get_me`, it says when we are logged out."""
    (owner,) = await ask(GetUsersRequest([types.InputUserSelf()]))
    return owner


async def make_plan(ask: Ask, store: Store, choice: Sync, ledger: Ledger, options: Options, owner_id: int) -> Plan:
    """List the account's chats once, and choose; raises as `choose` does."""
    return choose(await list_chats(ask, store, owner_id, with_folders=bool(choice.folder)), choice, ledger, options)


async def list_chats(ask: Ask, store: Store, owner_id: int, *, with_folders: bool) -> Listing:
    """Ask for the account's chats, once. One that was chosen before and has left the list is gone."""
    listed = {get_peer_id(one.line.peer): one for one in await sweep(ask)}
    folders = await fetch_folders(ask, owner_id) if with_folders else None
    known, now = store.state.dialogs(), datetime.now(UTC)
    groups = {**store.state.migrated(), **_migrated(listed)}
    current = {chat_id: one for chat_id, one in listed.items() if chat_id not in groups}
    peers = {chat_id: to_peer(one.entity) for chat_id, one in current.items()}
    dialogs = {
        chat_id: to_dialog(one.line, one.entity, one.newest, folders=folders, now=now)
        for chat_id, one in current.items()
    }
    for chat_id, peer in store.peers().items():
        if chat_id in known and chat_id not in dialogs and chat_id not in groups:
            peers[chat_id], dialogs[chat_id] = peer, replace(known[chat_id], gone=True)
    forgotten = store.forgotten.ids()
    heirs = {chat_id for group_id, chat_id in groups.items() if group_id in forgotten}
    return Listing(listed, known, groups, peers, dialogs, folders, forgotten | heirs)


def choose(listing: Listing, choice: Sync, ledger: Ledger, options: Options) -> Plan:
    """The chats that the configuration and the options mean, as far as their people agree.

    One that is gone can still be named.

    Raises:
        ConfigError: nothing is chosen, a name is unknown or ambiguous, or an option asks for what is not chosen.
        NoConsent: none of those chats may be stored.
    """
    if choice.folder:
        demand_folder(choice.folder, listing.folders or ())
    peers, dialogs = listing.peers, listing.dialogs
    selection = select_chats(choice, list(peers.values()), dialogs, listing.forgotten)
    meant = narrow(selection, options.chats, options.kinds, peers.values())
    not_agreed = tuple(peer for peer in meant if not ledger.allows(peer, "store"))
    if not_agreed == meant and meant:
        raise NoConsent(meant)
    chosen = [peer.peer_id for peer in meant if peer not in not_agreed]
    others = listing.known.keys() | {peer.peer_id for peer in not_agreed}
    befores = {chat_id: group_id for group_id, chat_id in listing.groups.items()}
    return Plan(
        tuple(
            to_chat(listing.listed[chat_id], peers[chat_id], _group(befores.get(chat_id), peers[chat_id], listing))
            for chat_id in chosen
            if not dialogs[chat_id].gone
        ),
        {chat_id: dialogs[chat_id] for chat_id in chosen},
        {chat_id: dialogs[chat_id] for chat_id in (others & dialogs.keys()) - set(chosen)},
        selection.protected,
        selection.excluded,
        selection.forgotten,
        not_agreed,
    )


async def whole(ask: Ask, store: Store, chat: Chat) -> Chat:
    """The chat with the basic group that it was. A supergroup that was never pulled is asked, where the list is silent.

    Its page tells what the list often does not: Telegram's apps hide what became a supergroup.
    """
    if chat.before or not isinstance(chat.address, types.InputPeerChannel) or chat.peer.kind is not PeerKind.GROUP:
        return chat
    if store.intervals(chat.peer.peer_id):
        return chat
    try:
        full = (await ask(GetFullChannelRequest(get_input_channel(chat.address)))).full_chat
    except GONE:
        return chat
    if not full.migrated_from_chat_id:
        return chat
    return replace(chat, before=_basic_group(-full.migrated_from_chat_id, chat.peer, full.migrated_from_max_id))


def lost(name: str) -> str:
    """That a chat is gone, for the user."""
    return f"{name} cannot be read any more; what is stored of it stays"


def _unsaved(peer: Peer) -> str:
    """Why a protected chat is not pulled, for the user."""
    return f"{peer.name} is left out: Telegram forbids saving it; name it as protected under [sync] if its people agree"


def _unkept(peer: Peer) -> str:
    """Why a chat that the configuration names is not pulled, for the user."""
    return f"{peer.name} is left out: forgotten; take the name out of the configuration"


def _migrated(listed: Mapping[int, Listed]) -> dict[int, int]:
    """The basic groups of a list that became supergroups of the same list: id -> the supergroup's."""
    became = {
        chat_id: get_peer_id(types.PeerChannel(one.entity.migrated_to.channel_id))
        for chat_id, one in listed.items()
        if isinstance(getattr(one.entity, "migrated_to", None), types.InputChannel)
    }
    return {group_id: chat_id for group_id, chat_id in became.items() if chat_id in listed}


def _group(group_id: int | None, peer: Peer, listing: Listing) -> Chat | None:
    if group_id is None:
        return None
    told = listing.listed[group_id].line.top_message if group_id in listing.listed else 0
    return _basic_group(group_id, peer, told or (listing.known[group_id].top if group_id in listing.known else 0))


def _basic_group(group_id: int, peer: Peer, top: int | None) -> Chat:
    """What the supergroup `peer` was: under its name, for it is one conversation."""
    return Chat(Peer(group_id, PeerKind.GROUP, peer.name), types.InputPeerChat(-group_id), top or 0)


def to_chat(one: Listed, peer: Peer, before: Chat | None = None) -> Chat:
    """A line of the account's list as a chat to pull."""
    newest_at = one.newest.date if one.newest is not None else None
    return Chat(peer, get_input_peer(one.entity), one.line.top_message, newest_at, before)
