"""What goes wrong on purpose, and a list of everything that was asked.

Both faces of the sandbox put every call through `Faults.meet` before they run it. Names are those of the protocols:
`messages.sendMessage`, `bot.sendMessage` for the Bot API, `*` for all.
"""

from dataclasses import dataclass
from typing import Any, Literal

Drop = Literal["before", "after"]
"""Cut the connection before the method runs, or after it ran, so that its reply is lost."""


@dataclass(frozen=True, slots=True)
class Call:
    """One method that someone called."""

    method: str
    user_id: int | None
    """Who; None before login."""
    request: Any
    """As the protocol has it: a TL request, or the parameters of a Bot API method."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, `times` times, from the call after the next `after` ones."""

    method: str
    error: tuple[int, str] | None
    """An error code and its text; the method does not run."""
    drop: Drop | None
    delay: float
    """Seconds before anything else happens."""
    after: int
    times: int


class Faults:
    """Faults that wait for their call."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.lose_updates = 0
        """So many of the next pushes are lost: the client sees a gap."""
        self._waiting: list[Fault] = []

    def add(
        self,
        method: str,
        *,
        error: tuple[int, str] | None = None,
        drop: Drop | None = None,
        delay: float = 0,
        after: int = 0,
        times: int = 1,
    ) -> None:
        """Let a method (or "*") go wrong once `after` calls of it have passed well."""
        self._waiting.append(Fault(method, error, drop, delay, after, times))

    def meet(self, call: Call) -> Fault | None:
        """Write the call down; what goes wrong with it, if anything."""
        self.calls.append(call)
        for fault in self._waiting:
            if fault.method not in ("*", call.method):
                continue
            if fault.after:
                fault.after -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self._waiting.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()
        self.lose_updates = 0

    def loses_update(self) -> bool:
        """Whether this push is one of those to lose."""
        if self.lose_updates <= 0:
            return False
        self.lose_updates -= 1
        return True
