"""A training inside the running bot, on a thread of its own: what it may take, and how it ends early.

This is the only place of the bot that loads torch, and it does so when the first training begins. It knows nothing of
who asked for it.
"""

import asyncio
import gc
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from exporter.progress import Report, Step, cancellable, seldom
from exporter.rights.consent import Ledger
from exporter.settings.config import Config
from exporter.storing.store import Store, open_store
from trainer.commands.extra import loaded
from trainer.models.artifact import Artifact
from trainer.models.registry import current
from trainer.reading.conversations import learnable

NICENESS = 19
"""Of the thread that trains, and of those that it starts: a processor is theirs while nobody else wants it."""


async def train(config: Config, report: Report, cancelled: asyncio.Event, *, only_new: bool) -> Artifact | None:
    """Refresh the model in use, or train a whole one where there is no way on from it; None: nothing new was said.

    With `only_new` a whole one is trained only if the owner said something since the model in use was made.
    `report` is called on the event loop. The event ends it within a step, and so does cancelling this call, which
    returns once the thread is done.

    Raises:
        Cancelled: the event came. What was learned up to the last checkpoint is kept for the next call.
        DoppelgangerError: as `trainer.pipeline.go_on` and `run` do, or torch is not installed.
    """
    loop, ended = asyncio.get_running_loop(), threading.Event()

    def tell(step: Step) -> None:
        loop.call_soon_threadsafe(report, step)

    heard = cancellable(seldom(tell), lambda: ended.is_set() or cancelled.is_set())
    with ThreadPoolExecutor(1, thread_name_prefix="training", initializer=_step_back) as thread:
        working = loop.run_in_executor(thread, _train, config, heard, only_new)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            ended.set()
            await asyncio.wait([working])
            raise


def _step_back() -> None:
    """Give this thread, before torch starts threads of its own from it, the last place in line.

    Linux counts niceness by thread. Elsewhere it is the whole process's, so there all threads stay as they are.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _train(config: Config, report: Report, only_new: bool) -> Artifact | None:
    """On the thread: SQLite's connections and torch's settings are a thread's own."""
    report(Step("libraries", 0, 1, "loading torch"))
    pipeline, refresh, meter = map(loaded, ("trainer.pipeline", "trainer.models.refresh", "trainer.learning.meter"))
    report(Step("libraries", 1, 1))
    try:
        with open_store(config.database) as store:
            try:
                artifact: Artifact | None = pipeline.go_on(config, store, report=report)
            except refresh.CannotContinue:
                new = not only_new or _said_since(config, store)
                artifact = pipeline.run(config, store, report=report) if new else None
            return artifact
    finally:
        gc.collect()  # a model is a circle of references, and large
        meter.give_back()


def _said_since(config: Config, store: Store) -> bool:
    """Whether the owner said something in the chats that are learned from since the model in use was made."""
    made = current(config.models).card.created
    chats = learnable(store, Ledger(store.database, config.consent))
    return any(message.outgoing for chat in chats for message in store.messages(chat.peer_id, since=made))
