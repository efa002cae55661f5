"""What a finder reports: which kind of secret stands where. Knows nothing of how one is found."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a secret is. Where two overlap, the one named first here gives its name to both."""

    KEY = "key"
    """Of an API, a bot, an account or a cipher."""
    WALLET = "wallet"
    IBAN = "iban"
    CARD = "card"
    PASSWORD = "password"  # noqa: S105 - the name of a kind
    EMAIL = "email"
    PHONE = "phone"
    CODE = "code"
    """That lets somebody in once, or through a door: one-time codes, PINs."""


class Span(NamedTuple):
    """text[start:stop] is secret."""

    start: int
    stop: int
    kind: Kind


GAP = "[ \t\u00a0\u2009\u202f.\u2010-\u2015-]"
"""What people put between the groups of a long number."""


class Group(NamedTuple):
    """Digits without anything between them."""

    start: int
    stop: int
    digits: str
    """In ASCII, whatever script they are written in."""


_DIGITS = re.compile(r"\d+")


def groups(text: str, start: int, stop: int) -> list[Group]:
    """The groups of digits in a part of the text."""
    return [Group(found.start(), found.end(), ascii_digits(found[0])) for found in _DIGITS.finditer(text, start, stop)]


def runs(chain: list[Group], *, least: int, most: int) -> Iterator[list[Group]]:
    """Groups that stand together and have from `least` to `most` digits, the longest of each beginning first."""
    for first in range(len(chain)):
        total, fitting = 0, []
        for last in range(first, len(chain)):
            total += len(chain[last].digits)
            if total > most:
                break
            if total >= least:
                fitting.append(chain[first : last + 1])
        yield from reversed(fitting)


def ascii_digits(digits: str) -> str:
    """The same number in ASCII digits."""
    return digits if digits.isascii() else "".join(str(unicodedata.decimal(digit)) for digit in digits)


def covered(spans: Iterable[Span]) -> list[Span]:
    """In order, without overlaps: spans that overlap become one."""
    merged: list[Span] = []
    order = list(Kind)
    for span in sorted(spans):
        if merged and span.start < merged[-1].stop:
            last = merged[-1]
            kind = min(last.kind, span.kind, key=order.index)
            merged[-1] = Span(last.start, max(last.stop, span.stop), kind)
        else:
            merged.append(span)
    return merged
