"""Words and emoji: how a text falls into them, and which of them are one's own. Pure.

Letters' case does not count. Scripts that put no space between words, such as Chinese, are cut at punctuation only.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

MIN_COUNT = 5
"""How often the owner must have said a word before it counts as his."""

_LETTERS = r"[\w\u0300-\u036f\u0900-\u0dff\u0e31-\u0e4e]"
"""With the marks that some scripts put on letters, which `\\w` leaves out."""
_WORD = re.compile(rf"(?:https?://|www\.)\S+|\S*@\S+|({_LETTERS}+(?:['’]{_LETTERS}+)*)")
"""A word is the group; links, addresses and mentions are found first, and leave it empty."""
_PICTURE = (
    r"[\u203c\u2049\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0"
    r"\u25fb-\u25fe\u2600-\u2793\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55"
    r"\U0001f004\U0001f0cf\U0001f170-\U0001f1e5\U0001f200-\U0001faff]"
)
_STYLE = r"[\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
_EMOJI = re.compile(rf"[\U0001f1e6-\U0001f1ff]{{2}}|{_PICTURE}{_STYLE}(?:\u200d{_PICTURE}{_STYLE})*")
"""A flag, or a picture with its skin tone and whatever is joined to it."""
_FIRST_EMOJI = "\u203c"
_COLOURFUL = "\U0001f000"
"""From here on pictures are emoji by themselves; older signs become one by U+FE0F."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word or an emoji, and how much it is the owner's own."""

    text: str
    own: int
    """How often the owner said it."""
    others: int
    score: float
    """How many standard errors its log-odds lie above even; see `log_odds`."""


class Lexicon:
    """How often words and emoji were said, by the owner and by others; it grows with these, not with the messages."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self._home: dict[str, int | None] = {}
        """The chat of each of the owner's terms; None once there are several."""

    def hear(self, chat_id: int, terms: list[str], *, own: bool) -> None:
        """Count the terms of one message."""
        if not own:
            self.others.update(terms)
            return
        self.own.update(terms)
        for term in terms:
            if self._home.setdefault(term, chat_id) != chat_id:
                self._home[term] = None

    def distinctive(self, limit: int, *, pictures: bool = False, without: Collection[str] = ()) -> tuple[Term, ...]:
        """The words, or the emoji, that are most the owner's own, the most so first.

        Only frequent ones, of two chats at least: what is said to one person only may be between the two.
        """
        scores = log_odds(self.own, self.others)
        found = [
            Term(term, count, self.others[term], scores[term])
            for term, count in self.own.items()
            if count >= MIN_COUNT and self._home[term] is None and scores[term] > 0 and term not in without
            if bool(_EMOJI.match(term)) is pictures
        ]
        return tuple(sorted(found, key=lambda term: (-term.score, term.text))[:limit])


def log_odds(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, float]:
    """How much more the one side says each of its terms than the other, as z-scores of the log-odds ratio.

    With an informative Dirichlet prior, here the counts of both sides together: Monroe, Colaresi and Quinn, "Fightin'
    Words: Lexical Feature Selection and Evaluation for Identifying the Content of Political Conflict", Political
    Analysis 16(4), 2008, pages 372-403. Unlike a ratio of frequencies it brings up neither what is rare by chance nor
    what everybody says.
    """
    one_total, other_total = sum(one.values()), sum(other.values())
    prior_total = one_total + other_total
    scores = {}
    for term, count in one.items():
        prior = count + other.get(term, 0)
        mine, theirs = count + prior, other.get(term, 0) + prior
        rest_of_mine, rest_of_theirs = one_total + prior_total - mine, other_total + prior_total - theirs
        if rest_of_mine and rest_of_theirs:
            ratio = math.log(mine / rest_of_mine) - math.log(theirs / rest_of_theirs)
            scores[term] = ratio / math.sqrt(1 / mine + 1 / theirs)
        else:  # nobody says anything else
            scores[term] = 0.0
    return scores


def words(text: str) -> list[str]:
    """The words of a text in small letters; numbers, links, addresses and mentions are none."""
    plain = text if text.isascii() else unicodedata.normalize("NFC", text).replace("’", "'")
    return [word for word in _WORD.findall(plain.lower()) if word and not word.isdigit()]


def emoji(text: str) -> list[str]:
    """The emoji of a text, one for what is seen as one; written alike, however the sender's phone writes them."""
    if text.isascii() or max(text) < _FIRST_EMOJI:
        return []
    return list(_alike(text))


def _alike(text: str) -> Iterator[str]:
    for found in _EMOJI.findall(text):
        bare = found.replace("\ufe0f", "")
        coloured = bare[0] >= _COLOURFUL or "\U0001f3fb" <= bare[1:2] <= "\U0001f3ff"
        yield bare if coloured else f"{bare[0]}\ufe0f{bare[1:]}"
