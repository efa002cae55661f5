"""Which rows are read together, and as what tensors: rows of like length, in an order that a seed decides."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import ceil

import torch

from trainer.dataset import Row

MULTIPLE = 32
"""Rows are padded to multiples of this many tokens: every new shape costs a CPU's matrix library a compilation."""

Batch = tuple[Row, ...]


def plan(rows: Sequence[Row], *, batch_tokens: int, epochs: float, seed: int) -> list[Batch]:
    """All batches of a training, in order; each holds at most `batch_tokens` tokens, padding included.

    A pure function of its arguments, so that a resumed training goes on where it stopped.
    """
    shuffled = random.Random(seed)  # noqa: S311 - an order, not a secret
    rounds = [_epoch(rows, batch_tokens, shuffled) for _ in range(ceil(epochs))]
    planned = [batch for batches in rounds for batch in batches]
    return planned[: max(round(epochs * len(rounds[0])), 1)]


def _epoch(rows: Sequence[Row], batch_tokens: int, shuffled: random.Random) -> list[Batch]:
    buckets: dict[int, list[Row]] = defaultdict(list)
    for row in shuffled.sample(rows, len(rows)):
        buckets[padded(row)].append(row)
    batches = [batch for width, bucket in buckets.items() for batch in _cut(bucket, batch_tokens // width)]
    shuffled.shuffle(batches)
    return batches


def _cut(bucket: list[Row], size: int) -> Iterator[Batch]:
    step = max(size, 1)
    return (tuple(bucket[start : start + step]) for start in range(0, len(bucket), step))


def tokens_of(batches: Sequence[Batch]) -> int:
    """Tokens in all of them, padding left out."""
    return sum(len(row.ids) for batch in batches for row in batch)


def padded(row: Row) -> int:
    """Tokens of the row once it is padded."""
    return -(-len(row.ids) // MULTIPLE) * MULTIPLE


def collate(batch: Batch) -> dict[str, torch.Tensor]:
    """A batch as tensors of shape (rows, tokens): `input_ids`, and `learned`, true where the loss counts a token.

    Padding stands on the right, where causal attention keeps it out of every learned token's sight; so there is no
    attention mask.
    """
    width = max(map(padded, batch))
    ids = torch.zeros((len(batch), width), dtype=torch.long)
    learned = torch.zeros((len(batch), width), dtype=torch.bool)
    for line, row in enumerate(batch):
        ids[line, : len(row.ids)] = torch.tensor(row.ids)
        learned[line, : len(row.ids)] = torch.tensor(row.learned)
    return {"input_ids": ids, "learned": learned}
