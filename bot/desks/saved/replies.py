"""What a reply to a card asks for. Pure: one grammar, from the owner's words to a choice."""

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.desks.orders.order import SIGN

COMMENT = "//"
_FIRST = re.compile("\\+|👍[\U0001f3fb-\U0001f3ff]?")
"""A thumb may have any colour."""


class Kind(StrEnum):
    """What the owner wants."""

    NUMBER = "number"
    """That proposal sent."""
    WORDS = "words"
    """These words of his own sent."""
    SKIP = "skip"
    AGAIN = "again"
    """Other proposals."""
    COMMENT = "comment"
    """Nothing: he wrote that for himself."""
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Choice:
    """One reply."""

    kind: Kind
    number: int = 0
    """Of the proposal, counted from 1."""


def parse(reply: str, *, proposals: int) -> Choice:
    """Understand a reply to a card with so many proposals. A number that none of them has is unclear, not words."""
    said = reply.strip()
    if said.startswith(COMMENT):
        return Choice(Kind.COMMENT)
    if not said or said.startswith(SIGN):
        return Choice(Kind.UNCLEAR)
    if _FIRST.fullmatch(said):
        return Choice(Kind.NUMBER, 1)
    if said in ("-", "–", "—"):
        return Choice(Kind.SKIP)
    if said in ("?", "？"):
        return Choice(Kind.AGAIN)
    if said.isdecimal() and len(said) == 1:
        number = int(said)
        return Choice(Kind.NUMBER, number) if 1 <= number <= proposals else Choice(Kind.UNCLEAR)
    return Choice(Kind.WORDS)
