"""One way of pulling, in a process of its own: how long it took, how busy it was, how much memory it needed."""

import asyncio
import multiprocessing
import os
import resource
import selectors
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import telethon

import exporter
from benchmarks.local import pin
from benchmarks.sampling import sampled
from benchmarks.ways import WAYS, Pulled
from exporter.account.connection import connect
from exporter.errors import DoppelgangerError
from exporter.settings.config import Config

TELL_EVERY = 0.2
"""Seconds between two words on how far it is."""
WAITING = "waiting for Telegram"
_EXPORTER, _TELETHON = Path(exporter.__file__).parent, Path(telethon.__file__).parent
ROOMS = {
    selectors.__file__: WAITING,
    f"{_TELETHON}/sessions/": "Telethon's session file",
    f"{_TELETHON}/": "Telethon: decrypting and parsing",
    f"{_EXPORTER}/account/translate.py": "translating",
    f"{_EXPORTER}/account/richtext.py": "translating",
    f"{_EXPORTER}/storing/": "writing",
    f"{_EXPORTER}/rights/consent.py": "asking for consent",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    way: str
    messages: int
    seconds: float
    requests: int | None
    """To Telegram, where the way counts them."""
    busy: float
    """Seconds that the process kept its core busy, starting and connecting left out."""
    peak: float
    """Most memory that the process ever had, in MB (RSS)."""
    stages: dict[str, float]
    """Stage -> seconds."""

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


def measure(way: str, config: Config, database: Path, *, core: int, advance: Callable[[int], None]) -> Measured:
    """Run a way with an empty database.

    Raises:
        DoppelgangerError: it failed; its traceback went to stderr.
    """
    context = multiprocessing.get_context("forkserver")  # modules are loaded once, by nobody who is measured
    context.set_forkserver_preload([__name__])
    heard, told = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(way, config, database, told))
    process.start()
    told.close()
    try:
        pin(process.pid or 0, core)
        while not isinstance(said := heard.recv(), Measured):
            advance(said)
    except EOFError:
        raise DoppelgangerError(f"{way} did not come to its end", fix="see above what it says") from None
    finally:
        process.kill()
        process.join()
    return said


def _run(way: str, config: Config, database: Path, told: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    os.umask(0o077)
    told.send(asyncio.run(_measured(way, config, database, told)))


async def _measured(way: str, config: Config, database: Path, told: Connection) -> Measured:
    last = time.monotonic()

    def advance(messages: int) -> None:
        nonlocal last
        if time.monotonic() - last > TELL_EVERY:
            last = time.monotonic()
            told.send(messages)

    async with connect(config) as client:
        busy = time.process_time()
        with sampled(ROOMS) as stages:
            pulled: Pulled = await WAYS[way](client, config, database, advance)
        busy = time.process_time() - busy
    return Measured(way, pulled.messages, pulled.seconds, pulled.requests, busy, peak(), dict(stages))


def peak() -> float:
    """Most memory that this process ever had, in MB (RSS)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
