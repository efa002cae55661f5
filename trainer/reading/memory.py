"""What the owner and a contact said before: earlier exchanges that a reply may need, told again. Pure; of one chat.

An exchange that shares rare words with what is to be answered is told again just before it, in training rows as in the
bot's prompts: fine-tuning moves the voice, and this the facts. A memory is made of one chat's conversations alone, and
gives only what was over before the history that is shown, so nothing of another chat or of the future gets through it.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import log

from trainer.reading.conversations import Conversation
from trainer.reading.dialogue import Turn
from trainer.reading.marks import length
from trainer.reading.prompt import PromptSpec, Recalled, Tokenizer, recalled_cost

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
_WORD = re.compile(r"\w{2,}")
_STEM = 5
"""Letters by which words are told apart: enough, where languages inflect their ends."""


@dataclass(frozen=True, slots=True)
class Episode:
    """An exchange: what was said to the owner, and his answer."""

    turns: tuple[Turn, Turn]
    ended: datetime


class Memory:
    """The exchanges of one chat, by their words."""

    def __init__(self, conversations: Iterable[Conversation]) -> None:
        self._episodes = sorted(
            (one for conversation in conversations for one in _episodes(conversation)), key=lambda one: one.ended
        )
        self._ends = [one.ended for one in self._episodes]
        self._lengths: list[int] = []
        self._found: dict[str, dict[int, int]] = defaultdict(dict)
        for number, episode in enumerate(self._episodes):
            said = [word for turn in episode.turns for word in _words(turn)]
            self._lengths.append(len(said))
            for word in said:
                self._found[word][number] = self._found[word].get(number, 0) + 1
        self._usual = sum(self._lengths) / max(len(self._lengths), 1)

    def recall(
        self, spec: PromptSpec, tokenizer: Tokenizer, cue: Turn, *, before: datetime, now: datetime
    ) -> tuple[Recalled, ...]:
        """The exchanges that fit best to what is to be answered, oldest first, as many as `spec.memory_tokens` hold.

        Only of those that were over before that moment, at which the history begins that is shown.
        """
        room, chosen = spec.memory_tokens, []
        for episode in self._ranked(cue, bisect_left(self._ends, before), now)[:TRIED]:
            told = Recalled(f"{length(now - episode.ended)} ago", episode.turns)
            if (cost := recalled_cost(spec, tokenizer, told)) <= room:
                room -= cost
                chosen.append((episode.ended, told))
            if len(chosen) == MOST:
                break
        return tuple(told for _, told in sorted(chosen, key=lambda one: one[0]))

    def _ranked(self, cue: Turn, known: int, now: datetime) -> list[Episode]:
        """Of the first `known` episodes those that share something rare with the cue, the best first."""
        scores: dict[int, float] = defaultdict(float)
        shared: dict[int, float] = defaultdict(float)
        for word in sorted(set(_words(cue))):
            where = [number for number in self._found.get(word, ()) if number < known]
            if not where or len(where) > max(RARE * known, 1):
                continue
            telling = log(1 + (known - len(where) + 0.5) / (len(where) + 0.5))
            for number in where:
                count = self._found[word][number]
                norm = _K * (1 - _B + _B * self._lengths[number] / self._usual)
                scores[number] += telling * count * (_K + 1) / (count + norm)
                shared[number] += telling
        fresh = {number: score * _freshness(now - self._ends[number]) for number, score in scores.items()}
        best = sorted(fresh, key=lambda number: (-fresh[number], -number))
        return [self._episodes[number] for number in best if shared[number] >= LEAST]


def _episodes(conversation: Conversation) -> Iterator[Episode]:
    """Each answer of the owner's in his own words, with what he answered."""
    for index, reply in enumerate(conversation.turns):
        asked = conversation.turns[index - 1]
        if index and reply.own and reply.spoken and not asked.own:
            pair = replace(asked, mark=""), replace(reply, mark="")
            yield Episode(pair, conversation.ends[index])


def _words(turn: Turn) -> Iterator[str]:
    return (word[:_STEM] for text in turn.texts for word in _WORD.findall(text.casefold()))


def _freshness(age: timedelta) -> float:
    return 1 + YEAR / (YEAR + max(age, timedelta(0)))
