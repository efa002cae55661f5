"""Teaching one model: it is made ready, trained on its rows, kept, and measured on what was held out.

It knows in which order that goes, and nothing of where rows come from or what is published.
"""

import logging
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from exporter.progress import PERCENT, Report, Say, Step, counting, saying, silent
from exporter.settings.config import Train
from trainer import ranks
from trainer.convert import gguf
from trainer.convert.export import LEARNED
from trainer.data.batches import joined, plan, tokens_of
from trainer.data.dataset import Dataset, Row
from trainer.learning import curves, methods, shards, train
from trainer.learning.base import Base, Model, device, quiet
from trainer.learning.examine import choose, examine
from trainer.learning.forecast import Forecast, compiled, forecast, require_memory
from trainer.learning.loss import bits_per_byte, sample
from trainer.learning.meter import Meter
from trainer.learning.passes import Room, explained
from trainer.learning.schedule import Pace
from trainer.learning.stopping import Ending
from trainer.learning.watch import Diverged
from trainer.models import refresh
from trainer.models.artifact import CURVES
from trainer.models.proof import PROVED
from trainer.run import whole

MEASURED = 6_000
"""Held-out tokens on which base and double are compared: seconds on two cores."""
CHECKPOINTS = "checkpoints"
"""The folder, inside a run, of what training goes on from."""
PARTS = "parts"
"""The folder, inside that one, of what many processes go on from: one alone cannot read it, nor the other way round."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learned by what, and how: all that a process has to know of a training."""

    base: Base
    data: Dataset
    settings: Train
    frame: frozenset[int]
    """Ids of control tokens inside a reply, which bits per byte leave out."""
    cache: Path
    """Keeps what was compiled, for the next training."""


def teach(
    task: Task, folder: Path, *, begun: refresh.Start | None, report: Report, free_space: gguf.FreeSpace
) -> dict[str, Any]:
    """Train, write `LEARNED` into `folder`, and tell what was gained and how it ended.

    Training begins at the base, or where `begun` had come to. Of many processes the first one calls this, and the
    others `follow`.
    """
    shards.tell((task, folder))
    measured = sample(task.data.held_out, tokens=MEASURED)
    model, pace, ending = _learn(task, folder, begun, measured, report, free_space)
    with whole(folder / LEARNED) as output:
        methods.keep(model, output)
    found = _gained(methods.as_published(model, task.base, folder / LEARNED), task, measured, report)
    return {**found, "ended": ending.told, "tokens_per_second": pace.tokens_per_second, "peak_rss_mb": peak_rss_mb()}


def follow() -> None:
    """Take part in what the first of many processes teaches, and say nothing.

    Raises:
        NotShared: this machine does not see the first one's folders.
        NoMemory: this GPU has too little.
    """
    with quiet(), suppress(Diverged):  # so it has in the first process, which tells of it
        while told := shards.told():
            task, folder = told
            shards.require_shared(folder)
            measured = sample(task.data.held_out, tokens=MEASURED)
            model, _, _ = _learn(task, folder, None, measured, silent, gguf.free_space)
            methods.keep(model, folder)


@explained()
def _learn(
    task: Task,
    folder: Path,
    begun: refresh.Start | None,
    measured: Sequence[Row],
    report: Report,
    free_space: gguf.FreeSpace,
) -> tuple[Model, Pace, Ending]:
    """What has learned, how fast, how it ended: in each process alike. `measured` are rows that no check may read."""
    data, settings, say = task.data, task.settings, saying(report, "train")
    model, meter, limit = _ready(task, say)
    if begun:
        refresh.begin_from(model, begun)
    room = _room(model, task, meter, limit, say)
    shards.agreed(lambda: gguf.require_space(folder, train.checkpoints_size(model), free_space))
    passes = plan(data.learned, batch_tokens=settings.batch_tokens, epochs=settings.epochs, seed=settings.seed)
    batches = joined(passes, room.hands)
    chosen = choose(data, measured=measured, frame=task.frame, trained=tokens_of(batches))
    checking = partial(examine, model, chosen, batch_tokens=settings.batch_tokens) if settings.early_stop else None
    drawn = settings.report_to if ranks.first() else "none"
    with curves.drawn(drawn, folder / CURVES, name=folder.name) as callbacks:
        pace, ending = train.fit(
            model,
            batches,
            folder / CHECKPOINTS / (PARTS if ranks.count() > 1 else ""),
            learning_rate=_rate(model, settings, begun),
            max_seconds=settings.max_minutes * 60 if settings.max_minutes else None,
            report=report,
            room=room,
            autocast=methods.in_bfloat16(settings.method),
            examine=checking,
            patience=settings.early_stop,
            callbacks=callbacks,
        )
    return model, pace, ending


def _rate(model: Model, settings: Train, begun: refresh.Start | None) -> float:
    rate = settings.learning_rate or methods.default_rate(model, settings.method)
    return rate * refresh.GENTLER if begun else rate


def _gained(double: Model, task: Task, measured: Sequence[Row], report: Report) -> dict[str, float]:
    """Bits per byte of the double, also on the rows on which its GGUF will be proved, and of its base."""
    bits = partial(bits_per_byte, frame=task.frame, batch_tokens=task.settings.batch_tokens)
    first, second, third = (
        counting(report, "measure", "batches", start=start, end=end)
        for start, end in ((0, 40), (40, 60), (60, PERCENT))
    )
    found = {
        "tuned": bits(double, measured, count=first),
        "proved": bits(double, sample(task.data.held_out, tokens=PROVED), count=second),
    }
    with methods.untuned(double, task.base) as before:
        found["base"] = bits(before, measured, count=third)
    report(Step("measure", PERCENT, PERCENT))
    return found


@explained()
def estimate(task: Task, report: Report) -> Forecast:
    """What `teach` would take on this device; the stage is called `plan`.

    Raises:
        NoMemory: there is too little for the smallest way.
    """
    say = saying(report, "plan")
    model, meter, limit = _ready(task, say)
    planned = _planned(model, task, meter, limit, say)
    report(Step("plan", PERCENT, PERCENT))
    return planned


def _planned(model: Model, task: Task, meter: Meter, limit: int, say: Say) -> Forecast:
    """The plan, and the model made ready for it."""
    planned = forecast(model, task.data.learned, task.settings, meter=meter, limit=limit, say=say)
    return compiled(planned, model, task.data.learned, task.settings, meter=meter, cache=task.cache, say=say)


def _ready(task: Task, say: Say) -> tuple[Model, Meter, int]:
    """The model that learns, the memory that it learns in, and how many bytes of that it may take."""
    base, settings = task.base, task.settings
    say(f"loading {base.size / 1e6:,.0f} MB of weights")
    meter = Meter(device())
    limit = meter.limit(settings.max_memory_gb)
    shared = ranks.count() if meter.device.type == "cuda" else 1
    shards.agreed(lambda: require_memory(base, settings, limit * shared))
    return methods.learner(base, settings.method, rank=settings.rank, seed=settings.seed), meter, limit


def _room(model: Model, task: Task, meter: Meter, limit: int, say: Say) -> Room:
    """What is done at once: on a CPU what fits, found before it is too late; a GPU says so when it does not.

    Processes in step cannot do less once it does not, so they compute activations twice unless told not to.
    """
    if ranks.count() > 1:
        return Room(checkpointing=task.settings.checkpointing is not False)
    if meter.device.type != "cpu":
        return Room(checkpointing=task.settings.checkpointing)
    planned = _planned(model, task, meter, limit, say)
    for cut in planned.cuts:
        log.warning("train.cut", extra={"cut": cut})
    return planned.room


def peak_rss_mb() -> float:
    """The most memory that this process ever held; the system counts it in bytes on a Mac, else in KiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
