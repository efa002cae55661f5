"""From conversations to training rows: what of them is learned, and what is held out.

Rows are rendered by trainer.prompt, as the bot's prompts are. This module knows the store and a tokenizer's port; of
torch and of batches it knows nothing, so that the bot can ask it for held-out exchanges.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from random import Random

from exporter.config import Train
from exporter.consent import Ledger
from exporter.messages import Peer
from exporter.store import Store
from trainer.conversations import Conversation, Views, conversations, learn_gaps, learnable, too_little, views
from trainer.dialogue import Turn, windows
from trainer.memory import Memory
from trainer.prompt import (
    PromptSpec,
    Recalled,
    Scene,
    Segment,
    Tokenizer,
    clip_all,
    encode,
    history_budget,
    render_row,
    turn_cost,
)

REMEMBERED = 0.5
"""Share of learned conversations in which earlier exchanges are told again, where any fit."""
LEAST_TURNS = 20
"""Fewer turns of the owner's than this teach a model nothing but to repeat them."""

NAMELESS = 0.05
"""Share of learned rows that are not told who talks with whom."""
UNRELATED = 0.15
"""Share of learned rows that are at least not told what the other side is to the owner."""


@dataclass(frozen=True, slots=True)
class Split:
    """The history, cut by time."""

    learned: tuple[Conversation, ...]
    """What was over by then."""
    held_out: tuple[Conversation, ...]
    """What the owner said something in since then; turns before that are context."""
    since: datetime
    gaps: Mapping[int, timedelta]
    """The silence that ends a session, by chat."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the owner once said, and what stood before it."""

    chat_id: int
    scene: Scene
    history: tuple[Turn, ...]
    reply: Turn
    at: datetime
    """When he said it."""


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
    chat_id: int
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
        return tuple(sorted({row.chat_id for row in self.learned}))

    def digest(self) -> str:
        """A hash of every row, in hexadecimal."""
        return hashlib.sha256(repr((self.owner, self.learned, self.held_out)).encode()).hexdigest()


def split(store: Store, ledger: Ledger, train: Train, zone: tzinfo, *, learned_until: datetime | None = None) -> Split:
    """The whole history, and since when it is held out: the newest share of the owner's turns, cut at a silence.

    Nothing that was sent since then is learned, and nothing from before is measured on. What a model has learned
    already, up to `learned_until`, is not held out from it any more.

    Raises:
        TooLittle: nothing that the owner wrote, or too little of it.
    """
    agreed = learnable(store, ledger)
    gaps = learn_gaps(store, agreed, train)
    every = conversations(store, agreed, views(store, train, zone, gaps))
    begins = sorted(begin for conversation in every for begin in _begins(conversation))
    if not begins:
        raise too_little("the owner has written nothing in these chats")
    newest = begins[-max(round(len(begins) * train.held_out), 1)]
    since = max(newest, learned_until or newest)
    parts = (one.before(since) for one in every)
    learned = tuple(replace(part, scene=_taught(part, train.seed)) for part in parts if part.turns)
    if (count := sum(_own(turn) for conversation in learned for turn in conversation.turns)) < LEAST_TURNS:
        raise too_little(f"the owner has only {count} turns to learn from; {LEAST_TURNS} are the least")
    held_out = tuple(one for one in every if one.ends[-1] >= since)
    return Split(learned, held_out, since, gaps)


def _begins(conversation: Conversation) -> Iterator[datetime]:
    """For each of the owner's turns, when the talk began that it is part of: the last one after a silence."""
    begin = conversation.began
    for turn, at in zip(conversation.turns, conversation.times, strict=True):
        begin = at if turn.mark else begin
        if _own(turn):
            yield begin


def dataset(history: Split, tokenizer: Tokenizer, spec: PromptSpec, train: Train) -> Dataset:
    """Render the history."""
    everyone = train.learn == "everyone"
    recall = memories(history.learned, train.seed)
    learned = [tuple(rows(one, tokenizer, spec, everyone=everyone, memory=recall(one))) for one in history.learned]
    return Dataset(
        owner=history.learned[0].scene.owner,
        learned=tuple(row for session in learned for row in session),
        held_out=tuple(
            row for one in history.held_out for row in rows(one, tokenizer, spec, everyone=False, since=history.since)
        ),
        held_out_since=history.since,
        sessions=sum(1 for session in learned if session),
        gaps=history.gaps,
    )


def memories(learned: Iterable[Conversation], seed: int) -> Callable[[Conversation], Memory | None]:
    """For a share of the learned conversations the memory of their chat, for the others none.

    So a model learns to use what is recalled, and to do without.
    """
    by_chat: dict[int, list[Conversation]] = defaultdict(list)
    for one in learned:
        by_chat[one.chat_id].append(one)
    made = {chat_id: Memory(said) for chat_id, said in by_chat.items()}
    return lambda one: made[one.chat_id] if _chance(one, "memory", seed) < REMEMBERED else None


def _chance(conversation: Conversation, purpose: str, seed: int) -> float:
    """From 0 to 1, the same for the same conversation whatever else is learned."""
    return Random(f"{seed} {purpose} {conversation.chat_id} {conversation.began}").random()  # noqa: S311 - no secret


def _taught(conversation: Conversation, seed: int) -> Scene:
    """The scene, a small share of them without the relation or all names: so that a model needs neither."""
    chance, scene = _chance(conversation, "scene", seed), conversation.scene
    return replace(scene, named=chance >= NAMELESS, relation=scene.relation if chance >= UNRELATED else "")


def held_out_exchanges(store: Store, chats: Iterable[Peer], read: Views, *, since: datetime) -> list[Exchange]:
    """The owner's real replies at `since` or later, oldest first, each with its history."""
    found = [
        Exchange(one.chat_id, one.scene, one.turns[:index], reply, at)
        for one in conversations(store, chats, read)
        for index, (reply, at) in enumerate(zip(one.turns, one.times, strict=True))
        if at >= since and index and _own(reply) and not one.turns[index - 1].own
    ]
    return sorted(found, key=lambda exchange: exchange.at)


def rows(
    conversation: Conversation,
    tokenizer: Tokenizer,
    spec: PromptSpec,
    *,
    everyone: bool,
    since: datetime | None = None,
    memory: Memory | None = None,
) -> Iterator[Row]:
    """One session as rows, each at most `spec.length` tokens: every turn behind the history the bot would show.

    Where `since` is given, only turns from then on are learned. From `memory`, the chat's own, the last learned turn of
    each row is told again what fits.
    """
    for lesson in lessons(conversation, tokenizer, spec, everyone=everyone, since=since, memory=memory):
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
    *,
    everyone: bool,
    since: datetime | None = None,
    memory: Memory | None = None,
) -> Iterator[Lesson]:
    """The windows of one session in which something is learned, each up to the last turn that is."""
    said = clip_all(spec, tokenizer, conversation.turns)
    costs = [turn_cost(spec, tokenizer, turn) for turn in said]
    taught = frozenset(
        index
        for index, (turn, at) in enumerate(zip(said, conversation.times, strict=True))
        if turn.spoken and (turn.own or everyone) and (since is None or at >= since)
    )
    for window in windows(costs, budget=history_budget(spec, tokenizer, conversation.scene)):
        learned = frozenset(index - window.start for index in taught.intersection(range(window.first, window.stop)))
        if learned:
            last = window.start + max(learned)
            lesson = Lesson(conversation.scene, said[window.start : last + 1], learned)
            if memory and lesson.answers:
                cue, before, now = said[last - 1], conversation.times[window.start], conversation.times[last]
                lesson = replace(lesson, memory=memory.recall(spec, tokenizer, cue, before=before, now=now))
            yield lesson


def _own(turn: Turn) -> bool:
    return turn.own and turn.spoken
