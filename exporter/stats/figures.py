"""How one writes, in figures: counted over messages, chat by chat, in one pass. Pure; it knows no store and no picture.

What is kept while counting grows with days, people and words, not with messages: times to a reply end with the
session, so that even these are counts of whole seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from itertools import accumulate
from typing import NamedTuple

from exporter.messages import Message, Peer, PeerKind
from exporter.stats.vocabulary import Lexicon, emoji, words

WEEK = (7, 24)
"""Monday to Sunday, by hours from midnight."""

Week = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often each whole number was seen."""

    counts: Mapping[int, int]

    @property
    def total(self) -> int:
        """How many were seen."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float | None:
        """None where nothing was seen."""
        return sum(value * count for value, count in self.counts.items()) / self.total if self.counts else None

    def quantile(self, share: float) -> int | None:
        """The smallest number that at least this share of all does not exceed; None where nothing was seen.

        The inverse of the distribution function: definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical
        Packages", The American Statistician 50(4), 1996. It is always a number that was seen.
        """
        values = sorted(self.counts)
        reached = accumulate(self.counts[value] for value in values)
        total = self.total
        return next((value for value, sofar in zip(values, reached, strict=True) if sofar / total >= share), None)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a chat: the owner, or everybody else."""

    messages: int
    bursts: Distribution
    """Messages in a row, before somebody else writes or the session ends; an album is one."""
    latency: Distribution
    """Seconds to a reply: from the last message of the other's burst to the first of the answer, in one session.

    Of private chats only: in a group nobody knows who is to answer.
    """


@dataclass(frozen=True, slots=True)
class ChatFigures:
    """One chat."""

    peer: Peer
    own: Side
    others: Side


class Day(NamedTuple):
    """How much was said on one day."""

    day: date
    own: int
    others: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was counted: one message, at least."""

    owner_id: int
    chats: tuple[ChatFigures, ...]
    """Those in which something was said, the largest first."""
    own: Side
    """The owner in all chats together."""
    others: Side
    """Everybody else, in all of them."""
    days: Mapping[date, Mapping[int, int]]
    """Messages of each day, by sender id; one day at least. Days are by the owner's clock."""
    own_week: Week
    """The owner's messages by weekday and hour of his clock."""
    others_week: Week
    lexicon: Lexicon

    @property
    def people(self) -> Counter[int]:
        """Messages by sender id, the owner's among them."""
        people: Counter[int] = Counter()
        for senders in self.days.values():
            people.update(senders)
        return people

    def daily(self) -> list[Day]:
        """Each day from the first to the last, those without messages among them."""
        first, last = min(self.days), max(self.days)
        calendar = (first + timedelta(days=number) for number in range((last - first).days + 1))
        said = ((day, self.days.get(day, {})) for day in calendar)
        return [Day(day, own := senders.get(self.owner_id, 0), sum(senders.values()) - own) for day, senders in said]


@dataclass(slots=True)
class _Voice:
    """A side while it is being counted."""

    messages: int = 0
    bursts: Counter[int] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)

    def side(self) -> Side:
        return Side(self.messages, Distribution(self.bursts), Distribution(self.latency))


class _Bursts:
    """Follows one chat from burst to burst."""

    def __init__(self, own: _Voice, others: _Voice, *, gap: timedelta, answered: bool) -> None:
        self._own, self._others, self._gap, self._answered = own, others, gap, answered
        self._last: Message | None = None
        self._length = 0

    def follow(self, message: Message) -> None:
        """Count what ends with this message: a burst, and a wait for an answer."""
        last, self._last = self._last, message
        if last is None:
            self._length = 1
            return
        pause = message.sent_at - last.sent_at
        if pause > self._gap or message.sender_id != last.sender_id or message.outgoing != last.outgoing:
            self._end(last)
            if self._answered and pause <= self._gap and message.outgoing != last.outgoing:
                voice = self._own if message.outgoing else self._others
                voice.latency[int(pause.total_seconds())] += 1
            self._length = 1
        elif message.album is None or message.album != last.album:
            self._length += 1

    def close(self) -> None:
        """The history ends here."""
        if self._last:
            self._end(self._last)

    def _end(self, last: Message) -> None:
        (self._own if last.outgoing else self._others).bursts[self._length] += 1


class Tally:
    """Counts one chat after the other; `figures` may be asked for at any time."""

    def __init__(self, owner_id: int, zone: tzinfo, *, gap: timedelta) -> None:
        self._owner_id, self._zone, self._gap = owner_id, zone, gap
        self._chats: list[ChatFigures] = []
        self._days: defaultdict[date, Counter[int]] = defaultdict(Counter)
        self._weeks = {own: [[0] * WEEK[1] for _ in range(WEEK[0])] for own in (True, False)}
        self._lexicon = Lexicon()

    def read(self, peer: Peer, messages: Iterable[Message]) -> None:
        """Count a chat, oldest first. What only happened there, a call or a new title, is not counted."""
        own, others = _Voice(), _Voice()
        bursts = _Bursts(own, others, gap=self._gap, answered=peer.kind is PeerKind.USER)
        for message in messages:
            if not message.said:
                continue
            (own if message.outgoing else others).messages += 1
            bursts.follow(message)
            self._date(message)
            if message.text and not message.forwarded and not message.via_bot:
                self._lexicon.hear(message.chat_id, words(message.text) + emoji(message.text), own=message.outgoing)
        bursts.close()
        if own.messages or others.messages:
            self._chats.append(ChatFigures(peer, own.side(), others.side()))

    def figures(self) -> Figures:
        """What was counted; of no message there are none."""
        largest_first = sorted(
            self._chats, key=lambda chat: (-chat.own.messages - chat.others.messages, chat.peer.name)
        )
        own_week, others_week = (tuple(map(tuple, self._weeks[own])) for own in (True, False))
        return Figures(
            self._owner_id,
            tuple(largest_first),
            _together(chat.own for chat in largest_first),
            _together(chat.others for chat in largest_first),
            self._days,
            own_week,
            others_week,
            self._lexicon,
        )

    def _date(self, message: Message) -> None:
        local: datetime = message.sent_at.astimezone(self._zone)
        self._days[local.date()][self._owner_id if message.outgoing else message.sender_id] += 1
        self._weeks[message.outgoing][local.weekday()][local.hour] += 1


def _together(sides: Iterable[Side]) -> Side:
    """The same side of several chats."""
    total = _Voice()
    for side in sides:
        total.messages += side.messages
        total.bursts.update(side.bursts.counts)
        total.latency.update(side.latency.counts)
    return total.side()
