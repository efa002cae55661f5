"""What one bot has not confirmed yet, and the poll that waits for more."""

import asyncio
import itertools
from collections import deque
from collections.abc import Collection
from contextlib import suppress

from aiogram.types import Update
from aiogram.types.base import TelegramObject

from sandbox.errors import Refused

CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


class Updates:
    """A queue that keeps an update until a later offset confirms it."""

    def __init__(self) -> None:
        self._pending: deque[Update] = deque()
        self._allowed: frozenset[str] = frozenset()
        self._next_id = itertools.count(1)
        self._waiting: asyncio.Future[None] | None = None
        """Of the poll that waits or last waited; it only wakes, what counts is the queue."""

    def __len__(self) -> int:
        return len(self._pending)

    def push(self, kind: str, content: TelegramObject) -> None:
        """Add an update, unless the bot does not want this kind, and wake the poll that waits."""
        if self._allowed and kind not in self._allowed:
            return
        self._pending.append(Update.model_validate({"update_id": next(self._next_id), kind: content}))
        self.wake()

    def allow(self, kinds: Collection[str]) -> None:
        """Of what comes from now on, keep these kinds only; all of them for none."""
        self._allowed = frozenset(kinds)

    def confirm(self, offset: int) -> None:
        """Forget updates before this one; a negative offset counts from the end."""
        first = offset if offset >= 0 or not self._pending else self._pending[-1].update_id + 1 + offset
        while self._pending and self._pending[0].update_id < first:
            self._pending.popleft()

    def clear(self) -> None:
        """Forget everything."""
        self._pending.clear()

    def wake(self) -> None:
        """Let the poll that waits return with what there is."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def poll(self, *, limit: int, timeout: float) -> list[Update]:  # noqa: ASYNC109  (the protocol's own)
        """The oldest updates; where there are none, wait for one up to `timeout` seconds.

        As at Telegram, a new poll ends one that waits: two programs on one token disturb each other at once.

        Raises:
            Refused: 409, another poll came.
        """
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Refused(409, CONFLICT))
        if not self._pending and timeout > 0:
            waiting = self._waiting = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await waiting
        return list(itertools.islice(self._pending, limit))
