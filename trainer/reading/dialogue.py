"""From messages to what a model reads: sessions, turns, and the part of a session that fits. Pure.

It knows what a message is, and nothing of tokens: whoever asks for a fit says what a turn costs.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate, groupby

from exporter.messages import Message, MessageKind

Session = tuple[Message, ...]
Burst = tuple[Message, ...]
"""What one person said in a row."""

LATE = timedelta(days=7)
"""What was left unanswered for longer is not waited for any more."""
ASKED = re.compile(r"[?？؟]\s*$")
"""The end of a question."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A burst as it is read, message by message."""

    name: str
    own: bool
    """Said by whom the double speaks for: the account's owner, unless it is another person's."""
    texts: tuple[str, ...]
    spoken: bool = True
    """In that person's own words; a forward or a sticker is context and never learned."""
    mark: str = ""
    """What is told of the time before it is read, which nobody said; see trainer.reading.marks."""
    ends: bool = True
    """False for the beginning of a turn that goes on, so that where it is cut is not learned."""


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a session as the bot would see it: turns[start:stop]; turns[first:stop] may be learned."""

    start: int
    first: int
    stop: int


Cost = Callable[[Turn], int]
"""Tokens of one rendered turn."""


def sessions(messages: Iterable[Message], *, gap: timedelta, private: bool) -> Iterator[Session]:
    """Split what is told of one chat, oldest first, wherever silence lasted longer than `gap`.

    But what is unanswered is not over: between two people, a session goes on after as long as LATE if the last words
    were the other's, or a question of the owner's. In a group, which is not `private`, nobody knows who is meant. And
    who says that he answers an earlier message goes on with its session, however late.
    """
    session: list[Message] = []
    ids: set[int] = set()
    for message in filter(told, messages):
        if session and message.sent_at - session[-1].sent_at > gap:
            answers = message.reply_to_chat is None and message.reply_to in ids
            if not (answers or (private and _waited_for(session[-1], message))):
                yield tuple(session)
                session, ids = [], set()
        session.append(message)
        ids.add(message.message_id)
    if session:
        yield tuple(session)


def _waited_for(last: Message, message: Message) -> bool:
    return message.sent_at - last.sent_at <= LATE and bool(not last.outgoing or ASKED.search(last.text))


def bursts(session: Iterable[Message], *, quiet: timedelta, foreign: Collection[tuple[int, int]]) -> Iterator[Burst]:
    """What each person said in a row, without a silence longer than `quiet`.

    Own words and others', such as a forward's, are two bursts. `foreign` are the messages, by chat and id, whose words
    are not their sender's although they look so.
    """
    burst: list[Message] = []
    for message in session:
        if burst and (
            message.sent_at - burst[-1].sent_at > quiet or _voice(message, foreign) != _voice(burst[-1], foreign)
        ):
            yield tuple(burst)
            burst = []
        burst.append(message)
    if burst:
        yield tuple(burst)


def _voice(message: Message, foreign: Collection[tuple[int, int]]) -> tuple[bool, int, bool]:
    return message.outgoing, message.sender_id, spoken(message, foreign)


def turn(
    burst: Burst, names: Mapping[int, str], *, owner: str, foreign: Collection[tuple[int, int]], mark: str = ""
) -> Turn:
    """A burst as it is read. The parts of an album are one message.

    `names` gives the name of each sender id; the owner is named by `owner`.
    """
    first = burst[0]
    messages = groupby(burst, key=lambda message: message.album or message.message_id)
    return Turn(
        name=owner if first.outgoing else names.get(first.sender_id, "someone"),
        own=first.outgoing,
        texts=tuple(" ".join(map(words, parts)) for _, parts in messages),
        spoken=spoken(first, foreign),
        mark=mark,
    )


def told(message: Message) -> bool:
    """Whether a reader is told of it: what somebody said, and calls. A new title or a pin is left out."""
    return (message.said or message.kind is MessageKind.CALL) and bool(words(message))


def words(message: Message) -> str:
    """The message as a reader would tell it: its text, with a short mark for what is not text.

    `[sticker 😂]`, `[voice 0:12]`, `[call 5:00]`, `[photo] look`; a call without a length was not answered.
    """
    if message.kind is MessageKind.TEXT:
        return message.text.strip()
    detail = message.emoji or _clock(message.duration)
    return f"[{message.kind}{detail and ' '}{detail}] {message.text}".strip()


def _clock(seconds: int | None) -> str:
    """A length in minutes and seconds, nothing where there is none."""
    return f"{seconds // 60}:{seconds % 60:02}" if seconds else ""


def spoken(message: Message, foreign: Collection[tuple[int, int]] = ()) -> bool:
    """Whether these are the sender's own words, so that a model may learn to say them."""
    return (
        message.kind is MessageKind.TEXT
        and not message.forwarded
        and not message.via_bot
        and (message.chat_id, message.message_id) not in foreign
    )


def clip(turn: Turn, cost: Cost, limit: int) -> Turn:
    """The turn itself where it costs no more than `limit`; else its end, which is never learned.

    The oldest messages of the burst go first, then the beginning of the last one.
    """
    if cost(turn) <= limit:
        return turn

    def fits(first: int) -> bool:
        return cost(replace(turn, texts=turn.texts[first:])) <= limit

    texts = turn.texts[_least(len(turn.texts), fits) :]
    while len(texts[0]) > 1 and cost(replace(turn, texts=texts)) > limit:
        texts = (texts[0][-(len(texts[0]) * 3 // 4) :], *texts[1:])
    return replace(turn, texts=texts, spoken=False)


def begun(turn: Turn, cost: Cost, limit: int) -> Turn:
    """The beginning of a turn that costs more than `limit`, to be learned without an end.

    The last messages of the burst go first, then the end of the first one.
    """
    count = len(turn.texts)

    def fits(left: int) -> bool:
        return cost(replace(turn, texts=turn.texts[: count - left])) <= limit

    texts = turn.texts[: count - _least(count, fits)]
    while len(texts[0]) > 1 and cost(replace(turn, texts=texts)) > limit:
        texts = (texts[0][: len(texts[0]) * 3 // 4], *texts[1:])
    return replace(turn, texts=texts, ends=False)


def _least(count: int, fits: Callable[[int], bool]) -> int:
    """How many of `count` messages have to go until the others fit; one stays in any case. Few are looked at."""
    return bisect_left(range(count - 1), True, key=fits)


def window_start(costs: Sequence[int], *, budget: int) -> int:
    """Where the history before the next reply begins, so that costs[start:] fits into `budget`.

    The oldest turns fall off in blocks of half the budget, not one by one: a prompt begins where the one
    before it did until a block is full, and what a model has already read of it stays in its KV cache.
    """
    return _start(list(accumulate(costs, initial=0)), len(costs), budget)


def _start(sums: Sequence[int], stop: int, budget: int) -> int:
    """The same of the first `stop` turns; `sums[n]` is what the first n cost together."""
    over = sums[stop] - budget
    if over <= 0:
        return 0
    block = max(budget // 2, 1)
    return bisect_left(sums, -(-over // block) * block, 0, stop - 1)


def windows(costs: Sequence[int], *, budget: int) -> Iterator[Window]:
    """Cut a session so that each turn stands, exactly once, behind the history the bot would show for it."""
    sums = list(accumulate(costs, initial=0))
    start, first = 0, 0
    for turn in range(1, len(costs)):
        begins = _start(sums, turn, budget)
        if begins != start:
            yield Window(start, first, turn)
            start, first = begins, turn
    if costs:
        yield Window(start, first, len(costs))
