"""What the double must not answer for by itself: topics that cost more than an answer saves, and words that it cannot
judge. Pure, and without any network: all that it knows stands in `guard.toml`.

In doubt it objects: what it does not understand is a concern, too. It looks at their words and at those that are to be
sent alike.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.phrases import pattern, plain
from exporter.messages import Message, MessageKind

WORDS = Path(__file__).with_name("guard.toml")
"""Languages: the words that everybody uses, and those of each topic."""
COMMON_SHARE = 0.4
"""A message is taken for one of a language if this share of its words is common there, and `COMMON_LEAST` of them."""
COMMON_LEAST = 2
HEARD = 300
"""Earlier messages, the newest, from which words of a chat are learned."""
KNOWN_SHARE = 2 / 3
"""More than this share of what is said now must be words of one language, or words of earlier messages in it."""
_SEEN = frozenset({MessageKind.TEXT, MessageKind.STICKER, MessageKind.ANIMATION})
"""Kinds of messages that the guard can read."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_LAUGHS = ("ha", "he", "hi", "ja", "je", "lo", "xd", "ха", "хе", "хи")
_LONG_LETTER = re.compile(r"(.)\1{2,}")
_LINK = re.compile(r"https?:|www\.|\w\.(?:com|net|org|me|io|ru|de|fr|es|it|uk)\b")
_DIGIT = re.compile(r"\d")


class Concern(StrEnum):
    """Why the owner should look at it first."""

    IDENTITY = "identity"
    """Who, or what, it is that answers."""
    CODE = "code"
    MONEY = "money"
    HEALTH = "health"
    GRIEF = "grief"
    CONFLICT = "conflict"
    PROMISE = "promise"
    PLACE = "place"
    TIME = "time"
    NUMBER = "number"
    LINK = "link"
    UNSEEN = "unseen"
    """A picture, a voice message or a file: the guard cannot look into it."""
    LANGUAGE = "language"
    """It is in no language that the guard knows."""


TOPICS = tuple(Concern)[: tuple(Concern).index(Concern.NUMBER)]
"""Those that have words in `guard.toml`."""


@dataclass(frozen=True, slots=True)
class Language:
    """One that the guard knows."""

    name: str
    common: frozenset[str]
    letters: frozenset[str]
    """In which it is written; a word with any other is of another language, unless it was said in this one before."""
    topics: Mapping[Concern, re.Pattern[str]]


class Guard:
    """Finds concerns in the languages that it was given."""

    def __init__(self, languages: Sequence[Language], signs: Mapping[Concern, str], topics: Collection[str]) -> None:
        self.languages = tuple(languages)
        self.common = frozenset[str]().union(*(language.common for language in self.languages))
        """The words that everybody uses, of all languages that it knows."""
        self._signs = signs
        self._minded = frozenset(map(Concern, topics))
        """What the owner wants to see first; of the rest the guard says nothing."""

    def concern(
        self,
        theirs: Iterable[Message],
        reply: Sequence[str] = (),
        *,
        about: Sequence[Message] = (),
        earlier: Sequence[Message] = (),
        names: Iterable[str] = (),
    ) -> Concern | None:
        """What in their messages, or in the reply to them, the owner should see first; None where nothing is.

        `about` are messages that theirs answer: their topic is the same. `earlier` are messages of the same chat: what
        is usual there is not foreign. `names` are of the two who talk.
        """
        messages = list(theirs)
        if Concern.UNSEEN in self._minded and any(one.kind not in _SEEN for one in (*about, *messages)):
            return Concern.UNSEEN
        asked, said = _text(messages), plain("\n".join(reply))
        whole = f"{_text(about)}\n{asked}\n{said}"
        languages = self._understood((asked, said), earlier, names)
        if topic := self._topic(whole, languages or self.languages):
            return topic
        found = {
            Concern.LINK: _LINK.search(whole),
            Concern.NUMBER: _DIGIT.search(whole),
            Concern.LANGUAGE: not languages,
        }
        return next((concern for concern, there in found.items() if there and concern in self._minded), None)

    def _topic(self, whole: str, languages: Sequence[Language]) -> Concern | None:
        """A topic of the languages that it may be in; or of any, by words that are foreign there."""
        for topic in (one for one in TOPICS if one in self._minded):
            if any(sign in whole for sign in self._signs.get(topic, "")):
                return topic
            for language in languages:
                foreign = " ".join(word for word in _words(whole) if word not in language.common)
                others = (one for one in self.languages if one is not language)
                if language.topics[topic].search(whole) or any(one.topics[topic].search(foreign) for one in others):
                    return topic
        return None

    def _understood(
        self, sides: Sequence[str], earlier: Sequence[Message], names: Iterable[str]
    ) -> tuple[Language, ...]:
        """The languages in which each side is understood by itself."""
        called = {word for name in names for word in _words(plain(name))}
        spoken = [[word for word in _words(side) if word not in called] for side in sides]
        plainly = tuple(one for one in self.languages if all(_knows(one, one.common, words) for words in spoken))
        if plainly:
            return plainly
        heard = [_words(plain(message.text)) for message in earlier[-HEARD:]]
        known = [(one, vocabulary(one, heard)) for one in self.languages]
        return tuple(one for one, words in known if all(_knows(one, words, side) for side in spoken))


def _knows(language: Language, known: Collection[str], words: Sequence[str]) -> bool:
    """Whether enough of the words are known, and the others may be its; of `l'idée`, `idée` is enough.

    In 360 messages of the sandbox's cast, two of three are known so; of 66 short ones in 20 other languages, and in
    two at once, all but six are foreign, which share their words: `er du der` is German by each of them.
    """
    others = [word for word in words if word not in known and word.partition("'")[2] not in known]
    if not others:
        return True
    enough = len(words) - len(others) > KNOWN_SHARE * len(words)
    return enough and all(language.letters.issuperset(word) for word in others)


def vocabulary(language: Language, heard: Iterable[Sequence[str]]) -> Collection[str]:
    """What everybody says in a language, and what was said before in messages that clearly are of it."""
    known = set(language.common)
    for words in heard:
        common = sum(word in language.common for word in words)
        if common >= COMMON_LEAST and common >= COMMON_SHARE * len(words):
            known.update(words)
    return known


def load_guard(topics: Collection[str] = frozenset(Concern), path: Path = WORDS) -> Guard:
    """The guard of this release, which minds these concerns."""
    told = tomllib.loads(path.read_text("utf-8"))
    signs = {Concern(topic): text for topic, text in told.pop("signs").items()}
    return Guard([_language(name, one) for name, one in told.items()], signs, topics)


def _language(name: str, told: Mapping[str, str]) -> Language:
    topics = {topic: pattern(told[topic]) for topic in TOPICS}
    return Language(name, frozenset(plain(told["common"]).split()), frozenset(told["letters"]) | {"'"}, topics)


def _text(messages: Iterable[Message]) -> str:
    return plain("\n".join(f"{one.text} {one.emoji or ''}" for one in messages))


def _words(text: str) -> list[str]:
    """The words of a plain text. Laughter is none, and `sooo` is `so`."""
    return [word for word in _WORD.findall(_LONG_LETTER.sub(r"\1", text)) if not _is_laughter(word)]


def _is_laughter(word: str) -> bool:
    return len(word) > 2 and len(set(word)) == 2 and any(laugh in word for laugh in _LAUGHS)
