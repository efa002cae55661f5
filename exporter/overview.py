"""The account's chats at a glance: what Telegram has of each, what is stored, and what the configuration says of it.

Only `refresh` asks Telegram; the rest is as it was last seen.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from telethon import TelegramClient

from exporter.config import Config, Sync
from exporter.errors import ConfigError
from exporter.history import count
from exporter.limiter import Limiter
from exporter.messages import Dialog, Peer
from exporter.modes import Mode, resolve_modes
from exporter.plan import Options, choose, fetch_owner, list_chats
from exporter.progress import Aloud, Report, Step, silent
from exporter.refusals import GONE
from exporter.selection import Selection, resolve_contact, select_chats
from exporter.store import Store
from exporter.translate import to_peer


class Consent(StrEnum):
    """Whether a chat's history may be kept."""

    STORE = "store"
    """The configuration chooses it."""
    PROTECTED = "protected"
    """Telegram forbids it, and the owner has not said that its people agree."""
    NONE = "-"


@dataclass(frozen=True, slots=True)
class Overview:
    """One chat."""

    peer: Peer
    server: int | None
    """Messages that Telegram has, when it was last asked; None where it never was."""
    stored: int
    own: int
    """Of those stored, what the owner wrote."""
    consent: Consent | None
    """None where [sync] is not clear."""
    mode: Mode | None
    """None where [reply] is not clear."""


def overview(config: Config, store: Store) -> tuple[list[Overview], list[ConfigError]]:
    """Every chat that is stored or was ever listed, the largest first; and what is not clear in the configuration."""
    dialogs, peers = store.state.dialogs(), store.peers()
    stored = {chat.peer.peer_id: chat for chat in store.chats()}
    server = _counted(dialogs, store.state.migrated())
    chats = [peers[key] for key in {**stored, **server} if key in peers]
    consents: Mapping[int, Consent] | None = None
    modes: Mapping[int, Mode] | None = None
    problems = []
    try:
        consents = _consents(config.sync, chats, dialogs)
    except ConfigError as problem:
        problems.append(problem)
    try:
        modes = resolve_modes(config.reply, peers.values())
    except ConfigError as problem:
        problems.append(problem)

    def row(peer: Peer) -> Overview:
        key = peer.peer_id
        return Overview(
            peer,
            server=server.get(key),
            stored=stored[key].messages if key in stored else 0,
            own=stored[key].own if key in stored else 0,
            consent=None if consents is None else consents.get(key, Consent.NONE),
            mode=None if modes is None else modes.get(key, Mode.OFF),
        )

    return sorted(map(row, chats), key=lambda one: (-one.stored, -(one.server or 0), one.peer.name)), problems


async def refresh(client: TelegramClient, store: Store, choice: Sync, *, report: Report = silent) -> None:
    """List the account's chats, and count the messages of those that are chosen: a request for each of them.

    Raises:
        ConfigError: something under [sync] is unknown or ambiguous; the chats are listed all the same.
        ComeBackLater: Telegram asks for a wait of more than five minutes.
        DoppelgangerError: the store holds somebody else's chats.
    """
    aloud = Aloud(report)
    limiter = Limiter(client, store.state, choice.requests_per_second, say=aloud.note)
    aloud(Step("counting", 0, 1, "asking for the list"))
    owner = await fetch_owner(limiter)
    listing = await list_chats(limiter, store, owner.id, with_folders=True)
    store.save_peers([to_peer(owner), *listing.peers.values()])
    store.state.save_dialogs(listing.dialogs.values())
    for group_id, chat_id in listing.groups.items():
        store.state.migrate(group_id, chat_id)
    chosen = choose(listing, choice, Options()).chats if choice.chooses else ()
    for done, chat in enumerate(chosen):
        aloud(Step("counting", done, len(chosen), chat.peer.name))
        with suppress(*GONE):
            for part in filter(None, (chat, chat.before)):
                dialog = listing.dialogs.get(part.peer.peer_id) or Dialog(part.peer.peer_id, top=part.top)
                store.state.save_dialogs([replace(dialog, messages=await count(limiter, part.address))])
    aloud(Step("counting", len(chosen), len(chosen)))


def _consents(choice: Sync, chats: Sequence[Peer], dialogs: Mapping[int, Dialog]) -> dict[int, Consent]:
    selection = select_chats(choice, chats, dialogs) if choice.chooses else Selection(())
    agreed = {resolve_contact(contact, chats).peer_id for contact in choice.protected}
    forbidden = {key for key, dialog in dialogs.items() if dialog.protected} - agreed
    return dict.fromkeys(forbidden, Consent.PROTECTED) | {peer.peer_id: Consent.STORE for peer in selection.chats}


def _counted(dialogs: Mapping[int, Dialog], migrated: Mapping[int, int]) -> dict[int, int | None]:
    """Messages that Telegram has of each chat; those of a basic group count to the supergroup that it became."""
    counted = {key: dialog.messages for key, dialog in dialogs.items() if key not in migrated}
    for group_id, chat_id in migrated.items():
        before = dialogs[group_id].messages if group_id in dialogs else None
        if before is not None and (since := counted.get(chat_id)) is not None:
            counted[chat_id] = before + since
    return counted
