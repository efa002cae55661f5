"""What gives away that a machine wrote: an assistant's phrases, and questions at the end where he asks few. Pure.

The phrases stand in `tells.toml`. Some are never said for him; each of the others, and a closing question, costs a
reply some nats in the ranking.
"""

import tomllib
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from math import log
from pathlib import Path
from re import Pattern

from bot.phrases import pattern, plain
from exporter.messages import Message, MessageKind
from exporter.storing import ghostwritten
from trainer.reading.dialogue import ASKED

WORDS = Path(__file__).with_name("tells.toml")
COST = 1.0
"""Nats that a phrase costs of which assistants are fonder than people: as much as being a third as likely."""


class Tells:
    """Knows the phrases of some languages."""

    def __init__(self, never: Pattern[str], seldom: Pattern[str]) -> None:
        self._never = never
        self._seldom = seldom

    def never(self, texts: Iterable[str]) -> list[str]:
        """The phrases in a burst that are not to be said, as they stand there without capitals."""
        return [found[0] for text in texts for found in self._never.finditer(plain(text))]

    def cost(self, texts: Sequence[str], *, asks: float) -> float:
        """Nats by which a burst should be liked less: 0 where nothing in it tells.

        `asks` is the share of the owner's own bursts that end with a question. Where it is below a half, a question at
        the end is as unlikely of him as that, compared with the toss of a coin.
        """
        phrases = sum(len(self._seldom.findall(plain(text))) for text in texts)
        asked = bool(texts and ASKED.search(texts[-1]))
        return COST * phrases + (max(-log(2 * asks), 0.0) if asked else 0.0)


def load_tells(path: Path = WORDS) -> Tells:
    """The tells of this release."""
    languages = tomllib.loads(path.read_text("utf-8")).values()
    return Tells(*(pattern(",".join(one[kind] for one in languages)) for kind in ("never", "seldom")))


def asks(messages: Iterable[Message], foreign: Collection[ghostwritten.Key] = ()) -> float:
    """Of the owner's bursts in a chat, oldest message first, the share that ends with a question; never 0 nor 1.

    `foreign` are the messages whose words are a model's. Two bursts that nobody saw, one of each kind, are added
    (Laplace's rule), so that a chat with few messages says little.
    """
    said = [message for message in messages if message.said]
    lasts = [one for one, after in pairwise([*said, None]) if one and one.outgoing and not (after and after.outgoing)]
    own = [one for one in lasts if one.kind is MessageKind.TEXT and (one.chat_id, one.message_id) not in foreign]
    return (sum(bool(ASKED.search(one.text)) for one in own) + 1) / (len(own) + 2)
