"""Telethon's client with what it leaves out: requests that end, a connection that is watched, differences kept whole.

It hangs on what Telethon gives in public only: how a request is called, and the class of a connection. There is no
public sign of a reconnection, but each one opens a connection and each loss closes one. Only what must not be sent by
itself goes past Telethon's calls, and is taken out of its queues. It stores nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from telethon import TelegramClient, errors, utils
from telethon.network import ConnectionTcpFull
from telethon.tl.types import updates

ANSWER_WITHIN = 60.0
"""Seconds for the answer to a request. Telethon would wait for ever, also where nothing comes back any more."""
SILENCE = 90.0
"""Seconds without a byte after which a connection counts as dead: Telethon pings once a minute."""

_DIFFERENCES = (updates.Difference, updates.DifferenceSlice, updates.ChannelDifference)
_TOO_LONG = (updates.DifferenceTooLong, updates.ChannelDifferenceTooLong)


class Link:
    """Whether the account is connected, as its socket shows it."""

    def __init__(self) -> None:
        self._patience: asyncio.Timeout | None = None
        self.lost_at: datetime | None = None
        """Since when it is not connected; None while it is."""
        self.made = 0
        """How many connections there were."""
        self.connected = asyncio.Event()
        self.lost = asyncio.Event()

    def up(self) -> None:
        """A connection stands."""
        self.made += 1
        self.lost_at = None
        self.connected.set()
        self.lost.clear()

    def down(self) -> None:
        """It does not stand any more."""
        if self.connected.is_set():
            self.lost_at = datetime.now(UTC)
            self.connected.clear()
            self.lost.set()

    async def again(self) -> None:
        """Until it is lost, and stands again."""
        await self.lost.wait()
        await self.connected.wait()

    def listening(self) -> asyncio.Timeout:
        """Seconds for the next bytes, as a block; in it, `cut` ends the connection."""
        self._patience = asyncio.timeout(SILENCE)
        return self._patience

    def cut(self) -> None:
        """End the connection, so that Telethon makes a new one."""
        if self._patience and self.connected.is_set():
            self._patience.reschedule(0)


class NotConnected(ConnectionError):
    """There is no connection on which a request could be sent."""


class Client(TelegramClient):  # type: ignore[misc]
    """The account's client. It takes Telethon's options."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.link = Link()
        self.on_difference: list[Callable[[Any], None]] = []
        """Each is given every answer about missed updates, whole. Telethon itself passes on its new messages alone, not
        its edits, deletions and read marks, and nothing at all where too much was missed."""
        self.refused: errors.RPCError | None = None
        """Telegram's last word on why it does not accept the account. Telethon itself asks for what it missed now and
        then, and disconnects over such an answer."""
        super().__init__(*args, connection=_watched(self.link), **options)

    async def __call__(self, request: Any, *args: Any, **options: Any) -> Any:
        """Send a request.

        Raises:
            TimeoutError: it is not answered. Whether it was carried out, nobody knows.
        """
        answer = await self._answer(super().__call__(request, *args, **options))
        if isinstance(answer, (*_DIFFERENCES, *_TOO_LONG)):
            for hear in self.on_difference:
                hear(answer)
        return answer

    async def once(self, request: Any) -> Any:
        """Send a request that is never sent again by itself: neither after a reconnection nor once nobody waits for it.

        What Telegram says comes out at once. In calls, lists of one among them, Telethon 1.45 sleeps two seconds over
        trouble of the server's, and takes RANDOM_ID_DUPLICATE for such.

        Raises:
            NotConnected: the connection is down. It was not sent.
            ConnectionError: the connection was lost. Whether it was carried out, nobody knows.
            TimeoutError: it is not answered, as in any other call.
        """
        if not self.link.connected.is_set():
            raise NotConnected
        await request.resolve(self, utils)
        answer = asyncio.ensure_future(self._answer(self._sender.send(request)))
        lost = asyncio.ensure_future(self.link.lost.wait())
        try:
            await asyncio.wait({answer, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ConnectionError("the connection was lost")
            return answer.result()
        finally:
            answer.cancel()
            lost.cancel()
            await asyncio.wait({answer, lost})
            self._take_back()

    async def _answer(self, asking: Awaitable[Any]) -> Any:
        """What comes of it in time. Why Telegram does not accept the account is kept in mind."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await asking
        except (errors.UnauthorizedError, errors.AuthKeyError) as error:
            self.refused = error
            raise

    def _take_back(self) -> None:
        """Telethon would send after a reconnection, however much later, also what nobody waits for any more."""
        queue, pending = self._sender._send_queue, self._sender._pending_state
        queue._deque = deque(state for state in queue._deque if not state.future.cancelled())
        for message_id in [message_id for message_id, state in pending.items() if state.future.cancelled()]:
            del pending[message_id]


def is_too_long(difference: Any) -> bool:
    """Whether Telegram only says that too much was missed, and not what."""
    return isinstance(difference, _TOO_LONG)


def _watched(link: Link) -> type[Any]:
    """A class of connections that tell `link` how they are. Telethon makes them, one for each try to connect."""

    class Watched(ConnectionTcpFull):  # type: ignore[misc]
        async def connect(self, *args: Any, **options: Any) -> None:
            await super().connect(*args, **options)
            link.up()

        async def disconnect(self) -> None:
            link.down()
            await super().disconnect()

        async def recv(self) -> bytes:
            async with link.listening():  # a TimeoutError is an OSError: to Telethon, the connection broke
                packet: bytes = await super().recv()
                return packet

    return Watched
