"""Messages by their words: what is typed, as a question to the full-text index, and the messages that answer it.

It asks only; `storing.fulltext.catch_up` comes first. Messages that were deleted on Telegram are no
answer, as everywhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from exporter.messages import Message
from exporter.storing import rows
from exporter.storing.store import Store

YEAR = 31_557_600
"""Seconds. What was said now counts as much as what fits twice as well from long ago; after a year, one and a half."""
_OPEN, _CLOSE = "\x01", "\x02"
_EMOJI_STYLE = "\ufe0f"
"""Asks for the coloured form of a character; people's keyboards differ in whether they write it."""
_COLUMNS = ", ".join(rows.MESSAGE)
_HIT = f"""
    select coalesce((select chat_id from migrated_group where group_id = messages.chat_id), chat_id), {_COLUMNS}
    from messages where serial = ?
"""  # noqa: S608 - column names of our own


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or several in this order."""

    text: str
    is_prefix: bool = False
    """The last word may go on."""

    @property
    def is_indexed(self) -> bool:
        """Whether there is a word in it; emoji and punctuation are none, and are looked for as they stand."""
        return any(unicodedata.category(character)[0] in "LN" for character in self.text)


@dataclass(frozen=True, slots=True)
class Scope:
    """Among which messages one looks."""

    chat_id: int | None = None
    """Only this chat, with what is part of it: a basic group that it was, another messenger's chat."""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is not meant any more."""


EVERYWHERE = Scope()


@dataclass(frozen=True, slots=True)
class Hit:
    """One message that was found."""

    chat_id: int
    """The chat that it is part of now: of a basic group's message, the supergroup."""
    message: Message
    spans: tuple[tuple[int, int], ...]
    """Where in its text the words stand, as begin and end."""
    score: float
    """The larger, the better it fits; among the hits of one search alone."""


def parse(words: Iterable[str]) -> tuple[Term, ...]:
    """What was typed, an argument a word: quotes, or spaces within an argument, make a phrase; `*` ends a prefix.

    Nothing else has a meaning of its own: AND, NEAR or brackets are looked for like any other words.
    """
    terms = []
    for word in words:
        readable = word.encode("utf-8", "replace").decode().replace("\0", " ")
        for piece in readable.split('"'):
            text = piece.rstrip("*").replace(_EMOJI_STYLE, "").strip()
            if text:
                terms.append(Term(text, is_prefix=piece.endswith("*")))
    return tuple(terms)


def find(
    store: Store,
    terms: Sequence[Term],
    *,
    now: datetime,
    scope: Scope = EVERYWHERE,
    limit: int = 10,
    every: bool = True,
) -> list[Hit]:
    """The messages that fit best, of those that are indexed: the best first.

    They fit by BM25, where rare words count more than frequent ones and short messages more than long ones, and what
    is recent counts up to twice. With `every` a hit has all terms, else one of them at least. Letters' case and
    accents do not matter. Among a million messages it takes milliseconds, up to a second for the most frequent words.
    """
    if not terms:
        return []
    question = _Question(store, terms, scope, every=every)
    fit = "-bm25(message_words, 1.0, 0.0)" if question.match else "1.0"
    found = store.database.execute(
        f"""
        select serial, {fit} * (1 + 1 / (1 + max(0, ? - sent_at) / {YEAR}.0)) as score
        from {question.among} where {question.conditions} order by score desc, sent_at desc limit ?
        """,  # noqa: S608 - of our own making; what was typed is bound
        [int(now.timestamp()), *question.values, limit],
    ).fetchall()
    return [_hit(store, serial, score, terms, question.match) for serial, score in found]


def count(store: Store, term: Term, scope: Scope = EVERYWHERE) -> int:
    """How many messages have it."""
    question = _Question(store, [term], scope, every=True)
    query = f"select count(*) from {question.among} where {question.conditions}"  # noqa: S608
    return int(store.database.execute(query, question.values).fetchone()[0])


def around(store: Store, hit: Hit) -> tuple[Message | None, Message | None]:
    """What was said in that chat just before a hit, and just after it."""
    return _next(store, hit, "<", "desc"), _next(store, hit, ">", "asc")


class _Question:
    """Terms and scope as SQL: the tables, the conditions, and the values bound in them."""

    def __init__(self, store: Store, terms: Sequence[Term], scope: Scope, *, every: bool) -> None:
        indexed = [term for term in terms if term.is_indexed]
        bare = [term for term in terms if not term.is_indexed] if every or not indexed else []
        parts = store.parts(scope.chat_id) if scope.chat_id is not None else []
        self.match = _match(indexed, parts, every=every)
        self.among = "messages"
        self.values: list[str | int] = []
        conditions = ["deleted_at is null"]
        if self.match:
            self.among = "message_words cross join messages on serial = message_words.rowid"
            conditions.append("message_words match ?")
            self.values.append(self.match)
        if bare:
            conditions.append(f"({(' and ' if every else ' or ').join(['instr(messages.text, ?)'] * len(bare))})")
            self.values += [term.text for term in bare]
        if parts:
            conditions.append(f"messages.chat_id in ({', '.join('?' * len(parts))})")
            self.values += parts
        for moment, comparison in ((scope.since, ">="), (scope.until, "<")):
            if moment:
                conditions.append(f"sent_at {comparison} ?")
                self.values.append(int(moment.timestamp()))
        self.conditions = " and ".join(conditions)


def _match(terms: Sequence[Term], parts: Sequence[int], *, every: bool) -> str | None:
    """The question in FTS5's language; None where nothing in it is indexed."""
    if not terms:
        return None
    phrases = (f'"{_plain(term.text)}"{" *" if term.is_prefix else ""}' for term in terms)
    words = f"{{text}} : ({(' AND ' if every else ' OR ').join(phrases)})"
    if not parts:
        return words
    chats = " OR ".join(f'"{abs(part)}"' for part in parts)  # the sign is no part of a word
    return f"{{chat_id}} : ({chats}) AND {words}"


def _plain(text: str) -> str:
    """As the index has it."""
    return text.replace("ё", "е").replace("Ё", "Е")


def _hit(store: Store, serial: int, score: float, terms: Sequence[Term], match: str | None) -> Hit:
    chat_id, *row = store.database.execute(_HIT, [serial]).fetchone()
    message = rows.to_message(tuple(row))
    spans = [span for term in terms if not term.is_indexed for span in _standing(term.text, message.text)]
    if match:
        marked = store.database.execute(
            "select highlight(message_words, 0, ?, ?) from message_words where message_words match ? and rowid = ?",
            [_OPEN, _CLOSE, match, serial],
        ).fetchone()[0]
        spans += _marked(marked, message.text)
    return Hit(chat_id, message, tuple(sorted(spans)), score)


def _standing(part: str, text: str) -> Iterator[tuple[int, int]]:
    return ((found.start(), found.end()) for found in re.finditer(re.escape(part), text))


def _marked(marked: str, text: str) -> list[tuple[int, int]]:
    """Where the marks stood; nowhere in a message that has such characters of its own."""
    pieces = re.split(f"([{_OPEN}{_CLOSE}])", marked)
    begin, end, spans = 0, 0, []
    for piece in pieces:
        match piece:
            case "\x01":
                begin = end
            case "\x02":
                spans.append((begin, end))
            case _:
                end += len(piece)
    return spans if end == len(text) else []


def _next(store: Store, hit: Hit, comparison: str, order: str) -> Message | None:
    """Part by part: where several are sorted together, SQLite reads all of them."""
    here = [int(hit.message.sent_at.timestamp()), hit.message.message_id]
    found = []
    for part in store.parts(hit.chat_id):
        row = store.database.execute(
            f"""
            select {_COLUMNS} from messages where chat_id = ? and (sent_at, message_id) {comparison} (?, ?)
            and deleted_at is null and kind not in ('service', 'call')
            order by sent_at {order}, message_id {order} limit 1
            """,  # noqa: S608
            [part, *here],
        ).fetchone()
        if row:
            found.append(rows.to_message(row))
    closest = min if comparison == ">" else max
    return closest(found, key=lambda one: (one.sent_at, one.message_id), default=None)
