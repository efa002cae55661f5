"""What the owner and a contact said before: earlier exchanges that a reply may need, told again. Pure; of one chat.

An exchange that shares rare words with what is to be answered is told again just before it, in training rows as in the
bot's prompts: fine-tuning moves the voice, and this the facts. A memory is made of one chat's conversations alone, and
gives only what was over before the history that is shown, so nothing of another chat or of the future gets through it.
"""

import re
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import nsmallest
from math import log

from trainer.reading.conversations import Conversation
from trainer.reading.dialogue import Turn
from trainer.reading.marks import length
from trainer.reading.prompt import PromptSpec, Recalled, Tokenizer, recalled_cost
from trainer.reading.scripts import UNSPACED

MOST = 2
"""Exchanges that are told again at once."""
TRIED = 8
"""The best ones that are looked at for some that fit into the room."""
RARE = 0.1
"""A word that stands in a larger share of the exchanges tells nothing."""
LEAST = 2.0
"""What the words in common must tell, in nats: one that stands in every seventh exchange is as much."""
YEAR = timedelta(days=365.25)
"""What was said now counts as much as what fits twice as well from long ago; after a year, one and a half."""

_K, _B = 1.2, 0.75
"""Of Okapi BM25 (Robertson, Zaragoza: The Probabilistic Relevance Framework, 2009): its usual constants."""
_WORD = re.compile(rf"(?=({UNSPACED}{{2}}))|((?:(?!{UNSPACED})\w){{2,}})")
"""Two signs that follow each other, or a word."""
_STEM = 5
"""Letters by which words are told apart: enough, where languages inflect their ends."""


@dataclass(frozen=True, slots=True)
class Episode:
    """An exchange: what was said to the owner, and his answer."""

    turns: tuple[Turn, Turn]
    ended: datetime


class Memory:
    """The exchanges of one chat, by their words. What it recalls at a moment depends on nothing that was said later."""

    def __init__(self, conversations: Iterable[Conversation] = ()) -> None:
        self._episodes: list[Episode] = []
        self._ends: list[datetime] = []
        self._lengths = [0]
        """Words in all episodes before each, and in all of them."""
        self._found: dict[str, _Found] = {}
        for one in sorted(conversations, key=lambda one: one.began):
            self.add(one)

    def add(self, conversation: Conversation) -> None:
        """Take in a conversation that was later than all that is known; 25 exchanges take a millisecond."""
        for episode in _episodes(conversation):
            said = Counter(_words(*episode.turns))
            for word, count in said.items():
                self._found.setdefault(word, _Found()).append(len(self._episodes), count)
            self._episodes.append(episode)
            self._ends.append(episode.ended)
            self._lengths.append(self._lengths[-1] + said.total())

    def let_go(self, since: datetime) -> None:
        """Hold nothing any more that ended at that moment or later."""
        for episode in reversed(self._episodes[bisect_left(self._ends, since) :]):
            for word in set(_words(*episode.turns)):
                if not self._found[word].pop():
                    del self._found[word]
            for known in (self._episodes, self._ends, self._lengths):
                known.pop()

    def recall(
        self,
        spec: PromptSpec,
        tokenizer: Tokenizer,
        cue: Turn,
        *,
        before: datetime,
        now: datetime,
        room: int | None = None,
    ) -> tuple[Recalled, ...]:
        """The exchanges that fit best to what is to be answered, oldest first, as many as fit into `room` tokens.

        Only of those that were over before that moment, at which the history begins that is shown. Where nothing else
        is told, the room is `spec.memory_tokens`.
        """
        room, chosen = spec.memory_tokens if room is None else room, []
        for episode in self._best(cue, bisect_left(self._ends, before), now):
            told = Recalled(f"{length(now - episode.ended)} ago", episode.turns)
            if (cost := recalled_cost(spec, tokenizer, told)) <= room:
                room -= cost
                chosen.append((episode.ended, told))
            if len(chosen) == MOST:
                break
        return tuple(told for _, told in sorted(chosen, key=lambda one: one[0]))

    def _best(self, cue: Turn, known: int, now: datetime) -> list[Episode]:
        """Of the first `known` episodes those that share something rare with the cue, the best first."""
        scores: dict[int, float] = defaultdict(float)
        shared: dict[int, float] = defaultdict(float)
        for word in sorted(set(_words(cue))):
            held = self._found[word].before(known) if word in self._found else 0
            if not 0 < held <= max(RARE * known, 1):
                continue
            telling = log(1 + (known - held + 0.5) / (held + 0.5))
            for number, count in self._found[word].first(held):
                words = self._lengths[number + 1] - self._lengths[number]
                norm = _K * (1 - _B + _B * words * known / self._lengths[known])
                scores[number] += telling * count * (_K + 1) / (count + norm)
                shared[number] += telling
        fresh = {
            number: score * _freshness(now - self._ends[number])
            for number, score in scores.items()
            if shared[number] >= LEAST
        }
        return [self._episodes[number] for number in nsmallest(TRIED, fresh, key=lambda one: (-fresh[one], -one))]


class _Found:
    """In which episodes a word stands, in their order, and how often in each: 8 bytes an episode."""

    def __init__(self) -> None:
        self._where, self._counts = array("I"), array("I")

    def append(self, number: int, count: int) -> None:
        self._where.append(number)
        self._counts.append(count)

    def pop(self) -> bool:
        """Leave out the last; whether any is left."""
        self._where.pop()
        self._counts.pop()
        return bool(self._where)

    def before(self, number: int) -> int:
        """How many of them come before that episode."""
        return bisect_left(self._where, number)

    def first(self, held: int) -> Iterator[tuple[int, int]]:
        return zip(self._where[:held], self._counts[:held], strict=True)


def _episodes(conversation: Conversation) -> Iterator[Episode]:
    """Each answer of the owner's in his own words, with what he answered."""
    for index, reply in enumerate(conversation.turns):
        asked = conversation.turns[index - 1]
        if index and reply.own and reply.spoken and not asked.own:
            pair = replace(asked, mark=""), replace(reply, mark="")
            yield Episode(pair, conversation.ends[index])


def _words(*turns: Turn) -> Iterator[str]:
    found = (pair for turn in turns for text in turn.texts for pair in _WORD.findall(text.casefold()))
    return (signs or word[:_STEM] for signs, word in found)


def _freshness(age: timedelta) -> float:
    return 1 + YEAR / (YEAR + max(age, timedelta(0)))
