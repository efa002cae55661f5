"""Which turns are worth learning: not what is said too often, in one chat too much, or held out word for word. Pure.

A turn that is not learned stays where it is, as context of the others. Of tokens and of the store it knows nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor, log2
from random import Random

from trainer.reading.conversations import Conversation
from trainer.reading.dialogue import Turn
from trainer.reading.scripts import UNSPACED

ENOUGH = 300
"""Up to so many turns all are learned, however alike: there is nothing to spare."""
CHAT_ENOUGH = 5_000
"""Turns that every chat may have, whatever its share: few other chats are no reason to learn little."""
ONE_SHORT, ALL_SHORT = 0.1, 1 / 3
"""At most so large a share of the turns is one and the same short reply, and are all short replies together.

People do say ok, so up to that each keeps its own share; beyond it a double says little else.
"""
SHORT, SIGNS = 12, 3
"""Characters of a reply in one word, at most; fewer where a script puts no space between words."""
SHINGLE = 3
"""Words that are compared as one: fewer are shared by texts that have nothing else in common."""
LONG = 12
"""Words of a message that is no habit any more: who says it again has copied it. Habits are to be learned."""
ALIKE = 0.7
"""Share of the shorter text's shingles that both have, from which on they are the same text."""

Place = tuple[int, int]
"""Which conversation, and which of its turns."""


@dataclass(frozen=True, slots=True)
class Curation:
    """What is not learned, and why: numbers of turns, of sessions by chat."""

    duplicates: int = 0
    """Turns of several words that were said often before."""
    short: int = 0
    """Short replies beyond their share."""
    held_out: int = 0
    """Turns that the held-out part holds nearly word for word."""
    capped: Mapping[int, int] = field(default_factory=dict)
    """Sessions, by chat id: the oldest of a chat that would have more than its share."""

    @property
    def counts(self) -> dict[str, int]:
        """By reason, whatever the chat."""
        capped = sum(self.capped.values())
        return {"duplicates": self.duplicates, "short": self.short, "held_out": self.held_out, "capped": capped}


def curate(
    learned: Sequence[Conversation], measured: "Measured", *, everyone: bool, chat_share: float, seed: int
) -> tuple[tuple[Conversation, ...], Curation]:
    """The conversations, with what is not worth learning as context only; sessions beyond a chat's share are left out.

    The same conversations and seed give the same result.
    """
    kept = {
        (number, index): turn
        for number, one in enumerate(learned)
        for index, turn in enumerate(one.turns)
        if turn.spoken and (turn.own or everyone)
    }
    copied = {place for place, turn in kept.items() if any(map(measured.holds, turn.texts))}
    kept = _without(kept, copied)
    capped: dict[int, int] = {}
    often: set[Place] = set()
    dominant: set[Place] = set()
    if len(kept) > ENOUGH:
        beyond = _beyond(kept, learned, chat_share)
        kept = {place: turn for place, turn in kept.items() if place[0] not in beyond}
        capped = dict(Counter(learned[number].chat_id for number in beyond))
        learned = [one if number not in beyond else replace(one, turns=()) for number, one in enumerate(learned)]
        random = Random(seed)  # noqa: S311 - chooses examples
        often = _spared(_often(kept, learned, random), len(kept), random)
        kept = _without(kept, often)
        dominant = _spared(_dominant(kept, random), len(kept), random)
    silent = copied | often | dominant
    told = tuple(_hushed(one, number, silent) for number, one in enumerate(learned) if one.turns)
    return told, Curation(len(often), len(dominant), len(copied), capped)


def _without(kept: Mapping[Place, Turn], left_out: set[Place]) -> dict[Place, Turn]:
    return {place: turn for place, turn in kept.items() if place not in left_out}


def _spared(left_out: set[Place], turns: int, random: Random) -> set[Place]:
    """Of what might be left out of so many turns as much as leaves ENOUGH, however often one of them is said."""
    spare = max(turns - ENOUGH, 0)
    return left_out if len(left_out) <= spare else set(random.sample(sorted(left_out), spare))


def _hushed(conversation: Conversation, number: int, silent: set[Place]) -> Conversation:
    turns = tuple(
        replace(turn, spoken=False) if (number, index) in silent else turn
        for index, turn in enumerate(conversation.turns)
    )
    return replace(conversation, turns=turns)


class Measured:
    """The long messages that a model is measured on, by their shingles."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._sizes: list[int] = []
        self._where: defaultdict[int, list[int]] = defaultdict(list)
        for text in texts:
            if shingles := _shingles(text):
                for shingle in shingles:
                    self._where[shingle].append(len(self._sizes))
                self._sizes.append(len(shingles))

    def holds(self, text: str) -> bool:
        """Whether one of them is nearly this text, or one of both is nearly a part of the other."""
        shingles = _shingles(text)
        shared = Counter(number for shingle in shingles for number in self._where.get(shingle, ()))
        return any(count >= ALIKE * min(len(shingles), self._sizes[number]) for number, count in shared.items())


def _shingles(text: str) -> frozenset[int]:
    """Each run of SHINGLE words of a long text; of a short one, none."""
    words = _words(text)
    if len(words) < LONG:
        return frozenset()
    return frozenset(hash(tuple(words[at : at + SHINGLE])) for at in range(len(words) - SHINGLE + 1))


def _beyond(kept: Mapping[Place, Turn], learned: Sequence[Conversation], share: float) -> set[int]:
    """Conversations of a chat that has more than `share` of all turns: its oldest, until it has no more than that."""
    turns = Counter(number for number, _ in kept)
    by_chat: Counter[int] = Counter()
    for number, count in turns.items():
        by_chat[learned[number].chat_id] += count
    beyond: set[int] = set()
    if len(by_chat) == 1 or share == 1:
        return beyond
    for chat_id, count in by_chat.items():
        most = max(CHAT_ENOUGH, share / (1 - share) * (by_chat.total() - count))
        oldest_first = (number for number in sorted(turns) if learned[number].chat_id == chat_id)
        while count > most:
            beyond.add(number := next(oldest_first))
            count -= turns[number]
    return beyond


def _often(kept: Mapping[Place, Turn], learned: Sequence[Conversation], random: Random) -> set[Place]:
    """Of what was said n times in more than a word, all but 1 + log2 n, which answer different things."""
    same = _alike(place for place in kept.items() if not _short(place[1]))
    often: set[Place] = set()
    for places in same:
        answered: set[str] = set()
        first: list[Place] = []
        again: list[Place] = []
        for number, index in random.sample(places, len(places)):
            before = " ".join(learned[number].turns[index - 1].texts) if index else ""
            (again if before in answered else first).append((number, index))
            answered.add(before)
        often.update([*first, *again][1 + floor(log2(len(places))) :])
    return often


def _dominant(kept: Mapping[Place, Turn], random: Random) -> set[Place]:
    """Short replies beyond ONE_SHORT and ALL_SHORT, chosen by chance; each keeps its share among the short ones."""
    short = [
        random.sample(places, len(places)) for places in _alike(place for place in kept.items() if _short(place[1]))
    ]
    total = len(kept)
    most = [min(len(places), max(floor(ONE_SHORT / (1 - ONE_SHORT) * (total - len(places))), 1)) for places in short]
    longer = total - sum(map(len, short))
    fit = min(1.0, ALL_SHORT / (1 - ALL_SHORT) * longer / sum(most)) if most else 1.0
    return {place for places, count in zip(short, most, strict=True) for place in places[max(round(count * fit), 1) :]}


def _alike(turns: Iterable[tuple[Place, Turn]]) -> list[list[Place]]:
    """The places of turns that say the same."""
    same: defaultdict[tuple[str, ...], list[Place]] = defaultdict(list)
    for place, turn in turns:
        same[_said(turn)].append(place)
    return list(same.values())


def _short(turn: Turn) -> bool:
    text, *more = turn.texts
    return not more and len(text) <= SHORT and len(text.split()) == 1 and len(_SIGN.findall(text)) <= SIGNS


def _said(turn: Turn) -> tuple[str, ...]:
    """Without capitals, punctuation and spacing; of what has nothing else, such as emoji, as it is."""
    return tuple(" ".join(_words(text)) or text for text in turn.texts)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


_SIGN = re.compile(UNSPACED)
_WORD = re.compile(rf"{UNSPACED}|(?:(?!{UNSPACED})\w)+")
