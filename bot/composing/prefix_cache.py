"""Prompts that were read: each chat's next one begins as its last one did, and only what is new is read.

The prompt at hand lies in the context, as a sequence of its own. Others lie beside it as bytes, up to a bound; the
least recently used go first. A prompt's beginning is found by its token ids, and what llama.cpp made of them depends
on nothing else: so no chat can show in another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.composing.context import Aborted, Context, Logits, Placed, State

ROOM = 256 << 20
"""Bytes for prompts beside the one at hand. SmolLM2-135M takes 23 kB a token, so they are some 30 chats; a model of 8
billion parameters takes 131 kB a token, and they are 5."""
WORTH = 2
"""If the next prompt begins with less than one part in so many of this one, it is another chat's: this one is kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A prompt beside the one at hand."""

    ids: tuple[int, ...]
    state: State


class PrefixCache:
    """The prompt at hand, as `sequence` of the context, and those that were at hand before."""

    def __init__(self, context: Context, sequence: int, *, batch: int, room: int = ROOM) -> None:
        self._context = context
        self._sequence = sequence
        self._batch = batch
        self._room = room
        self._ids: tuple[int, ...] = ()
        self._others: list[Kept] = []
        """The least recently used first."""

    def read(self, prompt: Sequence[int]) -> Logits:
        """Have this prompt at hand, and say what comes after it. The last token is always read.

        Raises:
            Aborted: cancelled before the end; what was at hand before still is, as far as this one begins like it.
        """
        self._choose(prompt)
        start = self._context.cut(self._sequence, min(shared(self._ids, prompt), len(prompt) - 1))
        self._ids = tuple(prompt[:start])
        try:
            for begin in range(start, len(prompt), self._batch):
                after = self._piece(self._sequence, prompt, begin)
                self._ids = tuple(prompt[: begin + self._batch])
        except Aborted:
            self._ids = self._ids[: self._context.cut(self._sequence, len(self._ids))]
            raise
        return after

    def branch(self, sequence: int, prompt: Sequence[int]) -> Logits:
        """Have another prompt as another sequence, and say what comes after it; the one at hand stays.

        Raises:
            Aborted: cancelled before the end.
        """
        self._context.copy(self._sequence, sequence)
        start = self._context.cut(sequence, min(shared(self._ids, prompt), len(prompt) - 1))
        for begin in range(start, len(prompt), self._batch):
            after = self._piece(sequence, prompt, begin)
        return after

    def _piece(self, sequence: int, prompt: Sequence[int], begin: int) -> Logits:
        """Read what of the prompt stands from `begin`, at most a batch of it."""
        end = min(begin + self._batch, len(prompt))
        self._context.read([Placed(prompt[at], at, sequence, at == end - 1) for at in range(begin, end)])
        return self._context.logits(end - begin - 1)

    def let_go(self) -> None:
        """Erase every prompt, from memory too."""
        for kept in self._others:
            kept.state.fill(0)
        self._others.clear()
        self._ids = ()
        self._context.erase()

    def _choose(self, prompt: Sequence[int]) -> None:
        """Put at hand what begins most like `prompt`, and keep what was at hand if it is another chat's."""
        best = max(self._others, key=lambda kept: shared(kept.ids, prompt), default=None)
        begins = shared(self._ids, prompt)
        better = best if best and shared(best.ids, prompt) > begins else None
        if self._ids and (better or begins * WORTH < len(self._ids)):
            self._others.append(Kept(self._ids, self._context.save(self._sequence)))
        if better:
            self._others.remove(better)
            self._ids = better.ids if self._context.load(self._sequence, better.state) else ()
            if shared(better.ids, prompt) * WORTH < len(better.ids):
                self._others.append(better)
        while sum(kept.state.nbytes for kept in self._others) > self._room:
            self._others.pop(0).state.fill(0)


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
