"""Which rows are read together, in an order that a seed decides, and as what tensors: end to end, without padding.

Rows that lie end to end do not see each other: trainer.learning.loss counts their positions anew,
trainer.learning.fast their attention.
"""

import random
from collections.abc import Sequence
from math import ceil
from typing import TypedDict

import torch

from trainer.data.dataset import Row

MULTIPLE = 8
"""Rows are filled up to multiples of this many tokens: every new shape costs a CPU's matrix library a compilation."""

NEARBY = 64
"""Rows among which those are looked for that fill a batch: more would waste less, but sort rows by their length."""

Batch = tuple[Row, ...]


class Packed(TypedDict):
    """A batch as tensors: all its rows end to end, in one line of tokens."""

    input_ids: torch.Tensor
    """Shape (1, tokens)."""
    learned: torch.Tensor
    """True where the loss counts a token; the same shape."""
    lengths: tuple[int, ...]
    """Tokens of each row, what fills it up included."""


def plan(rows: Sequence[Row], *, batch_tokens: int, epochs: float, seed: int) -> list[Batch]:
    """All batches of a training, in order; each holds at most `batch_tokens` tokens, or as many as the longest row.

    That row needs the memory of its length in any case, and batches of one size are what is compiled for. A pure
    function of its arguments, so that a resumed training goes on where it stopped.
    """
    shuffled = random.Random(seed)  # noqa: S311 - an order, not a secret
    most = max([batch_tokens, *map(padded, rows)])
    rounds = [_epoch(rows, most, shuffled) for _ in range(ceil(epochs))]
    planned = [batch for batches in rounds for batch in batches]
    return planned[: max(round(epochs * len(rounds[0])), 1)]


def joined(batches: Sequence[Batch], count: int) -> list[Batch]:
    """Each `count` batches that follow each other as one; the last may be of fewer."""
    return [tuple(row for one in batches[at : at + count] for row in one) for at in range(0, len(batches), count)]


def _epoch(rows: Sequence[Row], batch_tokens: int, shuffled: random.Random) -> list[Batch]:
    order = shuffled.sample(rows, len(rows))
    batches: list[Batch] = []
    left: Batch = ()
    for start in range(0, len(order), NEARBY):
        *full, left = _filled((*left, *order[start : start + NEARBY]), batch_tokens)
        batches += full
    if left:
        batches.append(left)
    shuffled.shuffle(batches)
    return batches


def _filled(rows: Sequence[Row], batch_tokens: int) -> list[Batch]:
    """The longest rows first, each into the first batch that has room for it; the emptiest batch comes last."""
    batches: list[list[Row]] = []
    room: list[int] = []
    for row in sorted(rows, key=padded, reverse=True):
        index = next((index for index, left in enumerate(room) if left >= padded(row)), len(batches))
        if index == len(batches):
            batches.append([])
            room.append(batch_tokens)
        batches[index].append(row)
        room[index] -= padded(row)
    return [tuple(batches[index]) for index in sorted(range(len(batches)), key=room.__getitem__)]


def tokens_of(batches: Sequence[Batch]) -> int:
    """Tokens in all of them, padding left out."""
    return sum(len(row.ids) for batch in batches for row in batch)


def learned_of(batches: Sequence[Batch]) -> int:
    """Tokens in all of them that the loss counts; one at least, to divide by."""
    return max(sum(sum(row.learned) for batch in batches for row in batch), 1)


def padded(row: Row) -> int:
    """Tokens of the row once it is filled up."""
    return -(-len(row.ids) // MULTIPLE) * MULTIPLE


def collate(batch: Batch, device: torch.device | str = "cpu", *, filled: int | None = None) -> Packed:
    """The batch as tensors on `device`, of `filled` tokens where that is given.

    What fills a row up stands at its end, where causal attention keeps it out of sight; what fills the batch up is a
    row of its own, in which nothing is learned.
    """
    lengths = tuple(map(padded, batch))
    if filled and (left := filled - sum(lengths)) > 0:
        lengths += (left,)
    ids = torch.zeros((1, sum(lengths)), dtype=torch.long)
    learned = torch.zeros((1, sum(lengths)), dtype=torch.bool)
    start = 0
    for row, length in zip(batch, lengths, strict=False):
        ids[0, start : start + len(row.ids)] = torch.tensor(row.ids)
        learned[0, start : start + len(row.ids)] = torch.tensor(row.learned)
        start += length
    return Packed(input_ids=ids.to(device), learned=learned.to(device), lengths=lengths)
