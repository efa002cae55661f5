"""What must not be asked of Telegram for now: in SQLite, so that a restart changes nothing.

Stops are of one chat or of the whole account. The owner's own desk is never stopped: nobody else reads it. Waits that
Telegram asks for are kept by method, beside those of a sync. A file stops all, too: whoever can write into the state
folder can do so without this program, and only by taking the file away it ends.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.sending.refused import STOP_FILE, STOPPED, Reaction, Refused, Wait, rule
from exporter.settings.section import Contact
from exporter.settings.selection import resolve_contact
from exporter.storing.store import Store

log = logging.getLogger(__name__)

ACCOUNT = 0
"""No chat has this id: it stands for all of them."""
DAY = timedelta(days=1)
"""How long nothing is sent at all, where Telegram has had enough of the account."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One chat, or the account, to which nothing is sent."""

    chat_id: int
    """ACCOUNT for all chats."""
    code: str
    """Telegram's word for why."""
    until: datetime | None
    """None: until the owner says otherwise."""


class Stops:
    """All that is stopped. While the file `switch` is there, that is everything."""

    def __init__(self, store: Store, switch: Path, clock: Callable[[], datetime]) -> None:
        self._switch = switch
        self._state = store.state
        self._table = store.database.table("stop")
        self._clock = clock
        self.news = asyncio.Event()
        """Something was stopped of which the owner does not know yet."""

    def of(self, chat_id: int) -> Stop | None:
        """Why nothing is sent to this chat now; the account's reason before the chat's own."""
        return next(self._standing("chat_id in (?, ?)", ACCOUNT, chat_id), None)

    def check(self, method: str, chat_id: int | None) -> None:
        """Let a request pass. `chat_id` is None where nobody but the owner notices it.

        Raises:
            Wait: Telegram wants no more of this method yet.
            Refused: nothing is sent there.
        """
        until = self._state.resting(method)
        if until is not None and until > self._clock():
            raise Wait("FLOOD_WAIT", until)
        if chat_id is not None and (stop := self.of(chat_id)):
            raise Refused(stop.code)

    def heed(self, refused: Refused, method: str, chat_id: int | None) -> None:
        """Do what the table says about a refusal."""
        reaction = rule(refused.code).reaction
        log.warning("refused", extra={"code": refused.code, "method": method, "reaction": reaction})
        if reaction is Reaction.REST and isinstance(refused, Wait):
            self._state.rest(method, refused.until)
        elif reaction is Reaction.HALT:
            self._stop(ACCOUNT, refused.code, self._clock() + DAY)
        elif reaction is Reaction.LEAVE and chat_id is not None:
            self._stop(chat_id, refused.code, None)

    def stop(self, chat_id: int) -> None:
        """The owner wants nothing sent there, or to anybody where it is ACCOUNT; whichever process he tells."""
        self._stop(chat_id, STOPPED, None, told=True)

    def lift(self, chat_id: int) -> list[Stop]:
        """The owner says otherwise: what has no end of its own ends, for this chat or all; gives what goes on."""
        chats = "" if chat_id == ACCOUNT else "chat_id = :chat and "
        self._table.delete_where(f'{chats}"until" is null and code != :file', {"chat": chat_id, "file": STOP_FILE})
        return list(self._standing("chat_id in (?, ?)", ACCOUNT, chat_id))

    def all(self) -> list[Stop]:
        """Everything that is stopped now, the account first."""
        return list(self._standing("true"))

    def look(self) -> None:
        """See whether the file came or went, so that the owner is told each time it comes, over restarts, too."""
        off, known = self._switched_off(), self._table.count_where("code = ?", [STOP_FILE])
        if off and not known:
            self._stop(ACCOUNT, STOP_FILE, None)
        elif known and not off:
            self._table.delete_where("code = ?", [STOP_FILE])

    def untold(self) -> list[Stop]:
        """What the owner was not told of yet, whichever run stopped it."""
        return list(self._where("not told"))

    def told(self, stop: Stop) -> None:
        """He was told."""
        self._table.update((stop.chat_id, stop.code), {"told": True})

    def _stop(self, chat_id: int, code: str, until: datetime | None, *, told: bool = False) -> None:
        """What is stopped already stays so for longer, and is not told again."""
        told = told or any(stop.code == code for stop in self._where("chat_id = ? and told", chat_id))
        ends = None if until is None else int(until.timestamp())
        self._table.upsert({"chat_id": chat_id, "code": code, "until": ends, "told": told}, pk=("chat_id", "code"))
        self.news.set()

    def _switched_off(self) -> bool:
        """Whether the file is there; also where nobody can tell."""
        try:
            self._switch.lstat()
        except FileNotFoundError:
            return False
        except OSError as error:
            log.warning("stop_file.unreadable", extra={"error": type(error).__name__})
        return True

    def _standing(self, where: str, *values: int) -> Iterator[Stop]:
        """What holds as of now: the file itself counts, not that it was seen."""
        if self._switched_off():
            yield Stop(ACCOUNT, STOP_FILE, None)
        yield from (stop for stop in self._where(where, *values) if stop.code != STOP_FILE)

    def _where(self, where: str, *values: int) -> Iterator[Stop]:
        """Those that have not ended, the account's first."""
        now = int(self._clock().timestamp())
        where = f'({where}) and ("until" is null or "until" > ?)'
        return map(_stop, self._table.rows_where(where, [*values, now], order_by="chat_id != 0"))


def whom(store: Store, contact: Contact | None) -> tuple[int, str]:
    """A chat's id and name; without a contact, all chats, which have none.

    Raises:
        ConfigError: nobody is called so, or several are.
    """
    if contact is None:
        return ACCOUNT, ""
    peer = resolve_contact(contact, store.contacts())
    return peer.peer_id, peer.name


def _stop(row: Mapping[str, Any]) -> Stop:
    until = row["until"]
    return Stop(row["chat_id"], row["code"], None if until is None else datetime.fromtimestamp(until, UTC))
