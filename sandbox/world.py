"""A made-up Telegram: who is there, what they said to each other, and who is told of it. No protocol in it.

Whoever serves a protocol subscribes to boxes and calls the same verbs that a test calls: say, edit, delete, read, type.
This module has what is about no message: presence, presses of buttons, faults, and worlds from exports.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from sandbox.errors import Refused
from sandbox.events import Answer, Pressed, Status
from sandbox.export import load_export
from sandbox.faults import Call, Fault, Faults
from sandbox.forums import Forums
from sandbox.values import Message, User

API_ID = 12345
API_HASH = "0123456789abcdef0123456789abcdef"
DC_ID = 2
"""Number of the one data centre."""
LOGIN_CODE = str(DC_ID) * 5
"""The code that reaches every phone, as on Telegram's own test servers: the DC's number five times."""


class World(Forums):
    """People, bots, groups, their conversations and boxes.

    Args:
        clock: gives seconds since 1970, for messages without a date.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self.faults = Faults()
        self.online: set[int] = set()
        """Ids of those who came and did not go; nothing is told of those who did neither."""
        self._queries = itertools.count(1)
        self._presses: dict[int, asyncio.Future[Answer]] = {}

    @classmethod
    def load(cls, path: Path | str, owner: str | None = None) -> Self:
        """A world from a Telegram Desktop export; `owner` ("user123") where the file does not say whose it is.

        Raises:
            SandboxError: no export, or nobody knows its owner.
        """
        world = cls()
        load_export(world, Path(path), owner)
        return world

    def come_online(self, user: User, online: bool = True, *, origin: object = None) -> None:
        """Everyone who talks with the person, and his own other devices, see him come or go."""
        (self.online.add if online else self.online.discard)(user.id)
        self.box(user).tell(Status(user, online), origin)
        for key in self.box(user).conversations:
            if key > 0 and key != user.id:
                self.box(self.users[key]).tell(Status(user, online), origin)

    async def press(self, user: User, message: Message, data: str | bytes, *, timeout: float = 10) -> Answer:  # noqa: ASYNC109
        """Press the button with this data; gives what the bot answered.

        Raises:
            Refused: no such button, or the bot did not answer in time.
        """
        wanted = data.encode() if isinstance(data, str) else data
        if not any(button.data.encode() == wanted for row in message.keyboard for button in row):
            raise Refused(400, "DATA_INVALID")
        query_id = next(self._queries)
        answered = self._presses[query_id] = asyncio.get_running_loop().create_future()
        self.box(message.sender).tell(Pressed(query_id, user, message, wanted), None)
        try:
            return await asyncio.wait_for(answered, timeout)
        except TimeoutError:
            raise Refused(400, "BOT_RESPONSE_TIMEOUT") from None
        finally:
            del self._presses[query_id]

    def answer(self, query_id: int, answer: Answer) -> None:
        """A bot answers a press.

        Raises:
            Refused: nobody waits for it any more.
        """
        waiting = self._presses.get(query_id)
        if waiting is None or waiting.done():
            raise Refused(400, "QUERY_ID_INVALID")
        waiting.set_result(answer)

    def fault(self, method: str, **what: Any) -> None:
        """Let a method (or "*") go wrong; `what` as `Fault` has it: `error=(420, "FLOOD_WAIT_7")`, `after=2`, …"""
        self.faults.add(Fault(method, **what))

    @property
    def calls(self) -> list[Call]:
        """Every method that anyone called, in order."""
        return self.faults.calls
