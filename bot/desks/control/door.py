"""Only the owner is heard, in his own chat with the bot. Everybody else is only counted."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.enums import ChatType
from aiogram.types import TelegramObject, Update

log = logging.getLogger(__name__)


class Door(BaseMiddleware):
    """Sees every update before a dispatcher does anything else with it.

    Attributes:
        ignored: how many updates of others came since the start.
    """

    def __init__(self, owner_id: int) -> None:
        self._owner_id = owner_id
        self.ignored = 0

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Let the owner's messages and presses in."""
        if isinstance(event, Update) and self._is_owner(event):
            return await handler(event, data)
        self.ignore()
        return None

    def ignore(self) -> None:
        """Count what gets no answer."""
        self.ignored += 1
        if self.ignored.bit_count() == 1:  # 1, 2, 4, 8, …: strangers cannot fill the log
            log.warning("control.ignored", extra={"count": self.ignored})

    def _is_owner(self, update: Update) -> bool:
        if message := update.message:
            sender, chat = message.from_user, message.chat
        elif (query := update.callback_query) and query.message:
            sender, chat = query.from_user, query.message.chat
        else:
            return False
        return sender is not None and sender.id == chat.id == self._owner_id and chat.type == ChatType.PRIVATE
