"""Fitting the sampler to the owner: replies as long as his, and no more repetition in them than in his.

A small model that hears itself drifts: it ends its turns as often as he where it reads his words, and later where it
reads its own. So replies are sampled at moments that it has not learned from, and the end of the turn is given what is
missing to his lengths, from the first token on and with each further one: too long a tail is not cured by ending
everything early. It knows a speaker, prompts and the form of replies.

SmolLM2-135M on the sandbox's cast, fitted at 24 held-out moments and measured at 22 others: before, replies had a
median of 13 tokens, a 90th percentile of 31, and 3.9 % of their pairs of words twice; after it 9, 19 and none. The
owner's: 8.5, 22 and none.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.composing.batch import MOST
from bot.composing.engine import Reply, Speaker
from bot.composing.sampler import Sampler
from bot.desks.drafts import Burst
from exporter.errors import DoppelgangerError

ROUNDS = 3
"""So often replies are sampled, and the sampler is brought nearer."""
BUDGET = 120.0
"""Seconds that all of them may take."""
STEP = 2.0
"""What is taken from repetitions more, after each round in which there are more of them than the owner's."""
STEADY = 3.0
"""How sure it is, before anything is seen, that the model's lengths are the owner's: as so many observations."""
LONGEST = 100
"""Tokens, up to which the ends of turns are compared; what is longer is too rare."""


@dataclass(frozen=True, slots=True)
class Form:
    """What replies look like, sampled ones or the owner's."""

    lengths: tuple[int, ...]
    """In tokens, with what ends each."""
    repeated: float
    """Share of the pairs of words that stood in their reply already."""


def form(bursts: Sequence[Burst], lengths: Sequence[int]) -> Form:
    """The form of these bursts."""
    pairs = [list(pairwise(" ".join(burst).casefold().split())) for burst in bursts]
    every = sum(map(len, pairs))
    return Form(tuple(lengths), sum(len(one) - len(set(one)) for one in pairs) / every if every else 0.0)


class TooSlow(DoppelgangerError):
    """The model would take longer to fit than its owner wants to wait."""


async def fit(
    speaker: Speaker, prompts: Sequence[Sequence[int]], owner: Form, *, clock: Callable[[], float] = time.monotonic
) -> Sampler:
    """A sampler with which the model's replies to these prompts have the form of the owner's; the speaker has it then.

    Raises:
        TooSlow: it would take more than BUDGET. The speaker is left as it was.
    """
    before, began = speaker.sampler, clock()
    try:
        for number in range(ROUNDS):
            found: list[Reply] = []
            for done, prompt in enumerate(prompts, number * len(prompts) + 1):
                found += await speaker.replies(prompt, (), count=MOST)
                if (clock() - began) * ROUNDS * len(prompts) > BUDGET * done:
                    raise TooSlow("the model is too slow to be fitted to your lengths", fix="a smaller one is faster")
            heard = form([one.texts for one in found], [one.tokens for one in found])
            speaker.sampler = nearer(speaker.sampler, heard, owner)
    except BaseException:
        speaker.sampler = before
        raise
    return speaker.sampler


def nearer(sampler: Sampler, found: Form, owner: Form) -> Sampler:
    """The sampler, changed by what `found`, which it brought forth, differs from the owner's form."""
    ending, growing = drift(found.lengths, owner.lengths)
    return replace(
        sampler,
        ending=sampler.ending + sampler.temperature * ending,
        growing=sampler.growing + sampler.temperature * growing,
        again=sampler.again + STEP * (found.repeated > owner.repeated),
    )


def drift(found: Sequence[int], owner: Sequence[int]) -> tuple[float, float]:
    """How much more often the owner ends a turn, in log odds: at its first token, and more with each further one.

    A logistic regression over all tokens of all replies, found by Newton's method: the log odds that a reply ends are a
    line in its length for `found`, and another for the owner.
    """
    at = np.arange(LONGEST, dtype=np.float64)
    ends, open_ = (np.concatenate(both) for both in zip(_ends(found), _ends(owner), strict=True))
    scale = at / LONGEST
    mine = np.stack([np.ones_like(at), scale, np.zeros_like(at), np.zeros_like(at)], 1)
    his = np.stack([np.ones_like(at), scale, np.ones_like(at), scale], 1)
    known = np.concatenate([mine, his])
    steady = np.diag([1e-6, 1e-6, STEADY, STEADY / LONGEST])
    weights = np.zeros(4)
    for _ in range(50):
        share = 1 / (1 + np.exp(-known @ weights))
        slope = known.T @ (ends - open_ * share) - steady @ weights
        curve = (known * (open_ * share * (1 - share))[:, None]).T @ known + steady
        weights += np.linalg.solve(curve, slope)
    return float(weights[2]), float(weights[3] / LONGEST)


def _ends(lengths: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each number of tokens said: how many replies end with the next one, and how many had come so far."""
    ends = np.bincount([length - 1 for length in lengths if length <= LONGEST], minlength=LONGEST).astype(np.float64)
    return ends, np.array([sum(length > place for length in lengths) for place in range(LONGEST)], np.float64)
