"""Which of several replies is the best: the one that this conversation calls for, and no other. Pure.

What is likeliest is what fits everywhere ("ok", "haha yes"). So a reply is worth more the more of its likelihood it
owes to the conversation (maximum mutual information: Li et al., 2016, arxiv.org/abs/1510.03055), and less where it
repeats what was just said.

Measured at 90 held-out moments of the sandbox's cast, SmolLM2-135M. Among nine others of the owner's own replies, as
long and to something else, his real one came first by chance in 10 %, by likelihood alone in 14 % [8, 22], and by the
worth below in 28 % [19, 37]. The best of six sampled replies is hardly nearer to his real one than the first: chrF at
the same length +0.008 [-0.003, +0.021], words in common +0.009 [-0.012, +0.030]; such a model rarely says it at all.
"""

import math
from collections.abc import Callable, Iterable, Sequence

from bot.composing.engine import Reply
from trainer.reading.dialogue import Turn

ANTI = 0.9
"""How much the likelihood without the conversation counts against a reply. The real one came first in 14 % at 0, in
22 % at 0.5, in 28 % at 0.9, in 24 % at 1 and in 14 % at 1.25."""
LENGTH = 0.5
"""Sums are divided by the number of tokens to this power. At 1 the short ones win, at 0 the long ones; here the best of
twelve had nearly the owner's own lengths (median 10.5 tokens, 90th percentile 20; he: 10 and 22)."""
COPY = 3.0
"""What a reply loses that is copied from beginning to end; most of twelve lie within twice that. A judgement, not
measured: the model above copies hardly anything."""
SPAN = 4
"""So many words in a row are a copy; fewer are said twice by everybody."""


def best_first(
    replies: Iterable[Reply], said: Iterable[Turn], cost: Callable[[tuple[str, ...]], float] = lambda _: 0.0
) -> list[Reply]:
    """The replies, the best one first; equals stay in order. `said` is the conversation that the prompt shows.

    `cost` is what a burst loses besides, for what gives a machine away; see `bot.composing.tells`.
    """
    spans = {span for turn in said for span in _spans(turn.texts)}
    return sorted(
        replies, key=lambda reply: worth(reply) - COPY * _copied(reply, spans) - cost(reply.texts), reverse=True
    )


def worth(reply: Reply) -> float:
    """Of a finished reply: log p(reply | conversation) - ANTI log p(reply), by its tokens to the power LENGTH."""
    gained = math.log(reply.likelihood) - ANTI * math.log(reply.unprompted)
    return gained * math.pow(reply.tokens, 1 - LENGTH)


def _copied(reply: Reply, spans: set[tuple[str, ...]]) -> float:
    """Which share of its spans stands in the conversation."""
    own = _spans(reply.texts)
    return sum(span in spans for span in own) / len(own) if own else 0.0


def _spans(texts: Sequence[str]) -> list[tuple[str, ...]]:
    every = [text.casefold().split() for text in texts]
    return [tuple(words[at : at + SPAN]) for words in every for at in range(len(words) - SPAN + 1)]
