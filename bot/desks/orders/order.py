"""What a command of the owner's is, how it is written, and what comes of it, whichever desk he writes it at.

The desk makes sure that it is he who writes, and shows the answer to him alone. `bot.desks.orders.menu` lists the
commands; what each does stands in a module of its own.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from exporter.errors import DoppelgangerError
from exporter.progress import Report

log = logging.getLogger(__name__)

SIGN = "/"
"""A message that begins with it is a command."""
STOP = "stop"
"""The command that stops all sending; see `is_stop`."""
LATE = "I was not there when you wrote this, and left it undone; write it again if you still want it."


class Work(Protocol):
    """What goes on after the answer to a command, whether a desk follows it or not: a training."""

    name: str
    """At the head of the message that shows how it goes."""

    async def follow(self, report: Report) -> str:
        """Report its steps, from any thread, until it ended; how that was, in words for the owner.

        Whoever stops listening does not stop the work.
        """
        ...

    def cancel(self) -> bool:
        """Ask for its end, of which whoever follows is told as of any other; False where it has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a desk shows the owner."""

    text: str
    picture: bytes | None = None
    """A PNG for a desk that can show one; the text says the same without it."""
    work: Work | None = None
    """What was begun, for a desk to follow."""


@dataclass(frozen=True, slots=True)
class Order:
    """One command."""

    name: str
    words: str
    """What may stand behind it, as a grammar writes it: `[CONTACT]`; empty where nothing may."""
    what: str
    """What it is good for, in a line."""
    obey: Callable[[str], Awaitable[Answer]]
    """Is given what stands behind it. A DoppelgangerError of its own says what is unclear; nothing was changed then."""

    @property
    def usage(self) -> str:
        """How it is written."""
        return f"{SIGN}{self.name} {self.words}".rstrip()


class Orders:
    """All commands, in the order in which a menu shows them."""

    def __init__(self, orders: Iterable[Order]) -> None:
        self.menu = tuple(orders)

    async def obey(self, said: str) -> Answer:
        """Do what a message that begins with `SIGN` asks for. Whatever is unclear changes nothing, and is told so."""
        name, words = parse(said)
        if name == "help":
            return Answer(self.help)
        order = next((one for one in self.menu if one.name == name), None)
        log.info("order", extra={"order": order.name if order else "unknown"})
        if order is None:
            return Answer(f"There is no command {SIGN}{name}. I did nothing.\n\n{self.help}")
        if words and not order.words:
            return Answer(f"Nothing may stand behind {order.usage}. I did nothing.")
        try:
            return await order.obey(words)
        except DoppelgangerError as error:
            return Answer(f"I did nothing: {error.problem}.\n{error.fix}\n\n{order.usage}: {order.what}")

    @property
    def help(self) -> str:
        """The grammar of all commands."""
        return "\n".join(f"{order.usage}: {order.what}" for order in self.menu)


def is_stop(said: str) -> bool:
    """Whether it is the command that is obeyed wherever and however late it is written."""
    return said.startswith(SIGN) and parse(said)[0] == STOP


def parse(said: str) -> tuple[str, str]:
    """The name of a command, and what stands behind it. Telegram's apps may write it as /name@bot."""
    name, *words = said.strip().removeprefix(SIGN).split(maxsplit=1)[:2] or [""]
    return name.partition("@")[0].casefold(), words[0] if words else ""
