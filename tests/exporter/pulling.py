"""Syncs over a Telegram of our own, and what to ask of the world and the store afterwards."""

from collections.abc import Callable
from typing import Any

from exporter.account.connection import connect
from exporter.progress import Step, silent
from exporter.pulling.plan import Options
from exporter.pulling.sync import ALL, SyncResult, sync
from exporter.rights.consent import Ledger
from exporter.settings.config import Config, Sync
from exporter.storing.store import Store
from sandbox.values import Peer
from sandbox.world import World
from tests.sandbox_fixtures import agreed

EVERYBODY = Sync(kinds=frozenset({"private", "group"}), requests_per_second=0)


async def pull(
    config: Config,
    store: Store,
    options: Options = ALL,
    *,
    choice: Sync = EVERYBODY,
    ledger: Ledger | None = None,
    report: Callable[[Step], None] = silent,
) -> SyncResult:
    """Sync what is chosen, over a connection of its own; without a ledger, everybody agrees."""
    async with connect(config) as client:
        return await sync(client, store, choice, ledger or agreed(store), options, report=report)


def requests(world: World, method: str = "messages.getHistory") -> list[Any]:
    """What was asked for by one method."""
    return [call.request for call in world.calls if call.method == method]


def texts(store: Store, chat: Peer) -> list[str]:
    """What stands in a chat, oldest first."""
    return [message.text for message in store.messages(chat.key)]
