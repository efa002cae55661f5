"""A burst on its way into a chat: typing, sending, pausing, and stopping as soon as it no longer fits.

It knows how a person's messages arrive, and nothing of who decided to send them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from bot.sending.entries import Entry, EntryState
from bot.sending.outbox import Outbox
from bot.sending.pacing import Bubble
from bot.sending.refused import Lost, Refused, Wait

TYPE_AGAIN = 4.0
"""Seconds after which Telegram must be told again; its apps forget after six."""

T = TypeVar("T")


class Overtaken(Exception):
    """Something new was said in the chat: what is going on here no longer fits."""


class Hands(Protocol):
    """What others see of the account beside its words. Every method may raise Lost or Refused."""

    async def typing(self, chat_id: int, topic: int | None) -> None:
        """Let them see that something is being written, in a forum in this topic."""
        ...

    async def read(self, chat_id: int, message_id: int) -> None:
        """Mark their messages up to this one as read."""
        ...


async def unless(overtaken: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Do the work unless the event comes first, and even then only if it has not come meanwhile.

    Raises:
        Overtaken: it came; the work was cancelled, or its result is stale.
    """
    working = asyncio.create_task(work)
    news = asyncio.create_task(overtaken.wait())
    try:
        done, _ = await asyncio.wait({working, news}, return_when=asyncio.FIRST_COMPLETED)
        if working not in done:
            raise Overtaken
        result = working.result()
        if overtaken.is_set():
            raise Overtaken
        return result
    finally:
        working.cancel()
        news.cancel()
        await asyncio.wait({working, news})


@dataclass(frozen=True, slots=True)
class Errand:
    """What a delivery asks before every step: whether it is still right to go on."""

    overtaken: asyncio.Event
    """Set as soon as something was said that makes it unfit."""
    allowed: Callable[[], bool]
    """Whether consent, stops and, for an automatic answer, the policy allow it now."""
    deadline: datetime
    """A wait that Telegram asks for is sat through if it ends before this; else the message is given up."""

    def still(self) -> bool:
        """Whether the next message may be sent, now."""
        return not self.overtaken.is_set() and self.allowed()


class Delivery:
    """Bursts on their way into one chat, one after the other."""

    def __init__(self, outbox: Outbox, hands: Hands, clock: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._hands = hands
        self._clock = clock
        self._delivering = asyncio.Lock()

    async def deliver(self, entries: Sequence[Entry], bubbles: Sequence[Bubble], errand: Errand) -> list[Entry]:
        """Send a queued burst as a person would; gives what became of each entry that was tried.

        When it is no longer right to go on, or one message does not arrive, the rest is cancelled.
        """
        results: list[Entry] = []
        try:
            async with self._delivering:
                for entry, bubble in zip(entries, bubbles, strict=True):
                    await unless(errand.overtaken, asyncio.sleep(bubble.gap))
                    if not errand.still():
                        break
                    await self._type(entry, bubble.typing, errand.overtaken)
                    results.append(await self._send(entry, errand))
                    if results[-1].state is not EntryState.SENT:
                        break
        except Overtaken:
            pass
        finally:
            self._outbox.cancel(entries[len(results) :])
        return results

    async def done(self) -> None:
        """Until nothing is on its way."""
        async with self._delivering:
            pass

    async def _send(self, entry: Entry, errand: Errand) -> Entry:
        """Send one message, after the waits that Telegram asks for; given up where one lasts too long."""
        while True:
            try:
                return await self._outbox.send(entry, still=errand.still)
            except Wait as wait:
                if wait.until > errand.deadline:
                    return self._outbox.give_up(entry)
                seconds = (wait.until - self._clock()).total_seconds()
            await unless(errand.overtaken, asyncio.sleep(max(seconds, 0)))

    async def _type(self, entry: Entry, seconds: float, overtaken: asyncio.Event) -> None:
        """Be seen typing for so long, at least once."""
        while True:
            with suppress(Lost, Refused):  # only a courtesy: whether anything can be sent here, sending will tell
                await unless(overtaken, self._hands.typing(entry.chat_id, entry.topic))
            await unless(overtaken, asyncio.sleep(min(seconds, TYPE_AGAIN)))
            seconds -= TYPE_AGAIN
            if seconds <= 0:
                return
