"""The one renderer: dialogue -> segments -> token ids and loss mask, the same for training and for the bot.

A training row is *defined* as the prompt that the bot would send, plus the reply. What a person wrote is
encoded as text and never as control tokens, segment by segment, so that no message can forge a turn. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from unicodedata import normalize

from trainer.reading.dialogue import Turn, begun, clip, window_start
from trainer.reading.frame import CHATML, Frame
from trainer.reading.marks import WIDEST

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\U00040000-\U000dffff]")
"""Control characters but tab and line feed, and Unicode's empty planes: nobody's words. SmolLM2 has no token for some
of their bytes, and libraries differ in whether they leave those out before or after letters are joined to tokens."""
SYSTEM = "system"
"""Whose turn the header is."""
NOW = "now"
"""The mark behind what is recalled."""


class Tokenizer(Protocol):
    """All that rendering needs of a tokenizer."""

    def text(self, value: str) -> list[int]:
        """Ids of plain words; what looks like a special token stays words."""
        ...

    def control(self, name: str) -> int:
        """The id of exactly one special token."""
        ...


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """How prompts are rendered; an artifact's card keeps it."""

    frame: Frame = CHATML
    length: int = 512
    """Tokens that a model reads at once: header, history and reply."""

    @property
    def reply_tokens(self) -> int:
        """Room kept for the reply; also the most that one turn of history may take."""
        return self.length // 3

    @property
    def memory_tokens(self) -> int:
        """Room kept for earlier exchanges that are told again."""
        return self.length // 10


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is who in one chat: it stands at the head of every prompt of this chat and does not change."""

    owner: str
    chat: str
    group: bool = False
    relation: str = ""
    """What the other side is to the owner, in his words: `sister`."""
    named: bool = True
    """Whether the header says who they are; a few training rows leave it out, so that a model can do without."""

    def describe(self) -> str:
        """The header, in words."""
        if not self.named:
            return "a group" if self.group else "two people"
        who = f"{self.owner} in the group {self.chat}" if self.group else f"{self.owner} and {self.chat}"
        return f"{who} ({self.relation})" if self.relation else who


@dataclass(frozen=True, slots=True)
class Recalled:
    """An earlier exchange that is told again; see trainer.reading.memory."""

    ago: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a prompt, encoded apart from its neighbours."""

    value: str
    control: bool = False
    learned: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, and of each whether the loss counts it: two sequences of the same length."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


def render_prompt(
    spec: PromptSpec, scene: Scene, history: Sequence[Turn], *, mark: str = "", memory: Sequence[Recalled] = ()
) -> tuple[Segment, ...]:
    """All that stands before the owner's next words: header, history, and the opening of his turn.

    `mark` is what is told of the time at which he speaks. What changes each time stands as late as possible: `memory`
    just before the last turn, so that all before it was read when the prompt before this one was.
    """
    told = _turns(spec, history, frozenset(), memory, place=len(history) - 1)
    return (*_header(spec, scene.describe()), *told, *_opening(spec, scene.owner, mark))


def render_row(
    spec: PromptSpec,
    scene: Scene,
    turns: Sequence[Turn],
    learned: frozenset[int],
    *,
    memory: Sequence[Recalled] = (),
) -> tuple[Segment, ...]:
    """A training row: the turns with these indices are learned, and every prompt before them is a prefix.

    What is recalled is so for the last turn, and the one before it, which it answers, must not be learned then.
    """
    return (*_header(spec, scene.describe()), *_turns(spec, turns, learned, memory, place=len(turns) - 2))


def render_note(spec: PromptSpec, owner: str, text: str) -> tuple[Segment, ...]:
    """What the owner wrote to nobody in particular. Where it ends is not learned: it may only be cut there."""
    return (
        *_header(spec, f"{owner} writes"),
        *_opening(spec, owner, ""),
        Segment(text, learned=True),
        *_closing(spec, learned=False),
    )


def fit(spec: PromptSpec, tokenizer: Tokenizer, scene: Scene, turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The newest turns that leave room for a reply: what the bot shows of a session."""
    clipped = clip_all(spec, tokenizer, turns)
    costs = [turn_cost(spec, tokenizer, turn) for turn in clipped]
    return clipped[window_start(costs, budget=history_budget(spec, tokenizer, scene)) :]


def clip_all(spec: PromptSpec, tokenizer: Tokenizer, turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """No turn alone may fill the window."""
    return tuple(clip(turn, lambda t: turn_cost(spec, tokenizer, t), spec.reply_tokens) for turn in turns)


def begin(spec: PromptSpec, tokenizer: Tokenizer, turn: Turn) -> Turn:
    """Of a turn that is too long for a reply as much as a reply holds."""
    return begun(turn, lambda t: turn_cost(spec, tokenizer, t), spec.reply_tokens)


def turn_cost(spec: PromptSpec, tokenizer: Tokenizer, turn: Turn) -> int:
    """Tokens of one turn, frame included."""
    return len(encode(tokenizer, _turn(spec, turn, learned=False)).ids)


def history_budget(spec: PromptSpec, tokenizer: Tokenizer, scene: Scene) -> int:
    """Tokens left for history once header, memory, opening and reply have theirs."""
    frame = render_prompt(spec, scene, (), mark=WIDEST)
    return spec.length - spec.reply_tokens - spec.memory_tokens - len(encode(tokenizer, frame).ids)


def recalled_cost(spec: PromptSpec, tokenizer: Tokenizer, recalled: Recalled) -> int:
    """Tokens of one recalled exchange, if it is told alone."""
    return len(encode(tokenizer, _memory(spec, (recalled,))).ids)


def encode(tokenizer: Tokenizer, segments: Iterable[Segment]) -> Encoded:
    """Each segment by itself, so that a word never merges with its frame."""
    ids: list[int] = []
    learned: list[bool] = []
    for segment in segments:
        piece = [tokenizer.control(segment.value)] if segment.control else _text(tokenizer, segment.value)
        ids += piece
        learned += [segment.learned] * len(piece)
    return Encoded(tuple(ids), tuple(learned))


def legible(words: str) -> str:
    """Words as they are encoded.

    In Unicode's composed form, to which some tokenizers bring them by themselves, while llama.cpp never does.
    """
    return normalize("NFC", UNPRINTABLE.sub("", words))


def _text(tokenizer: Tokenizer, words: str) -> list[int]:
    return tokenizer.text(shown) if (shown := legible(words)) else []


def _header(spec: PromptSpec, words: str) -> Iterator[Segment]:
    if spec.frame.begin:
        yield Segment(spec.frame.begin, control=True)
    yield from _heading(spec, SYSTEM)
    yield Segment(in_line(words))
    yield from _closing(spec, learned=False)


def _opening(spec: PromptSpec, name: str, mark: str) -> Iterator[Segment]:
    """Between turns, where nobody's words can stand, is the mark's place."""
    if mark:
        yield Segment(f"{mark}\n")
    yield from _heading(spec, in_line(name))


def _heading(spec: PromptSpec, name: str) -> Iterator[Segment]:
    """Who speaks."""
    frame = spec.frame
    token = frame.name_tokens.get(name)
    yield Segment(frame.turn_open, control=True)
    if token or frame.name_close:
        yield Segment(token, control=True) if token else Segment(name)
        if frame.name_close:
            yield Segment(frame.name_close, control=True)
        yield Segment(frame.name_end)
    else:
        yield Segment(f"{name}{frame.name_end}")


def _closing(spec: PromptSpec, *, learned: bool) -> Iterator[Segment]:
    """Only the control token can be learned."""
    yield Segment(spec.frame.turn_close, control=True, learned=learned)
    yield Segment(spec.frame.turn_end)


def _turns(
    spec: PromptSpec, turns: Sequence[Turn], learned: frozenset[int], memory: Sequence[Recalled], *, place: int
) -> Iterator[Segment]:
    """The turns, with what is recalled before the one at `place`."""
    for index, turn in enumerate(turns):
        if memory and index == place:
            yield from _memory(spec, memory)
        yield from _turn(spec, turn, learned=index in learned)


def _memory(spec: PromptSpec, memory: Iterable[Recalled]) -> Iterator[Segment]:
    """Between marks, as all that is told of time."""
    for recalled in memory:
        yield Segment(f"{recalled.ago}\n")
        for turn in recalled.turns:
            yield from _turn(spec, turn, learned=False)
    yield Segment(f"{NOW}\n")


def _turn(spec: PromptSpec, turn: Turn, *, learned: bool) -> Iterator[Segment]:
    yield from _opening(spec, turn.name, turn.mark)
    for index, text in enumerate(turn.texts):
        if index:
            yield Segment(spec.frame.burst_separator, control=True, learned=learned)
        yield Segment(text, learned=learned)
    yield from _closing(spec, learned=learned and turn.ends)


def in_line(name: str) -> str:
    """A name in one line, so that it cannot end its own heading; and not the one by which a header is known."""
    line = " ".join(UNPRINTABLE.sub("", name).split())
    return line if line and line.casefold() != SYSTEM else "someone"
