"""Passes made at the same time, each by a thread of its own with its share of the cores.

A CPU's matrix library splits every product over all cores and waits for the slowest; for matrices as small as those of
a small base, half of the second core is lost so. Two threads with a pass each wait for one another once a step.
Compiled code must let go of the interpreter while it computes (`eight.speed_up` has it generated so).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import TypeVar

import torch

from trainer.machine import give_back

TIDIED = 8
"""Steps after which freed memory is given back: SmolLM2-135M then grows to 2.5 GB in four minutes, and not to 3.3."""

T = TypeVar("T")
Slopes = list[torch.Tensor]


class Hands:
    """Threads that live as long as this does: what matrix libraries keep for a thread is of use again."""

    def __init__(self, count: int) -> None:
        self._count, self._steps = count, 0
        each = max(torch.get_num_threads() // count, 1)
        self._pool = ThreadPoolExecutor(count, "pass", initializer=torch.set_num_threads, initargs=(each,))

    def slopes(
        self, loss: Callable[[T], torch.Tensor], parts: Sequence[T], weights: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Leave the slopes of the sum of all losses at `weights`, which must have none, and return that sum.

        What is added to what depends on the order of `parts` alone, so that a step gives the same again, to the bit.
        """

        def share(own: Sequence[T]) -> tuple[torch.Tensor, Slopes]:
            total, slopes = torch.zeros(()), Slopes()
            for part in own:
                found = loss(part)
                each = torch.autograd.grad(found, weights, materialize_grads=True)
                slopes = [one.add_(other) for one, other in zip(slopes, each, strict=True)] if slopes else list(each)
                total += found.detach()
            return total, slopes

        shares = [parts[first :: self._count] for first in range(min(self._count, len(parts)))]
        totals, slopes = zip(*self._pool.map(share, shares), strict=True)
        self._steps += 1
        if self._steps % TIDIED == 0:
            give_back()
        for weight, first, *others in zip(weights, *slopes, strict=True):
            weight.grad = reduce(torch.Tensor.add_, others, first)
        return torch.stack(totals).sum()
