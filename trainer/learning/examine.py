"""What a model in training makes of a few rows: its surprise at unread words, and what it has learned by heart."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch

from trainer.data.batches import plan
from trainer.data.dataset import Dataset, Row
from trainer.learning import shards
from trainer.learning.base import Model
from trainer.learning.loss import judge, sample, words
from trainer.learning.stopping import CHECKS, SHARE, STRETCH

READING = 0.45
"""What reading a token costs, beside learning from it: a forward pass, without the two ways back."""
HELD_OUT = 0.75
"""Of what is read, the held-out part: its figure decides, and has to be the steadier one."""
LEAST = 1_500
"""Held-out tokens that are read in any case: less says more of the rows that happen to be in it than of the model."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows of every check of one training."""

    held_out: tuple[Row, ...]
    learned: tuple[Row, ...]
    frame: frozenset[int]
    """Ids of control tokens inside a reply, which are nobody's words."""


def choose(data: Dataset, *, measured: Sequence[Row], frame: frozenset[int], trained: int) -> Sample:
    """Rows for checks that cost `SHARE` of a training on `trained` tokens: evenly spread, most of them held out.

    An adapter chosen on some held-out rows looks a little better on those than it is. So the rows on which it will be
    measured are left to that, unless there are no others.
    """
    tokens = max(int(SHARE * trained / CHECKS / READING * HELD_OUT), LEAST)
    reserved = set(map(id, measured))
    others = [row for row in data.held_out if id(row) not in reserved]
    held_out = sample(others or measured, tokens=tokens)
    learned = sample(data.learned, tokens=round(tokens * (1 / HELD_OUT - 1)))
    return Sample(tuple(held_out), tuple(learned), frame)


def examine(model: Model, rows: Sample, *, batch_tokens: int) -> tuple[float, float]:
    """Bits per byte on the held-out rows, and `Check.copied`."""
    nats, usual = _read(model, rows.held_out, rows.frame, batch_tokens)
    _, learned = _read(model, rows.learned, rows.frame, batch_tokens)
    return nats / log(2) / sum(row.learned_bytes for row in rows.held_out), learned - usual


def _read(model: Model, rows: Sequence[Row], frame: frozenset[int], batch_tokens: int) -> tuple[float, float]:
    """Surprise in nats, and the share of stretches that the model would say by itself."""
    nats, there, said = 0.0, 0.0, 0.0
    for batch in plan(rows, batch_tokens=batch_tokens, epochs=1, seed=0):
        packed = words(shards.share(batch), frame, model.device)
        surprises, likeliest = shards.inside(model, judge, packed)
        nats += float(surprises.sum())
        following = packed["learned"][:, 1:]
        right = torch.zeros_like(following)
        right[following] = likeliest
        there += _stretches(following)
        said += _stretches(right)
    nats, there, said = shards.total(nats, there, said)
    return nats, said / there if there else 0.0


def _stretches(marked: torch.Tensor) -> int:
    """How many times `STRETCH` tokens in a row are marked; `marked` (bool) is (rows, tokens)."""
    if marked.shape[1] < STRETCH:
        return 0
    return int(marked.unfold(1, STRETCH, 1).all(-1).sum())
