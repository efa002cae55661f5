"""Somebody who listens to an account that is kept current, with short periods."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from exporter.account.connection import connect
from exporter.following.live import Live
from exporter.following.reconcile import PATIENCE
from exporter.following.running import one_problem
from exporter.messages import Message
from exporter.pulling.sync import sync
from exporter.settings.config import Config, Sync
from exporter.storing.store import Store
from tests.sandbox_fixtures import agreed

PERIOD = 0.05
"""Seconds between two rounds of the reconciler."""


@dataclass
class Listener:
    """Writes down what it is told."""

    told: list[tuple[str, bool]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """What was told to be deleted."""
    lines: list[str] = field(default_factory=list)

    def hear(self, message: Message, is_new: bool) -> None:
        if message.deleted_at:
            self.gone.append(message.text)
        else:
            self.told.append((message.text, is_new))

    async def hears(self, *told: tuple[str, bool]) -> None:
        """Wait until something was told, then a little for what must not come."""
        await until(lambda: len(self.told) >= len(told))
        await asyncio.sleep(2 * PERIOD)
        assert self.told == list(told)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - told by Telethon's own tasks
            await asyncio.sleep(0.005)


@asynccontextmanager
async def following(
    config: Config,
    store: Store,
    listener: Listener,
    *,
    synced: bool = True,
    patience: timedelta = PATIENCE,
    **choice: object,
) -> AsyncIterator[Live]:
    """The account, kept current after a sync of what is chosen; what ends it comes out of the block.

    Everybody agrees until the ledger says otherwise.
    """
    chosen = Sync(**{"reconcile_seconds": PERIOD, "requests_per_second": 0, **choice})
    with one_problem():
        async with connect(config, lasting=True) as client:
            client._sender._delay = 0.01  # between tries to connect; a second otherwise
            if synced:
                await sync(client, store, chosen, agreed(store))
            async with asyncio.TaskGroup() as tasks:
                tell, say = listener.hear, listener.lines.append
                live = Live(client, store, chosen, agreed(store), on_message=tell, say=say, patience=patience)
                running = tasks.create_task(live.run())
                yield live
                running.cancel()


def news(count: int) -> list[tuple[str, bool]]:
    """What a listener is told of so many new messages."""
    return [(f"news {number}", True) for number in range(count)]
