"""The account's chats at a glance: what Telegram has of each, what is stored, and what the configuration says of it.

Only `refresh` asks Telegram; the rest is as it was last seen.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from telethon import TelegramClient

from exporter.account.limiter import Limiter
from exporter.account.refusals import GONE
from exporter.account.translate import to_peer
from exporter.errors import ConfigError
from exporter.messages import Dialog, Peer
from exporter.progress import Aloud, Report, Step, silent
from exporter.pulling.history import count
from exporter.pulling.plan import Options, choose, fetch_owner, list_chats
from exporter.rights.consent import Ledger
from exporter.settings.config import Config, ConsentScope, Sync
from exporter.settings.modes import Mode, resolve_modes
from exporter.settings.selection import Selection, resolve_contact, select_chats
from exporter.storing.store import Store


@dataclass(frozen=True, slots=True)
class Overview:
    """One chat."""

    peer: Peer
    server: int | None
    """Messages that Telegram has, when it was last asked; None where it never was."""
    stored: int
    own: int
    """Of those stored, what the owner wrote."""
    chosen: bool | None
    """By [sync]; None where that is not clear."""
    protected: bool
    """Telegram forbids to save it, and the configuration does not say that its people agree."""
    consent: tuple[ConsentScope, ...]
    """To what the people there agree."""
    mode: Mode | None
    """None where [reply] is not clear."""


def overview(config: Config, store: Store) -> tuple[list[Overview], list[ConfigError]]:
    """Every chat that is stored or was ever listed, the largest first; and what is not clear in the configuration."""
    dialogs, peers = store.state.dialogs(), store.peers()
    stored = {chat.peer.peer_id: chat for chat in store.chats()}
    server = _counted(dialogs, store.state.migrated())
    chats = [peers[key] for key in {**stored, **server} if key in peers]
    ledger = Ledger(store.database, config.consent)
    selection: Selection | None = None
    protected: frozenset[int] = frozenset()
    modes: Mapping[int, Mode] | None = None
    problems = []
    try:
        selection = select_chats(config.sync, chats, dialogs) if config.sync.chooses else Selection(())
        protected = _protected(config.sync, chats, dialogs)
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
            chosen=None if selection is None else peer in selection.chats,
            protected=key in protected,
            consent=tuple(scope for scope, standing in ledger.standings(peer).items() if standing.holds),
            mode=None if modes is None else modes.get(key, Mode.OFF),
        )

    return sorted(map(row, chats), key=lambda one: (-one.stored, -(one.server or 0), one.peer.name)), problems


async def refresh(
    client: TelegramClient, store: Store, choice: Sync, ledger: Ledger, *, report: Report = silent
) -> None:
    """List the account's chats, and count the messages of those that are pulled: a request for each of them.

    Raises:
        ConfigError: something under [sync] is unknown or ambiguous, or nobody agrees to be stored; the chats are listed
            all the same.
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
    chosen = choose(listing, choice, ledger, Options()).chats if choice.chooses else ()
    for done, chat in enumerate(chosen):
        aloud(Step("counting", done, len(chosen), chat.peer.name))
        with suppress(*GONE):
            for part in filter(None, (chat, chat.before)):
                dialog = listing.dialogs.get(part.peer.peer_id) or Dialog(part.peer.peer_id, top=part.top)
                store.state.save_dialogs([replace(dialog, messages=await count(limiter, part.address))])
    aloud(Step("counting", len(chosen), len(chosen)))


def _protected(choice: Sync, chats: Sequence[Peer], dialogs: Mapping[int, Dialog]) -> frozenset[int]:
    agreed = {resolve_contact(contact, chats).peer_id for contact in choice.protected}
    return frozenset(key for key, dialog in dialogs.items() if dialog.protected) - agreed


def _counted(dialogs: Mapping[int, Dialog], migrated: Mapping[int, int]) -> dict[int, int | None]:
    """Messages that Telegram has of each chat; those of a basic group count to the supergroup that it became."""
    counted = {key: dialog.messages for key, dialog in dialogs.items() if key not in migrated}
    for group_id, chat_id in migrated.items():
        before = dialogs[group_id].messages if group_id in dialogs else None
        if before is not None and (since := counted.get(chat_id)) is not None:
            counted[chat_id] = before + since
    return counted
