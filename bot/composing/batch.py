"""Several replies to one prompt, sampled side by side: each step reads one token of every reply that still goes on.

The prompt is read once, and all replies are sequences that begin with it. It knows token ids, and what ends a reply;
of words it knows nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from bot.composing.context import Context, Logits, Placed
from bot.composing.prefix_cache import PrefixCache
from bot.composing.sampler import Sampler, log_likelihoods

MOST = 6
"""Replies at once. On two cores a step takes 13 ms for one of SmolLM2-135M, and 44 ms for six."""
PROMPT, BLANK, FIRST = 0, 1, 2
"""Sequences: the prompt at hand, the one without its conversation, and the first reply."""
ASKED = 96
"""Tokens of replies that are scored at once: what is kept of each is as long as the vocabulary."""


@dataclass(slots=True)
class Spoken:
    """A reply as it grows."""

    ids: list[int] = field(default_factory=list)
    """The token that ends it among them."""
    log_likelihoods: list[float] = field(default_factory=list)
    """Of each of them, before temperature."""
    unprompted: list[float] = field(default_factory=list)
    """The same where the model does not know the conversation."""
    finished: bool = False
    """It ended by itself: neither cut off nor broken by a control token that has no place in a reply."""
    over: bool = False
    """Nothing more is sampled for it."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What a token does to a reply."""

    close: int
    """The token that ends a turn."""
    closes: Callable[[int], bool]
    """It is the end, by whatever token."""
    breaks: Callable[[int], bool]
    """It has no place in a reply."""
    most: int
    """Tokens of a reply."""


class Batch:
    """One context, whose sequences are the prompts and the replies to the one at hand."""

    def __init__(self, context: Context, ends: Ends, *, length: int) -> None:
        self._context = context
        self._ends = ends
        self._length = length
        self._cache = PrefixCache(context, PROMPT, batch=length)

    def let_go(self) -> None:
        """Erase all that was read."""
        self._cache.let_go()

    def speak(
        self, prompt: Sequence[int], count: int, sampler: Sampler, random: Random, begun: Callable[[], None]
    ) -> list[Spoken]:
        """So many replies, at most MOST; `begun` is called when the prompt was read.

        Raises:
            Aborted: cancelled before the end.
        """
        replies = [Spoken() for _ in range(count)]
        try:
            after = self._cache.read(prompt)
            begun()
            for number, reply in enumerate(replies):
                self._context.copy(PROMPT, FIRST + number)
                self._extend(reply, after, sampler, random)
            place = len(prompt)
            while on := [(number, reply) for number, reply in enumerate(replies) if not reply.over]:
                self._context.read([Placed(reply.ids[-1], place, FIRST + number, asked=True) for number, reply in on])
                for index, (_, reply) in enumerate(on):
                    self._extend(reply, self._context.logits(index), sampler, random)
                place += 1
        finally:
            self._drop(count)
        return replies

    def _extend(self, reply: Spoken, after: Logits, sampler: Sampler, random: Random) -> None:
        token = sampler.draw(after, reply.ids, self._ends.close, random)
        reply.log_likelihoods += log_likelihoods(after, [token])
        reply.ids.append(token)
        reply.finished = self._ends.closes(token)
        reply.over = reply.finished or self._ends.breaks(token) or len(reply.ids) >= self._ends.most

    def _drop(self, count: int) -> None:
        for number in range(count):
            self._context.cut(FIRST + number, 0)
        self._context.cut(BLANK, 0)

    def score(self, blank: Sequence[int], replies: Sequence[Spoken]) -> None:
        """Tell each reply how likely it would be after `blank`: the prompt at hand without its conversation.

        Raises:
            Aborted: cancelled before the end.
        """
        try:
            after = self._cache.branch(BLANK, blank)
            for reply in replies:
                reply.unprompted = log_likelihoods(after, reply.ids[:1])
            for group in _grouped(replies, min(ASKED, self._length)):
                self._score(len(blank), group)
        finally:
            self._drop(len(replies))

    def _score(self, place: int, replies: Sequence[Spoken]) -> None:
        """Read all replies but for the tokens that end them, and look what each token came after."""
        for number in range(len(replies)):
            self._context.copy(BLANK, FIRST + number)
        told = [
            (reply, token, Placed(before, place + index, FIRST + number, asked=True))
            for number, reply in enumerate(replies)
            for index, (before, token) in enumerate(pairwise(reply.ids))
        ]
        if told:
            self._context.read([placed for _, _, placed in told])
        for index, (reply, token, _) in enumerate(told):
            reply.unprompted += log_likelihoods(self._context.logits(index), [token])


def _grouped(replies: Iterable[Spoken], most: int) -> Iterator[list[Spoken]]:
    """In groups of at most so many tokens, or of one reply that is longer."""
    group: list[Spoken] = []
    for reply in replies:
        if group and sum(len(one.ids) for one in (*group, reply)) > most:
            yield group
            group = []
        group.append(reply)
    if group:
        yield group
