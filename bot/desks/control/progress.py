"""A message that shows how a training goes: changed every few seconds at most, and only if it says something new."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.desks.control import curve
from bot.desks.orders.order import Answer, Work
from bot.sending.refused import Lost, Refused
from exporter.progress import Step

log = logging.getLogger(__name__)

EVERY = 4.0
"""Seconds between two changes of the message: Telegram wants no more than some twenty a minute in one chat."""
CELLS = 12
"""Of a bar."""


class Board:
    """All stages with how far each is, and the figures of a training. Steps may come from any thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stages: dict[str, Step] = {}
        self.points: list[Step] = []
        """The steps that told of a loss."""

    def __call__(self, step: Step) -> None:
        """Take a step in."""
        self._stages[step.stage] = step
        if step.loss is not None:
            self.points.append(step)

    @property
    def text(self) -> str:
        """What the message says."""
        lines = [self._name]
        for step in dict(self._stages).values():
            if step.share >= 1.0:
                lines.append(f"✓ {step.stage}")
            else:
                full = int(step.share * CELLS)
                lines.append(f"{step.stage} {'▓' * full}{'░' * (CELLS - full)} {step.share:.0%}")
                lines += [step.note] if step.note else []
        return "\n".join(lines)


async def follow(work: Work, show: Callable[[str], Awaitable[None]]) -> Answer:
    """Show the work's steps until it ended; what is to be told then, with the curves of its losses.

    `show` changes the message, and may raise Lost or Refused: then it stays as it is until the next change.
    """
    board = Board(work.name)
    following = asyncio.ensure_future(work.follow(board))
    shown = ""
    try:
        while not (await asyncio.wait({following}, timeout=EVERY))[0]:
            if board.text != shown:
                shown = board.text
                await _try(show, shown)
        outcome = following.result()
    finally:
        following.cancel()
    await _try(show, board.text)
    return Answer(outcome, await asyncio.to_thread(curve.png, board.points))


async def _try(show: Callable[[str], Awaitable[None]], text: str) -> None:
    try:
        await show(text)
    except (Lost, Refused) as error:
        log.info("live.unseen", extra={"error": str(error) or type(error).__name__})
