"""Waiting until somebody has finished: until they neither write nor type any more, or it takes too long.

How long they must be quiet is learned from their own pauses.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from statistics import quantiles

from bot.parts import Parts
from exporter.messages import Message, Peer

MOST = 45.0
"""Seconds after which they are answered even in the middle of a burst."""
LEARNED_FROM = 1000
"""Messages, the newest, from which the pauses within somebody's bursts are learned."""
SHORTEST, LONGEST = 4.0, 12.0
"""Seconds of quiet that end a burst: at least, and at most."""
USUAL = 8.0
"""Seconds where too little is known of somebody."""
WITHIN = 60.0
"""Seconds: a longer pause begins a new burst."""
ENOUGH = 20
"""Pauses from which one can tell."""


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


def settle_seconds(messages: Sequence[Message]) -> float:
    """The pause that nine of ten of their pauses within a burst are shorter than; `messages` are a chat's in order."""
    pauses = [
        (after.sent_at - before.sent_at).total_seconds()
        for before, after in pairwise(messages)
        if before.sender_id == after.sender_id and not after.outgoing
    ]
    within = [pause for pause in pauses if pause <= WITHIN]
    if len(within) < ENOUGH:
        return USUAL
    return min(max(quantiles(within, n=10)[-1], SHORTEST), LONGEST)
