"""From the split history to training rows, learned and held out.

Rows are rendered by trainer.reading.prompt, as the bot's prompts are. This module knows the store and a tokenizer's
port; of torch and of batches it knows nothing, so that the bot can ask it for held-out exchanges.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from exporter.messages import Peer
from exporter.progress import Count, uncounted
from exporter.settings.config import Train
from exporter.storing.store import Store
from trainer.data.notes import pieces, sampled
from trainer.data.split import Split, drawn, own
from trainer.reading.conversations import Conversation, Views, conversations
from trainer.reading.dialogue import Turn, windows
from trainer.reading.memory import Memory
from trainer.reading.prompt import (
    PromptSpec,
    Recalled,
    Scene,
    Segment,
    Tokenizer,
    begin,
    clip_all,
    encode,
    history_budget,
    render_row,
    turn_cost,
)

RECALLED = 0.5
"""Share of learned conversations in which earlier exchanges are told again, where any fit.

So a model learns to use what is recalled, and to do without. What is held out is read as the bot would read it: in all.
"""


LEAD = 128
"""Tokens of history before the first turn that a row teaches, at most, but for the turn that it answers.

What stands further up is read and hardly teaches anything: without it, a round is a tenth shorter, and after as many
tokens one person's held-out words took 1.470 bits per byte instead of 1.474. What is held out is read in all.
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the owner once said, and what stood before it."""

    chat_id: int
    scene: Scene
    history: tuple[Turn, ...]
    times: tuple[datetime, ...]
    """When each of those turns began."""
    reply: Turn
    at: datetime
    """When he said it."""
    memory: Memory
    """Of the whole chat; what may be recalled is what was over by then."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A window of a conversation, as a row shows it."""

    scene: Scene
    turns: tuple[Turn, ...]
    learned: frozenset[int]
    """Indices of the turns that are learned; never none."""
    memory: tuple[Recalled, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether it ends with an answer of the owner's, before which something may be recalled."""
        last = len(self.turns) - 1
        return last > 0 and self.turns[last].own and not self.turns[last - 1].own and last - 1 not in self.learned

    def segments(self, spec: PromptSpec) -> tuple[Segment, ...]:
        """The row, rendered."""
        return render_row(spec, self.scene, self.turns, self.learned, memory=self.memory)


@dataclass(frozen=True, slots=True)
class Row:
    """What the model reads at once: token ids, and of each whether the loss counts it."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]
    chat_id: int | None
    """None: it is no chat's, but one of the owner's notes."""
    at: datetime
    """When its conversation began."""
    learned_turns: int
    learned_bytes: int
    """UTF-8 bytes of the words in the learned turns."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """All rows of one store, split by time."""

    owner: str
    learned: tuple[Row, ...]
    held_out: tuple[Row, ...]
    """The newest words, whose loss counts the owner's turns alone, whatever is learned from the others."""
    held_out_since: datetime
    sessions: int
    """Sessions that something is learned from."""
    gaps: Mapping[int, timedelta]
    """The silence that ends a session, by chat."""

    @property
    def tokens(self) -> int:
        """Tokens of all learned rows."""
        return sum(len(row.ids) for row in self.learned)

    @property
    def learned_tokens(self) -> int:
        """Those that the loss counts."""
        return sum(sum(row.learned) for row in self.learned)

    @property
    def chats(self) -> tuple[int, ...]:
        """Ids of the chats that are learned from, sorted."""
        return tuple(sorted({row.chat_id for row in self.learned if row.chat_id is not None}))

    def digest(self) -> str:
        """A hash of every row, in hexadecimal."""
        return hashlib.sha256(repr((self.owner, self.learned, self.held_out)).encode()).hexdigest()


def dataset(
    history: Split, tokenizer: Tokenizer, spec: PromptSpec, train: Train, *, count: Count = uncounted
) -> Dataset:
    """Render the history; `count` is told sessions."""
    everyone = train.learn == "everyone"
    memory, sessions = memories(history.said), []
    for number, one in enumerate(history.learned):
        count(number, len(history.learned))
        told = taught_with(one, memory, train.seed)
        sessions.append(tuple(rows(one, tokenizer, spec, told, everyone=everyone)))
    learned = [row for session in sessions for row in session]
    room = train.notes_share / (1 - train.notes_share) * sum(len(row.ids) for row in learned)
    return Dataset(
        owner=history.learned[0].scene.owner,
        learned=(*learned, *_notes(history, tokenizer, spec, room, train.seed)),
        held_out=tuple(
            row
            for one in history.held_out
            for row in rows(one, tokenizer, spec, memory[one.chat_id], everyone=False, since=history.since)
        ),
        held_out_since=history.since,
        sessions=sum(map(bool, sessions)),
        gaps=history.gaps,
    )


def _notes(history: Split, tokenizer: Tokenizer, spec: PromptSpec, tokens: float, seed: int) -> Iterator[Row]:
    """About so many tokens of the owner's other writing, pieces chosen by chance."""
    owner = history.learned[0].scene.owner
    cut = [piece for text in history.notes.texts for piece in pieces(text, owner, tokenizer, spec)]
    for index in sampled([encoded.ids for _, encoded in cut], tokens, Random(seed)):  # noqa: S311 - no secret
        text, row = cut[index]
        yield Row(row.ids, row.learned, None, history.since, learned_turns=0, learned_bytes=len(text.encode()))


def memories(said: Iterable[Conversation]) -> dict[int, Memory]:
    """The memory of each chat, by its id."""
    by_chat: dict[int, list[Conversation]] = defaultdict(list)
    for one in said:
        by_chat[one.chat_id].append(one)
    return {chat_id: Memory(its) for chat_id, its in by_chat.items()}


def taught_with(one: Conversation, memory: Mapping[int, Memory], seed: int) -> Memory | None:
    """The memory of its chat for a share of the learned conversations, for the others none."""
    return memory[one.chat_id] if drawn(one, "memory", seed) < RECALLED else None


def held_out_exchanges(store: Store, chats: Collection[Peer], read: Views, *, since: datetime) -> list[Exchange]:
    """The owner's real replies at `since` or later, oldest first, each with its history."""
    every = conversations(store, chats, read)
    memory = memories(every)
    found = [
        Exchange(one.chat_id, one.scene, one.turns[:index], one.times[:index], reply, at, memory[one.chat_id])
        for one in every
        for index, (reply, at) in enumerate(zip(one.turns, one.times, strict=True))
        if at >= since and index and own(reply) and not one.turns[index - 1].own
    ]
    return sorted(found, key=lambda exchange: exchange.at)


def rows(
    conversation: Conversation,
    tokenizer: Tokenizer,
    spec: PromptSpec,
    memory: Memory | None,
    *,
    everyone: bool,
    since: datetime | None = None,
) -> Iterator[Row]:
    """One session as rows, each at most `spec.length` tokens: every turn behind the history the bot would show.

    From `memory`, the chat's own, the last learned turn of each row is told again what fits. Where `since` is given,
    only turns from then on are learned, each behind all of the history; else behind as much of it as `LEAD`.
    """
    for lesson in lessons(conversation, tokenizer, spec, memory, everyone=everyone, since=since):
        row = encode(tokenizer, lesson.segments(spec))
        yield Row(
            row.ids,
            row.learned,
            conversation.chat_id,
            conversation.began,
            learned_turns=len(lesson.learned),
            learned_bytes=sum(len(text.encode()) for index in lesson.learned for text in lesson.turns[index].texts),
        )


def lessons(
    conversation: Conversation,
    tokenizer: Tokenizer,
    spec: PromptSpec,
    memory: Memory | None,
    *,
    everyone: bool,
    since: datetime | None = None,
) -> Iterator[Lesson]:
    """The windows of one session in which something is learned, each up to the last turn that is.

    A turn that is too long for a reply stands at the end of a lesson of its own, as far as a reply would go.
    """
    taught = [
        index
        for index, (turn, at) in enumerate(zip(conversation.turns, conversation.times, strict=True))
        if turn.spoken and (turn.own or everyone) and (since is None or at >= since)
    ]
    if not taught:
        return
    said = clip_all(spec, tokenizer, conversation.turns[: taught[-1] + 1])
    costs = [turn_cost(spec, tokenizer, turn) for turn in said]
    for window in windows(costs, budget=history_budget(spec, tokenizer, conversation.scene)):
        here = taught[bisect_left(taught, window.first) : bisect_left(taught, window.stop)]
        whole = [index for index in here if said[index].spoken]
        long = [index for index in here if not said[index].spoken]
        for learned in (whole, *([index] for index in long)):
            if learned:
                start = window.start if since else _lead(costs, window.start, learned[0])
                yield _lesson(conversation, tokenizer, spec, memory, said, start, learned)


def _lead(costs: Sequence[int], start: int, first: int) -> int:
    """Where a row begins that teaches its turn `first` and later ones; `start` is where the bot's history would."""
    before = list(accumulate(reversed(costs[start:first])))
    return first - max(bisect_right(before, LEAD), min(first - start, 1))


def _lesson(
    conversation: Conversation,
    tokenizer: Tokenizer,
    spec: PromptSpec,
    memory: Memory | None,
    said: Sequence[Turn],
    start: int,
    learned: Sequence[int],
) -> Lesson:
    """The turns from `start` to the last that is learned; with what `memory` has of what it answers."""
    last = learned[-1]
    answer = said[last] if said[last].spoken else begin(spec, tokenizer, conversation.turns[last])
    lesson = Lesson(conversation.scene, (*said[start:last], answer), frozenset(index - start for index in learned))
    if memory and lesson.answers:
        cue, before, now = said[last - 1], conversation.times[start], conversation.times[last]
        return replace(lesson, memory=memory.recall(spec, tokenizer, cue, before=before, now=now))
    return lesson
