"""Passes made at the same time, each by a thread of its own with its share of the cores.

A CPU's matrix library splits every product over all cores and waits for the slowest; for matrices as small as those of
a small base, half of the second core is lost so. Two threads with a pass each wait for one another once a step.
Compiled code must let go of the interpreter while it computes (`compiling.speed_up` has it generated so).

What each of them found is an update of its own, one after the other, though all were found at the weights before the
first (a staleness of one: Ho and others, Stale Synchronous Parallel, NeurIPS 2013). Twice as many updates learn more
than half as many of twice the size: one person's held-out words took 1.474 bits per byte instead of 1.489 after 90,000
tokens.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from trainer.data.batches import Batch, learned_of
from trainer.learning.meter import give_back

TIDIED = 5
"""Steps after which freed memory is given back. Four minutes with SmolLM2-135M took 4.4 GB without that."""

Loss = Callable[[Batch, int], torch.Tensor]
"""Of a pass: its share in the mean over so many learned tokens."""


class Hands:
    """Threads that live as long as this does: what matrix libraries keep for a thread is of use again."""

    def __init__(self, count: int) -> None:
        self._count, self._steps = count, 0
        each = max(torch.get_num_threads() // count, 1)
        self._pool = ThreadPoolExecutor(count, "pass", initializer=torch.set_num_threads, initargs=(each,))

    def learn(
        self, loss: Loss, parts: Sequence[Batch], weights: Sequence[torch.Tensor], update: Callable[[], None]
    ) -> torch.Tensor:
        """Leave the slopes of each hand's mean loss at `weights`, one after the other; return the mean of these losses.

        `update` is called between two of them, and has to leave none at the weights. What comes of it depends on the
        order of `parts` alone, so that a step gives the same again, to the bit.
        """

        def share(own: Sequence[Batch]) -> tuple[torch.Tensor, list[torch.Tensor]]:
            learned, total = learned_of(own), torch.zeros(())
            slopes = [torch.zeros_like(weight) for weight in weights]
            for part in own:
                found = loss(part, learned)
                each = torch.autograd.grad(found, weights, materialize_grads=True)
                slopes = [one.add_(other) for one, other in zip(slopes, each, strict=True)]
                total += found.detach()
            return total, slopes

        shares = [parts[first :: self._count] for first in range(min(self._count, len(parts)))]
        found = list(self._pool.map(share, shares))
        self._steps += 1
        if self._steps % TIDIED == 0:
            give_back()
        for number, (_, slopes) in enumerate(found):
            if number:
                update()
            for weight, slope in zip(weights, slopes, strict=True):
                weight.grad = slope
        return torch.stack([total for total, _ in found]).mean()
