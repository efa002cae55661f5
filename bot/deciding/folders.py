"""The owner's folders in Telegram while the bot runs: whoever he puts into one, or takes out, counts so at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from telethon import errors, events, types

from bot.deciding.modes import Modes
from exporter.account.client import Client
from exporter.errors import ConfigError
from exporter.progress import Say
from exporter.pulling.dialogs import fetch_folders

log = logging.getLogger(__name__)


class Folders:
    """Keeps `modes` up with them. Where the configuration names none, it asks for nothing."""

    def __init__(self, client: Client, modes: Modes, owner_id: int, say: Say) -> None:
        self._client = client
        self._modes = modes
        self._owner_id = owner_id
        self._say = say
        self._changed = asyncio.Event()
        client.add_event_handler(self._hear, events.Raw((types.UpdateDialogFilter, types.UpdateDialogFilters)))

    async def look(self) -> None:
        """Take them in as they are.

        Raises:
            ConfigError: one that the configuration names is not there, or there twice; then no folder counts.
            RPCError, OSError: Telegram did not say.
        """
        if self._modes.by_folders:
            self._modes.look_into(await fetch_folders(self._client, self._owner_id))

    async def run(self, apply: Callable[[], Awaitable[None]]) -> None:
        """Look again whenever they changed, or may have, and `apply` what comes of it; for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._notice_outages())
            while True:
                await self._changed.wait()
                self._changed.clear()
                try:
                    await self.look()
                except ConfigError as error:
                    self._say(f"{error.problem}: whoever lay in your folders is left alone; {error.fix}")
                except (errors.RPCError, OSError, EOFError) as error:
                    log.warning("folders.unread", extra={"error": type(error).__name__})
                    continue  # they stay as they were; the next connection asks again
                await apply()

    async def _hear(self, _update: Any) -> None:
        self._changed.set()

    async def _notice_outages(self) -> None:
        while True:
            await self._client.link.again()
            self._changed.set()
