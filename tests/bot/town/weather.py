"""What goes wrong on the way, at random: lines that break, answers that get lost, waits that Telegram asks for."""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

from sandbox.server import Sandbox

METHODS = ("messages.sendMessage", "messages.getHistory", "messages.setTyping", "messages.readHistory",
           "messages.editMessage", "messages.getPeerDialogs", "updates.getDifference", "*")  # fmt: skip
SEND = "messages.sendMessage"
SPARED = 0.9
"""Of faults while nobody is there to meet them: they would all wait for the next start."""


class Weather:
    """Over one sandbox."""

    def __init__(self, sandbox: Sandbox, chance: Random) -> None:
        self._sandbox, self._chance = sandbox, chance
        self._faults = sandbox.world.faults
        self.met: Counter[str] = Counter()
        """How often each kind of fault was let loose."""
        self._kinds: list[Callable[[], None]] = [
            self._drop, self._cut_before, self._cut_after, self._cut_after, self._flood, self._slow_mode, self._trouble,
            self._delay, self._lose, self._twice, self._late, self._forget, self._latency, self._silence, self._freeze,
        ]  # fmt: skip

    async def run(self, every: float, ready: Callable[[], bool]) -> None:
        """One fault in so many seconds while the bot is `ready`, and some while it starts; for ever."""
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / every))
            if not ready() and self._chance.random() < SPARED:
                continue
            kind = self._chance.choice(self._kinds)
            kind()
            self.met[kind.__name__.removeprefix("_")] += 1

    def clear(self) -> None:
        """The sun comes out; who is connected looks again."""
        self._faults.clear()
        self._sandbox.drop_connections()

    def _method(self) -> str:
        return self._chance.choice(METHODS)

    def _drop(self) -> None:
        self._sandbox.drop_connections()

    def _cut_before(self) -> None:
        self._sandbox.world.fault(self._method(), drop="before")

    def _cut_after(self) -> None:
        self._sandbox.world.fault(self._chance.choice((SEND, SEND, self._method())), drop="after")

    def _flood(self) -> None:
        seconds = self._chance.randint(1, 3)
        self._sandbox.world.fault(self._chance.choice(METHODS[:4]), error=(420, f"FLOOD_WAIT_{seconds}"))

    def _slow_mode(self) -> None:
        self._sandbox.world.fault(SEND, error=(420, f"SLOWMODE_WAIT_{self._chance.randint(1, 3)}"))

    def _trouble(self) -> None:
        self._sandbox.world.fault(self._method(), error=(500, "RPC_CALL_FAIL"))

    def _delay(self) -> None:
        self._sandbox.world.fault(self._method(), delay=self._chance.uniform(0, 2))

    def _lose(self) -> None:
        self._faults.lose_updates += self._chance.randint(1, 5)

    def _twice(self) -> None:
        self._faults.duplicate_updates += self._chance.randint(1, 5)

    def _late(self) -> None:
        self._faults.reorder_updates += self._chance.randint(1, 3)

    def _forget(self) -> None:
        """Too much was missed to be told."""
        world = self._sandbox.world
        self._sandbox.drop_connections()
        world.box(world.owner).forget()

    def _latency(self) -> None:
        self._faults.latency = self._chance.choice((0.02, 0.1, 0.3))
        asyncio.get_running_loop().call_later(self._chance.uniform(1, 10), self._hurry)

    def _hurry(self) -> None:
        self._faults.latency = 0.0

    def _silence(self) -> None:
        self._faults.silent_stream = True
        asyncio.get_running_loop().call_later(self._chance.uniform(0.5, 5), self._speak)

    def _speak(self) -> None:
        self._faults.silent_stream = False

    def _freeze(self) -> None:
        self._sandbox.freeze()
        asyncio.get_running_loop().call_later(self._chance.uniform(0.2, 2), self._sandbox.thaw)
