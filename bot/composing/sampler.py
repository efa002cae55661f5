"""How the next token is drawn from what the model finds likely. Pure but for the chance that it is given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np

from bot.composing.context import Logits


@dataclass(frozen=True, slots=True)
class Sampler:
    """How freely the model speaks, and when it stops. `bot.composing.fitting` fits all but the first two to the owner.

    What is given to the end of the turn, or taken from a token, is so in logits: 1 makes it 2.7 times as likely, before
    temperature.
    """

    temperature: float = 0.8
    """Below 1 it keeps to what is likely."""
    min_p: float = 0.05
    """A token is never drawn that is less likely than this share of the likeliest one's likelihood."""
    ending: float = 0.0
    """Given to the end of the turn."""
    growing: float = 0.0
    """Given to it besides, for each token that was said."""
    again: float = 0.0
    """Taken from a token that would make a pair of tokens of this reply stand in it once more."""

    def draw(self, logits: Logits, said: Sequence[int], close: int, random: Random) -> int:
        """One token. `said` are those of the reply so far, and `close` ends the turn."""
        logits = logits.astype(np.float64)
        logits[close] += self.ending + self.growing * len(said)
        for token in set(_followers(said)):
            logits[token] -= self.again
        logits -= logits.max()
        able = np.flatnonzero(logits >= np.log(self.min_p))
        return int(random.choices(able.tolist(), np.exp(logits[able] / self.temperature).tolist())[0])


def _followers(said: Sequence[int]) -> Iterator[int]:
    """What came after the last token where it stood before."""
    return (after for one, after in pairwise(said) if one == said[-1])


def log_likelihoods(logits: Logits, tokens: Sequence[int]) -> list[float]:
    """How likely each of these tokens is next, as natural logarithms. Takes a fraction of a millisecond."""
    top = logits.max()
    norm = top + np.log(np.exp(logits - top).sum())
    return [float(logits[token] - norm) for token in tokens]
