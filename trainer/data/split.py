"""The whole history, cut by time: what is learned, what is held out, and what of it is not worth learning.

It knows the store and the owner's files; of tokens and rows it knows nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from exporter.progress import Count, uncounted
from exporter.rights.consent import Ledger, how_to_grant
from exporter.settings.config import Config
from exporter.storing.store import Store
from trainer.data.curate import Curation, Measured, curate
from trainer.data.notes import Notes, read_notes
from trainer.reading.conversations import (
    Conversation,
    TooLittle,
    conversations,
    learn_gaps,
    learnable,
    too_little,
    views,
)
from trainer.reading.dialogue import Turn
from trainer.reading.prompt import Scene, in_line
from trainer.reading.redact import PLACEHOLDER, placeholders
from trainer.reading.sensitive.phones import region_of
from trainer.reading.sensitive.spans import Kind

LEAST_TURNS = 20
"""Fewer turns of the owner's than this teach a model nothing but to repeat them."""

MOST_HELD_OUT = 1 / 3
"""Share of the owner's turns beyond which the cut is no longer moved back to a silence."""
NAMELESS = 0.05
"""Share of learned rows that are not told who talks with whom."""
UNRELATED = 0.15
"""Share of learned rows that are at least not told what the other side is to the owner."""


@dataclass(frozen=True, slots=True)
class Split:
    """The history, cut by time."""

    said: tuple[Conversation, ...]
    """All of it, oldest first: what the bot may recall, and so what rows may tell again."""
    learned: tuple[Conversation, ...]
    """What was over by then, without what is not worth learning."""
    since: datetime
    gaps: Mapping[int, timedelta]
    """The silence that ends a session, by chat."""
    region: str | None
    """Whose telephone numbers were known as they are dialled at home."""
    curation: Curation
    """What of the learned part is context only, and why."""
    notes: Notes
    """The owner's other writing, without what stands in the held-out part."""

    @property
    def held_out(self) -> tuple[Conversation, ...]:
        """What went on since then; turns before that are context."""
        return _held_out(self.said, self.since)

    @property
    def redacted(self) -> Counter[Kind]:
        """Secrets in all that was said, and in notes, by kind."""
        turns = (turn for one in self.said for turn in one.turns)
        return placeholders((*(text for turn in turns for text in turn.texts), *self.notes.texts))


def frequent(history: Split, count: int) -> tuple[str, ...]:
    """The names of the contacts who have most turns in what is learned, sorted; no placeholders."""
    turns = Counter(in_line(turn.name) for one in history.learned for turn in one.turns if not turn.own)
    known = [name for name in sorted(turns, key=lambda name: (-turns[name], name)) if not PLACEHOLDER.search(name)]
    return tuple(sorted(known[:count]))


def split(
    store: Store,
    ledger: Ledger,
    config: Config,
    *,
    learned_until: datetime | None = None,
    count: Count = uncounted,
) -> Split:
    """The whole history, and since when it is held out: the newest share of the owner's turns, cut at a silence.

    Where the talk that goes on then is most of what there is, it is cut in its midst.
    Nothing that was sent since then is learned, and nothing from before is measured on. What a model has learned
    already, up to `learned_until`, is not held out from it any more. `count` is told messages.

    Raises:
        TooLittle: nothing that the owner wrote, or too little of it; or the person to be learned has not agreed.
    """
    train, agreed = config.train, learnable(store, ledger)
    gaps = learn_gaps(store, agreed, train)
    region = region_of(config.telegram.phone, config.timezone)
    read = views(store, config, gaps, region=region, speaker=train.speaker)
    whose = read.speaker.name if read.speaker else "the owner"
    if read.speaker and not ledger.allows(read.speaker, "learn"):
        fix = f"once they do: {how_to_grant(read.speaker, 'learn')}"
        raise TooLittle(f"{whose} did not agree that a model learns from them", fix=fix)
    every = conversations(store, agreed, read, count=count)
    spoken = sorted(one for conversation in every for one in _spoken(conversation))
    if not spoken:
        raise too_little(f"{whose} has written nothing in these chats")
    since = max(filter(None, (_newest(spoken, train.held_out), learned_until)))
    parts = (one.before(since) for one in every)
    learned = tuple(replace(part, scene=_taught(part, train.seed)) for part in parts if part.turns)
    measured = Measured(_measured(_held_out(every, since), since))
    learned, curation = curate(
        learned, measured, everyone=train.learn == "everyone", chat_share=train.chat_share, seed=train.seed
    )
    if (turns := sum(own(turn) for conversation in learned for turn in conversation.turns)) < LEAST_TURNS:
        raise too_little(f"{whose} has only {turns} turns to learn from; {LEAST_TURNS} are the least")
    notes = read_notes(() if read.speaker else train.notes, read.region, leave_out=measured.holds)
    return Split(tuple(every), learned, since, gaps, read.region, curation, notes)


def _held_out(said: Iterable[Conversation], since: datetime) -> tuple[Conversation, ...]:
    return tuple(one for one in said if one.ends[-1] >= since)


def _newest(spoken: Sequence[tuple[datetime, datetime]], share: float) -> datetime:
    """When the newest share of these turns begins, or the talk that its first one is part of, unless that is long."""
    count = max(round(len(spoken) * share), 1)
    begin, _ = spoken[-count]
    if sum(talk >= begin for talk, _ in spoken) <= max(count, MOST_HELD_OUT * len(spoken)):
        return begin
    return sorted(at for _, at in spoken)[-count]


def _spoken(conversation: Conversation) -> Iterator[tuple[datetime, datetime]]:
    """Of each of the owner's turns, when the talk began that it is part of, the last after a silence; when it did."""
    begin = conversation.began
    for turn, at in zip(conversation.turns, conversation.times, strict=True):
        begin = at if turn.mark else begin
        if own(turn):
            yield begin, at


def _measured(held_out: Iterable[Conversation], since: datetime) -> Iterator[str]:
    """The owner's messages whose loss is measured."""
    for one in held_out:
        for turn, at in zip(one.turns, one.times, strict=True):
            if at >= since and own(turn):
                yield from turn.texts


def _taught(conversation: Conversation, seed: int) -> Scene:
    """The scene, a small share of them without the relation or all names: so that a model needs neither."""
    chance, scene = drawn(conversation, "scene", seed), conversation.scene
    return replace(scene, named=chance >= NAMELESS, relation=scene.relation if chance >= UNRELATED else "")


def drawn(conversation: Conversation, purpose: str, seed: int) -> float:
    """From 0 to 1, the same for the same conversation whatever else is learned."""
    return Random(f"{seed} {purpose} {conversation.chat_id} {conversation.began}").random()  # noqa: S311 - no secret


def own(turn: Turn) -> bool:
    """Whether the owner said it, in his own words."""
    return turn.own and turn.spoken
