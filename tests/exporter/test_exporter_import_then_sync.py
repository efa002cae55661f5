"""What an import brought and what Telegram then says of the same chats are the same rows."""

from dataclasses import replace
from pathlib import Path

import pytest

from exporter.account.connection import connect
from exporter.imports import import_file
from exporter.messages import Message
from exporter.pulling.sync import sync
from exporter.settings.config import Config, Sync
from exporter.storing.store import Store, open_store
from sandbox.world import World
from tests.sandbox_fixtures import agreed

CAST = Path(__file__).resolve().parents[2] / "sandbox" / "cast" / "result.json"


@pytest.fixture
def world() -> World:
    return World.load(CAST)


async def test_a_sync_after_an_import_finds_nothing_new(logged_in: Config, store: Store, tmp_path: Path) -> None:
    everything = Sync(kinds=frozenset({"private", "group"}), requests_per_second=0)
    imported = import_file(store, CAST)
    before = {chat.peer.peer_id: list(store.messages(chat.peer.peer_id)) for chat in store.chats()}
    async with connect(logged_in) as client:
        result = await sync(client, store, everything, agreed(store))
        with open_store(tmp_path / "afresh.db") as afresh:
            await sync(client, afresh, everything, agreed(afresh))
            synced = {chat.peer.peer_id: list(afresh.messages(chat.peer.peer_id)) for chat in afresh.chats()}
    assert imported.skipped == 0
    assert (result.new, result.chats) == (0, len(synced))
    for chat_id, messages in synced.items():
        assert list(map(without_pins, messages)) == list(map(without_pins, before[chat_id]))
        assert messages == list(store.messages(chat_id))


def without_pins(message: Message) -> Message:
    """Less what the sandbox does not tell: which message was pinned."""
    return replace(message, reply_to=None) if message.action == "pin_message" else message
