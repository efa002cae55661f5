"""A person of the world with a phone: an unmodified Telethon client that writes, reads and remembers what it saw.

It knows MTProto as any client does, and nothing of the double at the other end.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from telethon import TelegramClient, events, types
from telethon.crypto import rsa
from telethon.sessions import MemorySession
from telethon.tl.custom import Message

Json = dict[str, Any]


class NothingCame(Exception):
    """What the play waits for did not happen in time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that this phone showed: `kind` is read, typing or message."""

    kind: str
    peer_id: int
    at: float
    text: str = ""


class Phone:
    """One person's device. `seen` holds, in order, all that came to it."""

    def __init__(self, client: TelegramClient, name: str) -> None:
        self.client = client
        self.name = name
        self.seen: list[Seen] = []
        self._news = asyncio.Event()
        client.add_event_handler(self._on_message, events.NewMessage(incoming=True))
        client.add_event_handler(self._on_message, events.MessageEdited(incoming=True))
        client.add_event_handler(self._on_update, events.Raw((types.UpdateUserTyping, types.UpdateReadHistoryOutbox)))

    async def write(self, peer_id: int, text: str) -> Message:
        """Send one message, as its person would."""
        return await self.client.send_message(peer_id, text, parse_mode=None)

    async def read(self, peer_id: int, count: int = 5) -> list[Message]:
        """The newest messages of a chat, newest first."""
        return list(await self.client.get_messages(peer_id, limit=count))

    async def wait(self, arrived: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Wait until `arrived`, looking again whenever something comes.

        Raises:
            NothingCame: not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not arrived():
            self._news.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                raise NothingCame(f"{self.name} waited {seconds:g} s for {what}")
            try:
                await asyncio.wait_for(self._news.wait(), timeout=min(left, 0.5))
            except TimeoutError:
                continue

    async def _on_message(self, event: events.NewMessage.Event) -> None:
        self._remember(Seen("message", event.chat_id, time.monotonic(), event.raw_text))

    async def _on_update(self, update: types.TypeUpdate) -> None:
        if isinstance(update, types.UpdateUserTyping):
            self._remember(Seen("typing", update.user_id, time.monotonic()))
        elif isinstance(update.peer, types.PeerUser):
            self._remember(Seen("read", update.peer.user_id, time.monotonic()))

    def _remember(self, seen: Seen) -> None:
        self.seen.append(seen)
        self._news.set()


@asynccontextmanager
async def phone(telegram: Json, user_id: int) -> AsyncIterator[Phone]:
    """Log a person of the world in by phone code. `telegram` is what `python -m sandbox serve` tells of itself."""
    person = next(person for person in telegram["people"] if person["id"] == user_id)
    session = MemorySession()
    session.set_dc(telegram["dc_id"], telegram["host"], telegram["port"])
    rsa.add_key(telegram["public_key"], old=False)
    client = TelegramClient(session, telegram["api_id"], telegram["api_hash"])
    device = Phone(client, person["name"])
    await client.connect()
    try:
        await client.send_code_request(person["phone"])
        await client.sign_in(person["phone"], telegram["login_code"])
        await client.get_dialogs()
        yield device
    finally:
        await client.disconnect()
