"""The running bot retrains itself: it syncs, trains, and tells the owner what came of it. One training at a time.

It changes nothing but which model is in use, at its very end and only if the model passes; `bot.running.promoted` then
has the bot speak with it. A desk starts, follows and cancels it.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from bot.parts import Parts
from bot.running import trainings
from bot.running.training_thread import train
from bot.sending.delivery import Overtaken, unless
from exporter.errors import DoppelgangerError
from exporter.progress import Cancelled, Report, Step
from exporter.settings.config import Config
from trainer.models.artifact import Artifact
from trainer.models.registry import verdict

NOTHING_NEW = "There is nothing new to learn: you said nothing since."
ENDED = "The training was ended before its time. I speak as before, and the next one goes on where it was."

log = logging.getLogger(__name__)

Sync = Callable[[Report], Coroutine[Any, Any, object]]
"""Brings the store up to date. Raises DoppelgangerError."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a training is."""

    running: bool = False
    step: Step | None = None
    """The latest that it told of."""
    outcome: str = ""
    """How the last one ended, in words for the owner."""


class Retraining:
    """Trains when it is told to. All of it is called on one event loop; trainings are tasks of `tasks`.

    To a desk it is a `bot.desks.orders.order.Work`.
    """

    name = "Training"

    def __init__(self, config: Config, parts: Parts, sync: Sync, tasks: asyncio.TaskGroup) -> None:
        self._config, self._parts, self._sync, self._tasks = config, parts, sync, tasks
        self._cancelled, self._ended = asyncio.Event(), asyncio.Event()
        self._followers: list[Report] = []
        self._claimed = False
        """Whether somebody follows, or is about to, who tells the owner how it ends."""
        self.state = State()

    def start(self, *, nightly: bool = False) -> bool:
        """Begin a training; False where one is under way. At night, nothing is told where there is nothing to learn."""
        if self.state.running:
            return False
        self._cancelled.clear()
        self._ended.clear()
        self._claimed = False
        self.state = State(running=True)
        self._tasks.create_task(self._run(nightly))
        return True

    def cancel(self) -> bool:
        """End the training that is under way; False where none is."""
        if not self.state.running:
            return False
        self._cancelled.set()
        return True

    def claim(self) -> bool:
        """Whether it is for the caller to `follow` it and to tell how it ended, which is for one alone."""
        claimed, self._claimed = self._claimed, True
        return not claimed

    async def follow(self, report: Report) -> str:
        """Report the steps of the training that is under way until it ended; how that was, in words for the owner."""
        self._followers.append(report)
        try:
            await self._ended.wait()
        finally:
            self._followers.remove(report)
        return self.state.outcome

    def _show(self, step: Step) -> None:
        self.state = replace(self.state, step=step)
        for report in self._followers:
            report(step)

    async def _run(self, nightly: bool) -> None:
        log.info("training.begins", extra={"nightly": nightly})
        outcome, model = await self._outcome(nightly)
        log.info("training.ended", extra={"model": model})
        if model is None:
            trainings.keep(self._parts.store.database, self._parts.clock(), outcome)
        self.state = State(outcome=outcome)
        self._ended.set()
        self._parts.say(outcome)
        if not (self._claimed or (nightly and outcome == NOTHING_NEW)):
            await self._parts.desks.tell(outcome)

    async def _outcome(self, nightly: bool) -> tuple[str, str | None]:
        """How a training ended, for the owner, and the model that came out of it; whatever breaks in it ends here."""
        try:
            await unless(self._cancelled, self._sync(self._show))
            artifact = await train(self._config, self._show, self._cancelled, only_new=nightly)
        except (Cancelled, Overtaken):
            return ENDED, None
        except DoppelgangerError as error:
            return f"I could not train: {error.problem}. To mend it: {error.fix}. I speak as before.", None
        except Exception as error:  # noqa: BLE001 - whatever breaks in a training must not break the bot
            log.error("training.broke", extra={"error": type(error).__name__, "at": _places(error)})
            return f"The training broke ({type(error).__name__}); the log says where. I speak as before.", None
        return (_told(artifact), artifact.name) if artifact else (NOTHING_NEW, None)


def _told(artifact: Artifact) -> str:
    found = verdict(artifact)
    if found.passed:
        return f"I have learned from you anew, and speak as {artifact.name} now: {found.why}."
    return f"I have learned from you anew, but speak as before, for {artifact.name} does not pass: {found.why}."


def _places(error: Exception) -> str:
    """Where it was raised; not what it says, which may be somebody's words."""
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(traceback.extract_tb(error.__traceback__)))
