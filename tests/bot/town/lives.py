"""The bot as a process that is killed and started again, and what each of its lives told of itself."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.bot.town.truth import Said, Truth

ROOT = Path(__file__).resolve().parents[3]
START = 300.0
"""Seconds within which a bot must be ready, however busy the machine is."""
FOUND = "sample found="


@dataclass(slots=True)
class Life:
    """One process, from its start to its end."""

    log: Path
    process: asyncio.subprocess.Process
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ready_after: float = 0.0
    """Seconds that it took to begin."""
    killed: bool = False

    def samples(self) -> list[dict[str, Any]]:
        """What it was made of, second by second."""
        lines = self.log.read_text("utf-8").splitlines()
        return [json.loads(line.partition(FOUND)[2]) for line in lines if FOUND in line]


@dataclass(slots=True)
class Lives:
    """All of them; at most one at a time."""

    config: Path
    truth: Truth
    chance: Random
    ended: list[Life] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """The first is ready."""
    _armed: Life | None = None

    def __post_init__(self) -> None:
        self.truth.on_send.append(self._strike)

    def ready(self) -> bool:
        """Whether one is there, and listens."""
        newest = self.ended[-1] if self.ended else None
        return newest is not None and newest.ready.is_set() and newest.process.returncode is None

    async def until_killed(self, seconds: float) -> None:
        """One life of so many seconds since it was ready: ended at once, or as soon as it says the next thing."""
        async with self._life() as life:
            if not await self._begun(life):
                return
            ending = asyncio.create_task(life.process.wait())
            await asyncio.wait([ending], timeout=seconds)
            if not ending.done() and self.chance.random() < 0.5:
                self._armed = life
                await asyncio.wait([ending], timeout=10)
                self._armed = None
            if not ending.done():
                self._kill(life)
            await ending
            assert life.killed, f"it ended by itself: {life.log.read_text('utf-8')[-3000:]}"

    @asynccontextmanager
    async def to_the_end(self) -> AsyncIterator[Life]:
        """A life that ends well, with the block."""
        async with AsyncExitStack() as stack:
            life = await stack.enter_async_context(self._life())
            while not await self._begun(life):
                life = await stack.enter_async_context(self._life())
            yield life
            assert life.process.returncode is None, f"it ended by itself: {life.log.read_text('utf-8')[-3000:]}"
            life.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await life.process.wait() == 0, life.log.read_text("utf-8")[-3000:]

    @asynccontextmanager
    async def _life(self) -> AsyncIterator[Life]:
        log = self.config.with_name(f"life-{len(self.ended)}.log")
        began = time.monotonic()
        self.truth.lives.append(self.truth.now())
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bot.town.mind", "run", "--config", str(self.config),
                cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        life = Life(log, process)
        self.ended.append(life)
        draining = asyncio.create_task(self._read(life, began))
        try:
            yield life
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            draining.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await draining

    async def _begun(self, life: Life) -> bool:
        """Wait until it is ready; False where Telegram refused it meanwhile, so that it has to be started again."""
        ending, ready = asyncio.create_task(life.process.wait()), asyncio.create_task(life.ready.wait())
        await asyncio.wait([ending, ready], timeout=START, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        ready.cancel()
        told = life.log.read_text("utf-8")
        assert life.ready.is_set() or ("problem: " in told and "Traceback" not in told), told[-3000:]
        if life.ready.is_set():
            self.begun.set()
        return life.ready.is_set()

    async def _read(self, life: Life, began: float) -> None:
        """Take what it prints, so that it never waits for a reader."""
        assert life.process.stdout
        async for line in life.process.stdout:
            if b" ready: " in line:
                life.ready_after = time.monotonic() - began
                life.ready.set()

    def _strike(self, said: Said) -> None:
        if self._armed:
            self._kill(self._armed)

    def _kill(self, life: Life) -> None:
        self._armed = None
        life.killed = True
        os.kill(life.process.pid, signal.SIGKILL)
