"""A plan before anything is spent: what a training takes here, from two measured steps, and what is cut to make it fit.

Linux kills a process that takes more memory than there is, so on a CPU the cuts come before the first step. It knows
how to measure a step without teaching anything, and nothing of where rows come from.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch._dynamo.exc import TorchDynamoException

from exporter.progress import Say, unsaid
from exporter.settings.config import Train
from trainer.data.batches import Batch, joined, padded, plan, tokens_of
from trainer.data.dataset import Row
from trainer.learning import compiling
from trainer.learning.arithmetic import kept_bytes
from trainer.learning.base import Base, Model, causal, precision
from trainer.learning.meter import Meter
from trainer.learning.methods import in_bfloat16
from trainer.learning.passes import LEAST_LENGTH, NoMemory, Passes, Room
from trainer.learning.train import adamw, update
from trainer.shape import read_shape, shape_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a training will take."""

    tokens: int
    """Of all epochs, padding left out."""
    steps: int
    seconds: float
    warming_up: float
    """Seconds that the first step takes besides, for matrix libraries compile what they meet for the first time."""
    peak: int
    limit: int
    """Bytes that it takes at its peak, and that it may."""
    room: Room
    epochs: float
    """That are read in the time that is allowed."""
    cuts: tuple[str, ...]
    """What is given up to make it fit, in words."""


@dataclass(frozen=True, slots=True)
class _Taken:
    seconds: float
    peak: int


def require_memory(base: Base, settings: Train, limit: int) -> None:
    """Check that what learning keeps fits, before it is loaded, if the base's shape is known. Raises NoMemory."""
    shape = read_shape(base.folder)
    if shape is None:
        return
    least = kept_bytes(shape, settings.method, rank=settings.rank, frozen=precision().itemsize)
    if least > limit:
        cheaper = "" if settings.method == "qlora" else 'set [train] method = "qlora", or '
        raise NoMemory(
            f"training this base by {settings.method} takes more than {least / 1e9:.1f} GB of memory, and there are "
            f"{limit / 1e9:.1f} GB for it",
            fix=f"end other programs, {cheaper}choose a smaller base",
        )


def forecast(
    model: Model,
    rows: Sequence[Row],
    settings: Train,
    *,
    meter: Meter,
    limit: int,
    say: Say = unsaid,
    clock: Callable[[], float] = time.perf_counter,
) -> Forecast:
    """Measure a typical batch and the largest one, and cut until the largest fits into `limit` bytes.

    The largest is only tried where it should fit, by what a short row takes for each token. `model` is left as it was.

    Raises:
        NoMemory: nothing is left to be cut.
    """
    batches = sorted(plan(rows, batch_tokens=settings.batch_tokens, epochs=1, seed=settings.seed), key=_size)
    short = (min(rows, key=lambda row: abs(len(row.ids) - LEAST_LENGTH)),)
    scale = _Scale(model, meter, say, clock, autocast=in_bfloat16(settings.method))
    room = Room(checkpointing=settings.checkpointing)
    first, room = scale.weigh(short, room)
    empty = meter.held()
    least, room = scale.weigh(short, room)
    warming_up = max(first.seconds - least.seconds, 0.0)
    while True:
        largest = max(batches, key=lambda batch: (_at_once(batch, room), _size(batch)))
        each = max(least.peak - empty, 0) / _at_once(short, room)
        if empty + each * _at_once(largest, room) <= limit:
            scale.weigh(largest, room)  # its shape is met for the first time
            most, room = scale.weigh(largest, room)
            if most.peak <= limit:
                break
        room = room.less(largest)
        least, room = scale.weigh(short, room)
    typical = batches[len(batches) // 2]
    usual, room = scale.weigh(typical, room)
    rate = (_size(typical) + _size(largest)) / (usual.seconds + most.seconds)
    told = _told(rows, batches, settings, rate, room)
    return replace(told, warming_up=warming_up, peak=max(usual.peak, most.peak), limit=limit)


def compiled(
    planned: Forecast,
    model: Model,
    rows: Sequence[Row],
    settings: Train,
    *,
    meter: Meter,
    cache: Path,
    say: Say = unsaid,
) -> Forecast:
    """The plan with the model compiled, where nothing was cut, what it keeps besides fits, and it pays.

    A folder in `cache` keeps what was compiled. Where the compiler fails, plan and model are left as they were.
    """
    batches = sorted(plan(rows, batch_tokens=settings.batch_tokens, epochs=1, seed=settings.seed), key=_size)
    whole = planned.room == Room(checkpointing=settings.checkpointing) and not settings.checkpointing
    tokens = round(tokens_of(batches) * settings.epochs)
    shape = shape_of(causal(model).config)
    fits = shape is not None and planned.peak + compiling.more_bytes(shape) <= planned.limit
    if not (whole and fits and compiling.pays(model, tokens=tokens, minutes=settings.max_minutes)):
        return planned
    filled = _size(batches[-1])
    room = replace(planned.room, tokens=filled, filled=filled, hands=compiling.hands(planned.peak, planned.limit))
    steps = joined(batches, room.hands)
    typical = batches[len(batches) // 2]
    scale = _Scale(model, meter, unsaid, time.perf_counter, autocast=False)
    say("compiling, which takes up to a minute the first time")
    compiling.speed_up(model, cache)
    try:
        first, _ = scale.weigh(typical, room)
    except TorchDynamoException as error:
        compiling.slow_down(model)
        log.warning("train.not_compiled", extra={"error": type(error).__name__})
        return planned
    step = steps[len(steps) // 2]
    scale.weigh(step, room)
    usual, _ = scale.weigh(step, room)
    told = _told(rows, steps, settings, _size(step) / usual.seconds, planned.room)
    warming_up = planned.warming_up + max(first.seconds - usual.seconds, 0.0)
    return replace(told, room=room, warming_up=warming_up, peak=max(planned.peak, usual.peak), limit=planned.limit)


def _told(rows: Sequence[Row], batches: Sequence[Batch], settings: Train, rate: float, room: Room) -> Forecast:
    """What follows from so many tokens a second; of memory it tells nothing yet."""
    once = sum(map(_size, batches)) / rate
    epochs = min(settings.epochs, settings.max_minutes * 60 / once) if settings.max_minutes else settings.epochs
    return Forecast(
        tokens=round(tokens_of(batches) * epochs),
        steps=max(round(len(batches) * epochs), 1),
        seconds=once * epochs,
        warming_up=0.0,
        peak=0,
        limit=0,
        room=room,
        epochs=epochs,
        cuts=tuple(_cuts(room, epochs, rows, settings)),
    )


class _Scale:
    """Weighs steps: slopes, their norm, and an optimizer whose learning rate is zero, so that no weight changes."""

    def __init__(self, model: Model, meter: Meter, say: Say, clock: Callable[[], float], *, autocast: bool) -> None:
        self._model, self._meter, self._say, self._clock, self._autocast = model, meter, say, clock, autocast
        self._weighed = 0
        self._optimizer = adamw(model, 0.0)

    def weigh(self, batch: Batch, room: Room) -> tuple[_Taken, Room]:
        """What one step takes, and the room that it was made in: less than was given if a GPU ran out of memory."""
        self._weighed += 1
        self._say(f"measuring what a step takes: number {self._weighed}, of {_size(batch):,} tokens")
        passes = Passes(self._model, room, autocast=self._autocast)
        self._model.train()

        def update_weights() -> None:
            update(self._model, self._optimizer)

        def step() -> None:
            passes.learn(batch, update_weights)
            update_weights()
            if self._model.device.type == "cuda":
                torch.cuda.synchronize()

        began = self._clock()
        peak = self._meter.peak(step)
        return _Taken(self._clock() - began, peak), passes.room


def _size(batch: Batch) -> int:
    return sum(map(padded, batch))


def _at_once(batch: Batch, room: Room) -> int:
    """Tokens of the largest pass."""
    return max(_size(part) for part in room.passes(batch))


def _cuts(room: Room, epochs: float, rows: Sequence[Row], settings: Train) -> list[str]:
    cuts = []
    if room.tokens < settings.batch_tokens:
        cuts.append(f"a step is read in passes of {room.tokens} tokens, which changes nothing that is learned")
    if room.checkpointing and not settings.checkpointing:
        cuts.append("half of the work of a step is done twice, which takes a third more time")
    lost = sum(sum(row.learned[room.length :]) for row in rows)
    if lost:
        share = lost / sum(sum(row.learned) for row in rows)
        cuts.append(f"rows are cut at {room.length} tokens, which leaves out {share:.1%} of the learned words")
    if epochs < settings.epochs:
        cuts.append(f"{epochs:.2g} of {settings.epochs:g} epochs are read in {settings.max_minutes:g} minutes")
    return cuts
