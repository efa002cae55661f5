"""What happens now: new messages and edits go into the store as they arrive, then to whoever follows.

It knows neither why anybody listens nor what they do with it.
"""

from collections.abc import Callable
from typing import Any

from telethon import TelegramClient, events

from exporter.errors import DoppelgangerError
from exporter.messages import Message, Peer
from exporter.store import Store
from exporter.translate import to_message, to_peer


def follow(
    client: TelegramClient,
    store: Store,
    *,
    chosen: Callable[[Peer], bool],
    on_message: Callable[[Message, bool], None],
) -> None:
    """Store what is said from now on in the chosen chats; then tell `on_message(message, is_new)`.

    A message that Telegram delivers twice is told once, and an edit that leaves text and kind alone, as a reaction
    does, not at all. Handlers never await, so everything is told in the order of its arrival. Messages of this
    very session's own sending do not come by here.

    Raises:
        DoppelgangerError: the store does not know whose account it is.
    """
    owner = store.owner()
    if owner is None:
        raise DoppelgangerError("nothing is synced yet", fix="run `python -m exporter sync` first")
    known = store.peers()

    def is_chosen(event: Any) -> bool:
        if event.chat_id not in known and event.chat is None:
            return False
        return chosen(known.get(event.chat_id) or to_peer(event.chat))

    def keep(event: Any) -> tuple[Message, bool]:
        news = {peer.peer_id: peer for peer in map(to_peer, filter(None, (event.chat, event.sender)))}
        if strangers := [peer for peer_id, peer in news.items() if peer_id not in known]:
            store.save_peers(strangers)
            known.update((peer.peer_id, peer) for peer in strangers)
        message = to_message(event.message, chat_id=event.chat_id, owner_id=owner.peer_id)
        return message, bool(store.add([message]))

    async def said(event: Any) -> None:
        if is_chosen(event):
            message, is_new = keep(event)
            if is_new:
                on_message(message, True)

    async def edited(event: Any) -> None:
        if is_chosen(event):
            before = store.message(event.chat_id, event.message.id)
            message, _ = keep(event)
            if before is None or (before.text, before.kind) != (message.text, message.kind):
                on_message(message, False)

    client.add_event_handler(said, events.NewMessage())
    client.add_event_handler(edited, events.MessageEdited())
