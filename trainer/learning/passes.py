"""The slopes of one update, in as many passes through the model as memory asks for; the sum is the same.

It knows what to give up when memory runs out, and in which order: what costs least comes first.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size

from exporter.errors import DoppelgangerError
from trainer import ranks
from trainer.data.batches import Batch, collate, learned_of, padded
from trainer.data.dataset import Row
from trainer.learning import shards
from trainer.learning.base import Model, causal, learning
from trainer.learning.hands import Hands
from trainer.learning.loss import surprise

UNBOUNDED = sys.maxsize
"""More tokens than any batch has."""

LEAST_LENGTH = 128
"""Tokens below which rows are not cut: a header and a few turns."""

log = logging.getLogger(__name__)


class NoMemory(DoppelgangerError):
    """Not even the smallest pass fits."""


@contextmanager
def explained() -> Iterator[None]:
    """Tell in words that memory ran out where doing less at once is no help: in loading, or in the optimizer.

    AdamW takes what it keeps at the first step, when the activations are gone already; fewer tokens leave it no more.

    Raises:
        NoMemory: it did.
    """
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)):
            raise
        raise NoMemory(
            "memory ran out where reading less at once is no help: for the weights, or for what the optimizer keeps, "
            "8 bytes for each that learns",
            fix='end other programs, set a lower [train] rank or method = "qlora", or choose a smaller base',
        ) from error


@dataclass(frozen=True, slots=True)
class Room:
    """How much is done at once."""

    tokens: int = UNBOUNDED
    """Of one pass, at most; one row may have more."""
    length: int = UNBOUNDED
    """Tokens of one row, at most. What stands behind them is not learned."""
    checkpointing: bool | None = None
    """Whether activations are computed a second time instead of kept. None: not yet, but it may come to that."""

    filled: int | None = None
    """Tokens that each pass is filled up to, for code that reads one shape; None: as many as its rows have."""
    hands: int = 1
    """Passes that are made at the same time; what each finds is an update of its own."""

    def less(self, batch: Batch) -> "Room":
        """The next smaller one, in which the batch needs less memory.

        More passes cost nothing that is learned and hardly any time, computing activations twice costs a third more
        time, and shorter rows cost words: so in this order.

        Raises:
            NoMemory: there is none.
        """
        sizes = [padded(row) for row in self.cut(batch)]
        if max(sizes) < sum(sizes) and max(sizes) < self.tokens:
            return replace(self, tokens=max(max(sizes), min(self.tokens, sum(sizes)) // 2))
        if self.checkpointing is None:
            return replace(self, checkpointing=True)
        if max(sizes) > LEAST_LENGTH:
            return replace(self, length=max(LEAST_LENGTH, max(sizes) // 2))
        raise NoMemory(
            f"there is too little memory to train this base, even with rows of {LEAST_LENGTH} tokens, one at a time",
            fix='end other programs, choose a smaller [train] base, or set method = "qlora"',
        )

    def passes(self, batch: Batch) -> Iterator[Batch]:
        """The batch, cut into what is read at once; rows with nothing to learn are left out."""
        part: list[Row] = []
        for row in self.cut(batch):
            if part and sum(map(padded, part)) + padded(row) > self.tokens:
                yield tuple(part)
                part = []
            part.append(row)
        if part:
            yield tuple(part)

    def cut(self, batch: Batch) -> Batch:
        """The beginnings of its rows, where something is learned in them; one of them in any case."""
        rows = [shortened(row, self.length) for row in batch]
        return tuple(row for row in rows if any(row.learned)) or tuple(rows[:1])


AMPLE = Room()
"""Each batch is one pass."""


class Passes:
    """Makes the slopes of a model, batch by batch, and does less at once from then on when memory runs out."""

    def __init__(self, model: Model, room: Room, *, autocast: bool = False) -> None:
        self._model, self._autocast = model, autocast
        self._hands = Hands(room.hands) if room.hands > 1 else None
        self.room = room
        self._obey()

    def learn(self, batch: Batch, update: Callable[[], None]) -> torch.Tensor:
        """Leave the slopes of the batch's mean loss at the weights (they must have none), and return that loss.

        Where passes are made at the same time, those of the last: `update` is called with the slopes of each other.

        Of many processes each returns its part of the loss; their mean is the loss, as the mean of slopes is the slope.

        Raises:
            NoMemory: the smallest pass does not fit, or the only one, for processes in step cannot try again.
        """
        while True:
            with suppress(torch.OutOfMemoryError):  # out of its frames, which hold what fills the memory
                return self._attempt(batch, update)
            if ranks.count() > 1:
                raise NoMemory(
                    f"a GPU has too little memory for its {ranks.count()}th of a step",
                    fix="set a smaller [train] batch_tokens or length, or start more processes on more GPUs",
                )
            self._model.zero_grad(set_to_none=True)
            self.room = self.room.less(batch)
            self._obey()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            log.warning("train.less_at_once", extra={"tokens": self.room.tokens, "length": self.room.length})

    def _attempt(self, batch: Batch, update: Callable[[], None]) -> torch.Tensor:
        parts = list(self.room.passes(shards.share(batch)))
        if self._hands:
            return self._hands.learn(self._loss, parts, learning(self._model), update)
        learned, total = learned_of([self.room.cut(batch)]), torch.zeros((), device=self._model.device)
        for part in parts:
            loss = self._loss(part, learned)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _loss(self, part: Batch, learned: int) -> torch.Tensor:
        """The part's share in the mean over `learned` tokens."""
        with torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._autocast):
            packed = collate(part, self._model.device, filled=self.room.filled)
            return shards.inside(self._model, surprise, packed).sum() * ranks.count() / learned

    def _obey(self) -> None:
        if self.room.checkpointing:
            language: Any = causal(self._model)
            language.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def shortened(row: Row, length: int) -> Row:
    """The beginning of a row; the row itself if it is no longer than that."""
    return row if len(row.ids) <= length else replace(row, ids=row.ids[:length], learned=row.learned[:length])
