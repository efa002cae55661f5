"""What tests of forgetting share: a small store, the act itself, and a look for what must not be left."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from exporter.messages import ELSEWHERE, Dialog, Message, Peer, PeerKind
from exporter.rights.forget import find_person, forget
from exporter.settings.config import Config
from exporter.storing.store import Store

ASCII, CYRILLIC = "canary7f3a", "канарейка"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def small(store: Store) -> None:
    """The owner, Anna here and elsewhere, a group that became a supergroup."""
    store.save_peers(
        [Peer(1, PeerKind.SELF, "Olive"), Peer(7, PeerKind.USER, "Anna"), Peer(-3, PeerKind.GROUP, "Flat")]
    )
    store.save_peers([Peer(-1000000000009, PeerKind.GROUP, "Flat")])
    store.state.migrate(-3, -1000000000009)
    store.state.join(ELSEWHERE + 7, 7)
    for chat_id in (7, ELSEWHERE + 7, -3, -1000000000009):
        store.add([said(chat_id)])
        store.state.save_dialogs([Dialog(chat_id)])


def said(chat_id: int, message_id: int = 1, sender_id: int = 7, **values: object) -> Message:
    return replace(Message(chat_id, message_id, sender_id, NOW, outgoing=False, text="hi"), **values)


def files_with_canaries(folder: Path) -> list[str]:
    canaries = [
        word.encode(code) for word in (ASCII, CYRILLIC) for code in ("utf-8", "utf-16-le", "raw_unicode_escape")
    ]
    found = ((file, file.read_bytes().lower()) for file in folder.rglob("*") if file.is_file())
    return sorted(file.name for file, data in found if any(canary in data for canary in canaries))


def erase(config: Config, store: Store, contact: int | str) -> None:
    forget(config, store, find_person(store, contact), clock=lambda: NOW)
