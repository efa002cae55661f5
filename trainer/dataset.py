"""From the store to training rows: which chats, which sessions, what of them is learned and what is held out.

Rows are rendered by trainer.prompt, as the bot's prompts are. This module knows the store and a tokenizer's port; of
torch and of batches it knows nothing, so that the bot can ask it for held-out exchanges.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.config import Train
from exporter.consent import Ledger, how_to_grant
from exporter.errors import DoppelgangerError
from exporter.messages import PeerKind
from exporter.store import Store
from trainer.dialogue import Turn, sessions, turns, windows
from trainer.prompt import (
    PromptSpec,
    Scene,
    Tokenizer,
    clip_all,
    encode,
    history_budget,
    render_row,
    turn_cost,
)

LEAST_TURNS = 20
"""Fewer turns of the owner's than this teach a model nothing but to repeat them."""

KINDS = frozenset({PeerKind.USER, PeerKind.GROUP})
"""Chats with people. Saved Messages are the desk of the double itself, and bots are given commands."""


class TooLittle(DoppelgangerError):
    """The owner has not written enough to learn from."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One session of one chat, as turns."""

    chat_id: int
    scene: Scene
    began: datetime
    ended: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """The history, cut by time."""

    learned: tuple[Conversation, ...]
    held_out: tuple[Conversation, ...]
    since: datetime
    """The first held-out session begins here."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the owner once said, and what stood before it."""

    chat_id: int
    scene: Scene
    history: tuple[Turn, ...]
    reply: Turn
    at: datetime
    """When its session began."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the model reads at once: token ids, and of each whether the loss counts it."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]
    chat_id: int
    at: datetime
    """When its session began."""
    learned_turns: int
    learned_bytes: int
    """UTF-8 bytes of the words in the learned turns."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """All rows of one store, split by time."""

    owner: str
    learned: tuple[Row, ...]
    held_out: tuple[Row, ...]
    """The newest sessions, whose loss counts the owner's turns alone, whatever is learned from the others."""
    held_out_since: datetime
    sessions: int
    """Sessions that something is learned from."""

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


def split(store: Store, ledger: Ledger, train: Train) -> Split:
    """The whole history, its newest sessions held out. What runs across that moment is neither learned nor measured on.

    Raises:
        TooLittle: nothing that the owner wrote, or too little of it.
    """
    every = conversations(store, ledger, gap=train.session_gap)
    spoken = [conversation.began for conversation in every if any(map(_own, conversation.turns))]
    if not spoken:
        raise _too_little("the owner has written nothing in these chats")
    since = spoken[-max(round(len(spoken) * train.held_out), 1)]
    learned = tuple(conversation for conversation in every if conversation.ended < since)
    if (count := sum(_own(turn) for conversation in learned for turn in conversation.turns)) < LEAST_TURNS:
        raise _too_little(f"the owner has only {count} turns to learn from; {LEAST_TURNS} are the least")
    return Split(learned, tuple(one for one in every if one.began >= since), since)


def dataset(history: Split, tokenizer: Tokenizer, spec: PromptSpec, train: Train) -> Dataset:
    """Render the history."""
    everyone = train.learn == "everyone"
    learned = [tuple(rows(one, tokenizer, spec, everyone=everyone)) for one in history.learned]
    return Dataset(
        owner=history.learned[0].scene.owner,
        learned=tuple(row for session in learned for row in session),
        held_out=tuple(row for one in history.held_out for row in rows(one, tokenizer, spec, everyone=False)),
        held_out_since=history.since,
        sessions=sum(1 for session in learned if session),
    )


def conversations(store: Store, ledger: Ledger, *, gap: timedelta) -> list[Conversation]:
    """The sessions of all chats with people who agree to it, oldest first: those in which somebody said something.

    Raises:
        TooLittle: there is no history at all, or nobody agrees that a model learns from it.
    """
    owner = store.owner()
    if owner is None:
        raise _too_little("there is no history yet")
    names = {peer_id: peer.name for peer_id, peer in store.peers().items()}
    chats = [chat for chat in store.chats() if chat.peer.kind in KINDS]
    agreed = [chat for chat in chats if ledger.allows(chat.peer, "learn")]
    if chats and not agreed:
        raise TooLittle(
            "nobody in the chats that are stored agreed that a model learns from them",
            fix=f"once they do: {how_to_grant(chats[0].peer, 'learn')}; or vouch for whole kinds under [consent]",
        )
    found = []
    for chat in agreed:
        scene = Scene(owner.name, chat.peer.name, group=chat.peer.kind is PeerKind.GROUP)
        for session in sessions(store.messages(chat.peer.peer_id), gap=gap):
            if said := turns(session, names, owner=owner.name):
                found.append(Conversation(chat.peer.peer_id, scene, session[0].sent_at, session[-1].sent_at, said))
    return sorted(found, key=lambda conversation: conversation.began)


def held_out_exchanges(store: Store, ledger: Ledger, *, since: datetime, gap: timedelta) -> list[Exchange]:
    """The owner's real replies in sessions that began at `since` or later, oldest first, each with its history."""
    return [
        Exchange(one.chat_id, one.scene, one.turns[:index], reply, one.began)
        for one in conversations(store, ledger, gap=gap)
        if one.began >= since
        for index, reply in enumerate(one.turns)
        if index and _own(reply) and not one.turns[index - 1].own
    ]


def rows(conversation: Conversation, tokenizer: Tokenizer, spec: PromptSpec, *, everyone: bool) -> Iterator[Row]:
    """One session as rows, each at most `spec.length` tokens: every turn behind the history the bot would show."""
    for shown, learned in lessons(conversation, tokenizer, spec, everyone=everyone):
        row = encode(tokenizer, render_row(spec, conversation.scene, shown, learned))
        yield Row(
            row.ids,
            row.learned,
            conversation.chat_id,
            conversation.began,
            learned_turns=len(learned),
            learned_bytes=sum(len(text.encode()) for index in learned for text in shown[index].texts),
        )


def lessons(
    conversation: Conversation, tokenizer: Tokenizer, spec: PromptSpec, *, everyone: bool
) -> Iterator[tuple[tuple[Turn, ...], frozenset[int]]]:
    """The windows of one session: the turns that are shown, and the indices of those that are learned (never none)."""
    said = clip_all(spec, tokenizer, conversation.turns)
    costs = [turn_cost(spec, tokenizer, turn) for turn in said]
    for window in windows(costs, budget=history_budget(spec, tokenizer, conversation.scene)):
        shown = said[window.start : window.stop]
        learned = frozenset(
            index
            for index, turn in enumerate(shown)
            if index >= window.first - window.start and turn.spoken and (turn.own or everyone)
        )
        if learned:
            yield shown, learned


def _own(turn: Turn) -> bool:
    return turn.own and turn.spoken


def _too_little(problem: str) -> TooLittle:
    return TooLittle(
        problem, fix="sync more chats (`[sync]` in the configuration, then `python -m exporter`), or import an export"
    )
