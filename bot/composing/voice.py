"""Who speaks: one model at a time, exchanged for another while the bot runs, and no message is lost by it.

A prompt is one model's: how chats are read, the frame, the tokenizer and the engine go together. So whoever wants words
borrows all of that at once; a model that was replaced is closed when the last of them has given it back. It knows
nothing of chats and of Telegram.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random

from bot.composing import prefix_cache
from bot.composing.context import ModelFailed
from bot.composing.engine import Speaker, open_double
from bot.composing.samplers import Samplers
from exporter.errors import DoppelgangerError
from exporter.settings.config import Config
from exporter.storing.store import Store
from trainer.machine import free
from trainer.models.artifact import Artifact, Card
from trainer.reading.conversations import Views, views

ROOM = 1.3
"""Bytes of memory that a model may take for each of its file, beside what it keeps of prompts."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that can speak, and all that goes with it."""

    artifact: Artifact
    speaker: Speaker
    views: Views
    """How it reads chats: with the gaps that it learned."""


Open = Callable[[Artifact], AbstractContextManager[Speaker]]
"""Called on the event loop's thread, entered and left on others: loading takes seconds. Raises DoppelgangerError where
the model cannot speak, or must not."""


@dataclass(slots=True, eq=False)
class _Lent:
    loaded: Loaded
    opened: AbstractContextManager[Speaker]
    borrowers: int = 0
    failures: int = 0
    free: asyncio.Event = field(default_factory=asyncio.Event)


class Voice:
    """The model that speaks. Used from one event loop."""

    def __init__(
        self, open_: Open, read: Callable[[Card], Views], *, free_memory: Callable[[], int | None] = free
    ) -> None:
        self._open, self._read, self._free_memory = open_, read, free_memory
        self._lent: _Lent | None = None
        self._latest: Loaded | None = None
        self._there = asyncio.Event()
        self._exchanging = asyncio.Lock()

    @property
    def model(self) -> Loaded:
        """The one that speaks, or will in a moment; to look at, not to ask for words: see `borrowed`."""
        if self._latest is None:
            raise RuntimeError("no model was opened")
        return self._latest

    @property
    def failures(self) -> int:
        """How often in a row the model that speaks failed whoever borrowed it."""
        return self._lent.failures if self._lent else 0

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Loaded]:
        """The model that speaks now, which stays open until the end of the block."""
        while self._lent is None:
            await self._there.wait()
        lent = self._lent
        lent.borrowers += 1
        lent.free.clear()
        try:
            yield lent.loaded
            lent.failures = 0
        except ModelFailed:
            lent.failures += 1
            raise
        finally:
            lent.borrowers -= 1
            if not lent.borrowers:
                lent.free.set()

    async def let_go(self) -> None:
        """Keep nothing of the prompts so far."""
        async with self.borrowed() as model:
            await model.speaker.let_go()

    async def exchange(self, artifact: Artifact) -> None:
        """Speak with this model from now on; what is under way is finished by the one before.

        Where memory holds only one of them, the one before is closed first, and who wants words waits.

        Raises:
            DoppelgangerError: it cannot or must not speak. The one before speaks on.
        """
        async with self._exchanging:
            before = self._lent
            if before is None:
                await self._begin(artifact)
            elif self._fits(artifact):
                await self._begin(artifact)
                await self._end(before)
            else:
                log.info("model.closed_first", extra={"model": artifact.name})
                await self._silence(before)
                try:
                    await self._begin(artifact)
                except DoppelgangerError:
                    await self._begin(before.loaded.artifact)
                    raise

    async def close(self) -> None:
        """Close the model, once nobody has borrowed it."""
        async with self._exchanging:
            if self._lent:
                await self._silence(self._lent)

    async def _begin(self, artifact: Artifact) -> None:
        """Load a model, and lend it from then on."""
        _require_owners(artifact.card)
        opened = self._open(artifact)
        speaker = await asyncio.to_thread(opened.__enter__)
        self._latest = Loaded(artifact, speaker, self._read(artifact.card))
        self._lent = _Lent(self._latest, opened)
        self._lent.free.set()
        self._there.set()
        log.info("model.speaks", extra={"model": artifact.name})

    async def _silence(self, lent: _Lent) -> None:
        """Lend nothing, and close what was lent."""
        self._lent = None
        self._there.clear()
        await self._end(lent)

    async def _end(self, lent: _Lent) -> None:
        await lent.free.wait()
        await asyncio.to_thread(lent.opened.__exit__, None, None, None)

    def _fits(self, artifact: Artifact) -> bool:
        """Whether there is memory for this one beside the one that speaks."""
        left = self._free_memory()
        return left is None or artifact.gguf.stat().st_size * ROOM + prefix_cache.ROOM <= left


@asynccontextmanager
async def speaking(artifact: Artifact, config: Config, store: Store, *, random: Random) -> AsyncIterator[Voice]:
    """A voice that begins with this model. Raises as `Voice.exchange` does."""
    voice = Voice(
        lambda one: open_double(
            one.card,
            one.gguf,
            forgotten=store.forgotten.ids(),
            sampler=Samplers(store.database).best(one.card.sha256, config.reply.temperature),
            random=random,
        ),
        partial(reading, store, config),
    )
    await voice.exchange(artifact)
    try:
        yield voice
    finally:
        await voice.close()


def reading(store: Store, config: Config, card: Card) -> Views:
    """How a model reads the chats of a store."""
    return views(store, config, card.gaps, region=card.region, speaker=card.speaker)


def _require_owners(card: Card) -> None:
    """Check whose double a model is.

    Raises:
        DoppelgangerError: somebody else's.
    """
    if card.speaker is not None:
        raise DoppelgangerError(
            f"the model in use is the double of {card.speaker}, and must not speak for you",
            fix='promote one of yours (`python -m trainer models`), or train one with [train] learn = "owner"',
        )
