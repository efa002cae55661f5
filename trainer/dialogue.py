"""From messages to what a model reads: sessions, turns, and the part of a session that fits. Pure.

It knows what a message is, and nothing of tokens: whoever asks for a fit says what a turn costs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from exporter.messages import Message, MessageKind

Session = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A burst: what one person said in a row, message by message."""

    name: str
    own: bool
    """Said by the account's owner."""
    texts: tuple[str, ...]
    spoken: bool = True
    """In that person's own words; a forward or a sticker is context and never learned."""


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a session as the bot would see it: turns[start:stop]; turns[first:stop] may be learned."""

    start: int
    first: int
    stop: int


Cost = Callable[[Turn], int]
"""Tokens of one rendered turn."""


def sessions(messages: Iterable[Message], *, gap: timedelta) -> Iterator[Session]:
    """Split one chat, oldest first, wherever silence lasted longer than `gap`."""
    session: list[Message] = []
    last: datetime | None = None
    for message in messages:
        if last is not None and message.sent_at - last > gap:
            yield tuple(session)
            session = []
        session.append(message)
        last = message.sent_at
    if session:
        yield tuple(session)


def turns(session: Iterable[Message], names: Mapping[int, str], *, owner: str) -> tuple[Turn, ...]:
    """Join what one person said in a row. What only happened, a call or a new title, is left out.

    The parts of an album are one message. `names` gives the name of each sender id; the owner is named by `owner`.
    """
    said = (message for message in session if message.said and words(message))
    bursts = groupby(said, key=lambda m: (m.outgoing, m.sender_id, spoken(m)))
    return tuple(
        Turn(
            name=owner if outgoing else names.get(sender_id, "someone"),
            own=outgoing,
            texts=tuple(
                " ".join(map(words, parts)) for _, parts in groupby(burst, key=lambda m: m.album or m.message_id)
            ),
            spoken=is_spoken,
        )
        for (outgoing, sender_id, is_spoken), burst in bursts
    )


def _texts(burst: Iterable[Message]) -> tuple[str, ...]:
    """One text a message; the parts of an album, of which mostly one has words, are one message."""
    messages = groupby(burst, key=lambda m: m.album or m.message_id)
    return tuple(" ".join(map(words, parts)) for _, parts in messages)


def words(message: Message) -> str:
    """The message as a reader would tell it: its text, with a short mark for what is not text."""
    if message.kind is MessageKind.TEXT:
        return message.text.strip()
    mark = f"[{message.kind} {message.emoji}]" if message.emoji else f"[{message.kind}]"
    return f"{mark} {message.text}".strip()


def spoken(message: Message) -> bool:
    """Whether these are the sender's own words, so that a model may learn to say them."""
    return message.kind is MessageKind.TEXT and not message.forwarded and not message.via_bot


def clip(turn: Turn, cost: Cost, limit: int) -> Turn:
    """The turn itself where it costs no more than `limit`; else its end, which is never learned.

    The oldest messages of the burst go first, then the beginning of the last one.
    """
    if cost(turn) <= limit:
        return turn
    texts = turn.texts
    while len(texts) > 1 and cost(replace(turn, texts=texts)) > limit:
        texts = texts[1:]
    while len(texts[0]) > 1 and cost(replace(turn, texts=texts)) > limit:
        texts = (texts[0][-(len(texts[0]) * 3 // 4) :], *texts[1:])
    return replace(turn, texts=texts, spoken=False)


def window_start(costs: Sequence[int], *, budget: int) -> int:
    """Where the history before the next reply begins, so that costs[start:] fits into `budget`.

    The oldest turns fall off in blocks of half the budget, not one by one: a prompt begins where the one
    before it did until a block is full, and what a model has already read of it stays in its KV cache.
    """
    block = max(budget // 2, 1)
    total = sum(costs)
    if total <= budget:
        return 0
    dropped_at_least = -(-(total - budget) // block) * block
    start, dropped = 0, 0
    while start < len(costs) - 1 and dropped < dropped_at_least:
        dropped += costs[start]
        start += 1
    return start


def windows(costs: Sequence[int], *, budget: int) -> Iterator[Window]:
    """Cut a session so that each turn stands, exactly once, behind the history the bot would show for it."""
    start, first = 0, 0
    for turn in range(1, len(costs)):
        begins = window_start(costs[:turn], budget=budget)
        if begins != start:
            yield Window(start, first, turn)
            start, first = begins, turn
    if costs:
        yield Window(start, first, len(costs))
