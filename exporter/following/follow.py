"""What happens now: messages, edits, deletions and reactions go into the store as they arrive, then to a listener.

It knows neither why anybody listens nor what they do with it. What Telegram or Telethon loses on the way is found by
`reconcile`, which tells the same listener: each message once.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from telethon import events
from telethon.tl import types
from telethon.utils import get_peer_id

from exporter.account.client import Client, is_too_long
from exporter.account.translate import is_protected, to_message, to_peer, to_reactions
from exporter.errors import NothingSynced
from exporter.messages import Dialog, Message, Peer, PeerKind
from exporter.rights.consent import Ledger
from exporter.storing.intervals import HIGHEST, Interval
from exporter.storing.people import People
from exporter.storing.store import Store

OnMessage = Callable[[Message, bool], None]
"""Is given a message, and whether it is new; else its text or kind was edited, or it was deleted (`deleted_at`)."""
Chosen = Callable[[Peer, bool], bool]
"""Whether a chat is one that is kept; the second is whether Telegram forbids to save what is said there."""


class Follower:
    """Stores what is said from now on in the chosen chats; then tells `on_message`.

    A message that Telegram delivers twice is told once, and an edit that leaves text and kind alone, as a reaction
    does, not at all. Handlers never await, so everything is told in the order of its arrival. What this very session
    sends does not come by here.

    Raises:
        NothingSynced: the store does not know whose account it is.
    """

    def __init__(self, client: Client, store: Store, ledger: Ledger, *, chosen: Chosen, on_message: OnMessage) -> None:
        owner = store.owner()
        if owner is None:
            raise NothingSynced
        self.owner = owner
        self._store = store
        self._ledger = ledger
        self._chosen = chosen
        self._on_message = on_message
        self.people = People(store)
        self._listed = set(store.state.dialogs())
        self._heirs: set[int] = set()
        """Supergroups that groups were turned into since it began."""
        self._held: dict[int, list[tuple[Message, bool]]] = {}
        self._told: list[set[tuple[int, int]]] = []
        """What was told since each sync of somebody else began."""
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pushes = 0
        """How many updates on messages came by themselves so far, of any chat."""
        self.heard_at: datetime | None = None
        """When the last of them came."""
        self.missed = asyncio.Event()
        """Set where Telegram says that too much was missed to tell."""
        client.on_difference.append(self._on_difference)
        client.add_event_handler(self._on_update, events.Raw())

    async def run(self) -> None:
        """Until something goes wrong while an update is stored or told.

        Raises:
            Exception: just that. Telethon would log it and go on.
        """
        await self._failed

    def keeps(self, peer: Peer, *, protected: bool) -> bool:
        """Whether a chat is one that is kept: its people agree, and it is chosen, or was before it was a supergroup."""
        chosen = self._chosen(peer, protected) or (peer.peer_id in self._heirs and not protected)
        return chosen and self._ledger.allows(peer, "store")

    def kept(self) -> list[Peer]:
        """The chats that are kept, as far as they are known, and that the owner can still read."""
        dialogs = self._store.state.dialogs().values()
        known = ((self.people.get(dialog.chat_id), dialog) for dialog in dialogs if not dialog.gone)
        return [peer for peer, dialog in known if peer and self.keeps(peer, protected=dialog.protected)]

    @contextmanager
    def holding(self, chat_id: int) -> Iterator[None]:
        """Tell what comes of a chat only after the block, in the order of its ids."""
        self._held[chat_id] = []
        try:
            yield
        finally:
            for message, is_new in sorted(self._held.pop(chat_id), key=lambda told: told[0].message_id):
                self._on_message(message, is_new)

    @contextmanager
    def hearing_all(self) -> Iterator[None]:
        """Tell after the block what somebody else stored in it at the newest end of a chat that is kept."""
        complete = {peer.peer_id: self._store.intervals(peer.peer_id) for peer in self.kept()}
        above = {chat_id: Interval(known[-1].hi + 1, HIGHEST) for chat_id, known in complete.items() if known}
        before = {chat_id: self._store.ids(chat_id, ids) for chat_id, ids in above.items()}
        told = set[tuple[int, int]]()
        self._told.append(told)
        try:
            yield
        finally:
            self._told = [one for one in self._told if one is not told]
            for chat_id, ids in above.items():
                for message_id in sorted(self._store.ids(chat_id, ids) - before[chat_id]):
                    message = self._store.message(chat_id, message_id)
                    if message and (chat_id, message_id) not in told:
                        self.tell(message, True)

    def tell(self, message: Message, is_new: bool) -> None:
        """Tell the listener of a message that is stored."""
        for told in self._told:
            told.add((message.chat_id, message.message_id))
        if message.chat_id in self._held:
            self._held[message.chat_id].append((message, is_new))
        else:
            self._on_message(message, is_new)

    def tell_deleted(self, gone: Iterable[Message]) -> None:
        """Tell the listener of messages that were deleted."""
        for message in gone:
            self.tell(message, False)

    async def _on_update(self, update: Any) -> None:
        if getattr(update, "pts", 0):  # those that Telethon makes up out of a difference have none
            self.pushes += 1
            self.heard_at = datetime.now(UTC)
        with self._failing():
            self._take(update, update._entities)  # Telethon's events have their people from there too

    def _on_difference(self, difference: Any) -> None:
        """Take what was missed whole, new messages first, as edits may be of them."""
        if is_too_long(difference):
            self.missed.set()
            return
        people = {get_peer_id(entity): entity for entity in (*difference.users, *difference.chats)}
        with self._failing():
            for message in difference.new_messages:
                self._say(message, people)
            for update in difference.other_updates:
                self._take(update, people)

    def _take(self, update: Any, people: Mapping[int, Any]) -> None:
        match update:
            case types.UpdateNewMessage(message=said) | types.UpdateNewChannelMessage(message=said):
                self._say(said, people)
            case types.UpdateShortMessage() | types.UpdateShortChatMessage():
                self._say(events.NewMessage.build(update, self_id=self.owner.peer_id).message, people)
            case types.UpdateEditMessage(message=edited) | types.UpdateEditChannelMessage(message=edited):
                self._edit(edited, people)
            case types.UpdateDeleteMessages(messages=ids):
                self.tell_deleted(self._store.delete_private(ids, datetime.now(UTC)))
            case types.UpdateDeleteChannelMessages(channel_id=channel_id, messages=ids):
                chat_id = get_peer_id(types.PeerChannel(channel_id))
                self.tell_deleted(self._store.delete(chat_id, ids, datetime.now(UTC)))
            case types.UpdateMessageReactions(peer=peer, msg_id=message_id, reactions=reactions):
                self._react(get_peer_id(peer), message_id, reactions)

    def _react(self, chat_id: int, message_id: int, reactions: Any) -> None:
        chat, before = self.people.get(chat_id), self._store.message(chat_id, message_id)
        if chat and before and self._ledger.allows(chat, "store"):
            self._store.react(chat_id, message_id, to_reactions(reactions, before.reactions))

    def _say(self, said: Any, people: Mapping[int, Any]) -> None:
        message = self._understood(said, people)
        if message and self._store.add([message]).new:
            self.tell(message, True)
        if message and isinstance(getattr(said, "action", None), types.MessageActionChatMigrateTo):
            heir = get_peer_id(types.PeerChannel(said.action.channel_id))
            self._store.state.migrate(message.chat_id, heir)
            self._heirs.add(heir)

    def _edit(self, edited: Any, people: Mapping[int, Any]) -> None:
        """Of a message that is not known yet, the reconciler or a sync will tell, as it is then."""
        message = self._understood(edited, people)
        if message and self._store.message(message.chat_id, message.message_id) and self._store.add([message]).edited:
            self.tell(message, False)

    def _understood(self, said: Any, people: Mapping[int, Any]) -> Message | None:
        """A message of a chosen chat, whose people are then known; None for any other."""
        if isinstance(said, types.MessageEmpty):
            return None
        chat_id = get_peer_id(said.peer_id)
        chat = people.get(chat_id)
        peer = self.people.get(chat_id) or (to_peer(chat) if chat else None)
        protected = is_protected(said, chat)
        if peer is None or not self.keeps(peer, protected=protected):
            return None
        if chat_id not in self._listed and (peer.access_hash or peer.kind is PeerKind.GROUP):
            self._store.state.save_dialogs([Dialog(chat_id, protected=protected)])
            self._listed.add(chat_id)
        message = to_message(said, chat_id=chat_id, owner_id=self.owner.peer_id)
        self.people.meet(to_peer(people[one]) for one in (chat_id, message.sender_id) if one in people)
        return message

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Let what goes wrong come out of `run`."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - and nothing else may stop Telethon's own tasks
            if not self._failed.done():
                self._failed.set_exception(error)
