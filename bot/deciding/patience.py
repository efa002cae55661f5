"""Waiting until somebody has finished: until they neither write nor type any more, or it takes too long."""

import asyncio
import time
from contextlib import suppress
from functools import cached_property

from bot.deciding.settling import settle_seconds
from bot.parts import Parts
from exporter.messages import Peer

MOST = 45.0
"""Seconds after which they are answered even in the middle of a burst."""
LEARNED_FROM = 1000
"""Messages, the newest, from which the pauses within somebody's bursts are learned."""


class Patience:
    """With whoever writes in one chat."""

    def __init__(self, parts: Parts, peer: Peer) -> None:
        self._parts = parts
        self._peer = peer
        self.heard_at = 0.0
        """When they said something last, on the monotonic clock."""

    def hear(self) -> None:
        """They said something."""
        self.heard_at = time.monotonic()

    async def until_quiet(self, news: asyncio.Event) -> None:
        """Until their burst is over. What is heard until then belongs to it, and is no `news` any more."""
        news.clear()
        last = time.monotonic() + MOST * self._parts.settings.pace
        while (wait := min(self._unsettled(), last - time.monotonic())) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), wait)
            news.clear()

    def _unsettled(self) -> float:
        """Seconds for which they must stay as quiet as they are now."""
        pace = self._parts.settings.pace
        typing = self._parts.presence.typing_for(self._peer.peer_id).total_seconds()
        return max(self.heard_at + self._settle * pace - time.monotonic(), typing * pace)

    @cached_property
    def _settle(self) -> float:
        """Seconds of quiet that end a burst of theirs, at the pace of life."""
        fixed = self._parts.settings.settle_seconds
        if fixed is not None:
            return fixed
        return settle_seconds(self._parts.store.recent(self._peer.peer_id, limit=LEARNED_FROM))
