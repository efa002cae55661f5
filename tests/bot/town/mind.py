"""`python -m bot run` for a soak: what the model says is marked, it takes its time now and then, and the process tells
once a second what it is made of.

The real engine reads each prompt and says what a tiny model has to say. Then other words take the place of these: which
reply it is, to which message, and the word of the chat that the prompt came from.
"""

import asyncio
import faulthandler
import json
import logging
import os
import resource
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

from bot import app, conversation
from bot.app import run as run_bot
from bot.composing import batch, voice
from bot.composing.engine import Reply, open_double
from bot.composing.prefix_cache import PrefixCache
from bot.desks import desk
from bot.running import resume
from exporter.cli import run
from exporter.progress import Say
from exporter.settings.config import Config
from tests.bot.bigram import vocabulary
from tests.bot.town.marks import ASKED, WORD

SLOW = 0.02
"""So many replies take longer, up to `SLOWEST` seconds."""
SLOWEST = 3.0
EVERY = 1.0
QUIET = 5.0
"""Seconds after which nothing is kept in mind of a chat here, so that all of it comes and goes often."""
ROOM = 4 << 20
"""Bytes for prompts beside the one at hand here: so few that a soak of minutes fills them."""
log = logging.getLogger("bot.soak")


class Marked:
    """An engine whose replies can be told apart."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._llama = vocabulary()
        self._chance = SystemRandom()
        self._made = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def replies(self, prompt: Sequence[int], blank: Sequence[int], *, count: int) -> Sequence[Reply]:
        """The engine's, with other words."""
        replies = await self._engine.replies(prompt, blank, count=count)
        if self._chance.random() < SLOW:
            await asyncio.sleep(self._chance.uniform(0, SLOWEST))
        read = self._llama.detokenize(list(prompt), special=True).decode("utf-8", "replace")
        return [replace(reply, texts=self._words(read)) for reply in replies]

    def _words(self, read: str) -> tuple[str, ...]:
        words, asked = sorted(set(WORD.findall(read))), ASKED.findall(read)
        self._made += 1
        mark = f"{' '.join(words)} g{os.getpid()}-{self._made} re{asked[-1] if asked else 0}"
        return tuple(f"{mark} {part}" for part in ("well", "and", "so")[: self._chance.randint(1, 3)])


def sample() -> dict[str, Any]:
    """What this process is made of."""
    tasks = Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks())
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    files = len(list(Path("/proc/self/fd").iterdir()))
    seconds = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "rss_mb": pages * resource.getpagesize() / 1e6,
        "files": files,
        "cpu": seconds.ru_utime + seconds.ru_stime,
        "tasks": dict(tasks),
    }


async def tell() -> None:
    """Once a second, for ever."""
    while True:
        log.info("sample", extra={"found": json.dumps(sample())})
        await asyncio.sleep(EVERY)


@contextmanager
def marked(*given: Any, **more: Any) -> Iterator[Marked]:
    """Stands for `bot.composing.engine.open_double`."""
    with open_double(*given, **more) as engine:
        yield Marked(engine)


async def observed(config: Config, say: Say) -> None:
    """Stands for `bot.app.run`."""
    telling = asyncio.create_task(tell())
    try:
        await run_bot(config, say)
    finally:
        telling.cancel()


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)  # where every thread is, where it does not end
    voice.open_double, app.run = marked, observed
    conversation.QUIET, batch.PrefixCache = QUIET, partial(PrefixCache, room=ROOM)
    desk.AGAIN = resume.AGAIN = 2.0  # what could not be done when it was due is tried again sooner
    run("bot.commands")
