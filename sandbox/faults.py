"""What goes wrong on purpose, and a list of everything that was asked.

Both faces of the sandbox put every call through `Faults.meet` before they run it. Names are those of the protocols:
`messages.sendMessage`, `bot.sendMessage` for the Bot API, `*` for all. What is no call's own fault, a slow or frozen
network and pushes that get lost, is MTProto's alone.
"""

import asyncio
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

Drop = Literal["before", "after"]
"""Cut the connection before the method runs, or after it ran, so that its reply is lost."""
Reply = Literal["never", "corrupt", "truncated", "damaged"]
"""The method runs, but its reply never comes, is of no type that there is, ends in its middle, or comes in a packet
that fails the client's check of its key."""
Push = Literal["lost", "twice", "late"]
"""What becomes of a push: late is after the one that follows it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One method that someone called."""

    method: str
    user_id: int | None
    """Who; None before login."""
    request: Any
    """As the protocol has it: a TL request, or the parameters of a Bot API method."""
    takeout: int | None = None
    """Id of the takeout that it was made in."""
    at: float = 0.0
    """When, in seconds since 1970 by the world's clock."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong with a method (or "*"), `times` times, from the call after the next `after` ones."""

    method: str
    _: KW_ONLY
    error: tuple[int, str] | None = None
    """An error code and its text; the method does not run."""
    drop: Drop | None = None
    reply: Reply | None = None
    """Of MTProto alone."""
    transport: int | None = None
    """A transport error such as 404 or 429, instead of a reply; the method does not run. Of MTProto alone."""
    delay: float = 0
    """Seconds before anything else happens."""
    after: int = 0
    times: int = 1


class Faults:
    """Faults that wait for their call, and the state of the network."""

    latency: float
    """Seconds from a request to its answer, and half of it to a push. Requests overlap, and order is kept."""
    page: int | None
    """Messages that a page of history holds at most, fewer than Telegram's own limit."""
    holes: bool
    """Pages of history tell of deleted messages, as MessageEmpty; a page may hold nothing else."""
    omitted: set[int]
    """Numbers of messages that are left out where they are asked for, though they stand."""
    silent_stream: bool
    """Requests are answered, but no push comes."""
    lose_updates: int
    """So many of the next pushes are lost: the client sees a gap."""
    duplicate_updates: int
    """So many of the next pushes come twice."""
    reorder_updates: int
    """So many of the next pushes come late, the last one first, after the one that follows them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.thawed = asyncio.Event()
        """Unset, every connection stays open, but nothing is read from it or written to it."""
        self._waiting: list[Fault] = []
        self.clear()

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()
        self.latency, self.page, self.silent_stream = 0.0, None, False
        self.holes, self.omitted = False, set()
        self.lose_updates = self.duplicate_updates = self.reorder_updates = 0
        self.thawed.set()

    def add(self, fault: Fault) -> None:
        """Let a call go wrong; of several faults that it could meet, the first one added."""
        self._waiting.append(fault)

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

    def next_push(self) -> Push | None:
        """What becomes of this push; None where all is well."""
        if self.silent_stream:
            return "lost"
        if self.lose_updates:
            self.lose_updates -= 1
            return "lost"
        if self.duplicate_updates:
            self.duplicate_updates -= 1
            return "twice"
        if self.reorder_updates:
            self.reorder_updates -= 1
            return "late"
        return None
