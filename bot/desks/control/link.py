"""Whose the control bot is: proved once, by a code that the terminal shows and the owner's own account sends to it.

Both are needed, the code and the account that the double speaks for. It knows nothing of Telegram.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from bot.desks.places import Places
from exporter.progress import Say

log = logging.getLogger(__name__)

NAME = "control"
"""Of the desk, where cards are kept."""
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Letters and digits that nobody takes for each other."""
LENGTH = 8
"""Of a code: 30 ** 8 is more than 6 * 10 ** 11."""
LASTS = timedelta(minutes=15)
TRIES = 5
"""Codes that may be sent while one holds; the next is made once it has expired."""
START = "/start"
"""What Telegram's apps send for the button Start, with the code behind it where a link carried one."""


def linked_bot(database: Database, owner_id: int) -> int | None:
    """The id of the bot that this owner proved to be his, if there is one."""
    rows = database.table("control_link").rows_where("owner_id = ?", [owner_id])
    return next((int(row["bot_id"]) for row in rows), None)


@dataclass(slots=True)
class _Code:
    value: str
    ends_at: datetime
    tries_left: int = TRIES


class Link:
    """Of this bot to this owner; another bot, or another owner, has to be linked anew."""

    def __init__(
        self, database: Database, *, bot_id: int, owner_id: int, clock: Callable[[], datetime], say: Say
    ) -> None:
        self.owner_id = owner_id
        self._database = database
        self._table = database.table("control_link")
        self._bot_id = bot_id
        self._clock = clock
        self._say = say
        self._code: _Code | None = None
        self._username = ""

    @property
    def stands(self) -> bool:
        """Whether the owner proved it."""
        return linked_bot(self._database, self.owner_id) == self._bot_id

    def offer(self, username: str) -> None:
        """Show a code in the terminal. `username` is the bot's own."""
        self._username = username
        self._code = _Code("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)), self._clock() + LASTS)
        minutes = int(LASTS.total_seconds() // 60)
        self._say(
            f"control bot: to link it to you, send {START} {self._code.value} to @{username} from your own account"
            f" (https://t.me/{username}?start={self._code.value}); the code holds for {minutes} minutes"
        )

    def prove(self, said: str) -> bool:
        """Something that the owner's account said, where nothing is linked yet; True if it was the code.

        A code that expired is replaced in the terminal; nobody is told in the chat.
        """
        given = said.strip().removeprefix(START).strip().upper()
        code = self._code
        if code is None or code.ends_at <= self._clock():
            self.offer(self._username)
            return False
        if not given or code.tries_left == 0:
            return False
        code.tries_left -= 1
        if not secrets.compare_digest(given.encode(), code.value.encode()):
            log.warning("control.wrong_code", extra={"tries_left": code.tries_left})
            return False
        self.keep()
        return True

    def keep(self) -> None:
        """It is proved. What stands in the chat with another bot is no card of this one's."""
        row = {"bot_id": self._bot_id, "owner_id": self.owner_id, "linked_at": int(self._clock().timestamp())}
        with self._database.atomic():
            Places(self._database).forget(NAME)
            self._database.table("control_edit").delete_where()
            self._table.delete_where()
            self._table.insert(row)
        self._code = None
        log.info("control.linked", extra={"bot_id": self._bot_id})
