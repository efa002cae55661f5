"""How the next token is drawn from what the model finds likely. Pure but for the chance that it is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from bot.composing.context import Logits


@dataclass(frozen=True, slots=True)
class Sampler:
    """How freely the model speaks."""

    temperature: float = 0.8
    """Below 1 it keeps to what is likely."""
    min_p: float = 0.05
    """A token is never drawn that is less likely than this share of the likeliest one's likelihood."""

    def draw(self, logits: Logits, random: Random) -> int:
        """One token."""
        top = float(logits.max())
        able = np.flatnonzero(logits >= top + np.log(self.min_p))
        weights = np.exp((logits[able].astype(np.float64) - top) / self.temperature)
        return int(random.choices(able.tolist(), weights.tolist())[0])


def log_likelihoods(logits: Logits, tokens: Sequence[int]) -> list[float]:
    """How likely each of these tokens is next, as natural logarithms. Takes a fraction of a millisecond."""
    top = logits.max()
    norm = top + np.log(np.exp(logits - top).sum())
    return [float(logits[token] - norm) for token in tokens]
