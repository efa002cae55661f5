"""What a model made up that must not be said, however it is asked for. Pure: no clock, no I/O, no model."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from exporter.messages import MessageKind
from trainer.reading.prompt import UNPRINTABLE, PromptSpec
from trainer.reading.redact import PLACEHOLDER


class Flaw(StrEnum):
    """Why something that a model made up is not sent."""

    EMPTY = "empty"
    LOOP = "loop"
    MEDIA = "media"
    BROKEN = "broken"
    FRAME = "frame"
    REDACTED = "redacted"
    SECRET = "secret"  # noqa: S105 - the name of a reason
    """It is not in this chat; see `bot.composing.discretion`, also for those below."""
    NAME = "name"
    """Of somebody whom nobody spoke of in this chat."""
    VERBATIM = "verbatim"
    """Somebody said just that in another chat."""
    TELL = "tell"
    """An assistant would say so, and the owner does not."""


_MEDIA = re.compile(rf"\[({'|'.join(set(MessageKind) - {MessageKind.TEXT})})( [^\]\n]*)?\]")
"""How `trainer.reading.dialogue.words` tells a model of what is not text: a double can not send such things."""
_CONTROL = re.compile(
    r"<\|\w+\|>|</?s>|</?think>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
    r"|^\s*(?:system|assistant|user|human|ai|bot)\s*:|^#+ (?:instruction|response|input)|^Traceback \(most recent call",
    re.IGNORECASE | re.MULTILINE,
)
"""How bases frame dialogues, theirs and those that they were taught before, and how programs fail."""
_AGAIN = re.compile(r"(.{8,}?)\1{3,}", re.DOTALL)
_MOST_ALIKE = 2
_SPAN = 4
"""So many words in a row make a loop where they come more often than `_MOST_ALIKE`."""


def flaw(texts: Sequence[str], spec: PromptSpec) -> Flaw | None:
    """Why this burst must not be sent as it is; None where it may."""
    whole = "\n".join(texts)
    if not texts or not all(map(_is_visible, texts)):
        return Flaw.EMPTY
    if _loops(whole):
        return Flaw.LOOP
    if _MEDIA.search(whole):
        return Flaw.MEDIA
    if "\N{REPLACEMENT CHARACTER}" in whole or UNPRINTABLE.search(whole):
        return Flaw.BROKEN
    if _CONTROL.search(whole) or any(token in whole for token in spec.frame.controls):
        return Flaw.FRAME
    if PLACEHOLDER.search(whole):
        return Flaw.REDACTED
    return None


def _is_visible(text: str) -> bool:
    """Whether there is anything to see: not only spaces, joiners and marks without a letter."""
    return any(unicodedata.category(sign)[0] in "LNPS" for sign in text)


def _loops(whole: str) -> bool:
    """Whether lines, words in a row, or longer pieces come again and again."""
    lines = Counter(line.strip().casefold() for line in whole.splitlines() if line.strip())
    words = whole.casefold().split()
    spans = Counter(tuple(words[at : at + _SPAN]) for at in range(len(words) - _SPAN + 1))
    often = any(count > _MOST_ALIKE for counted in (lines, spans) for count in counted.values())
    return often or _AGAIN.search(whole) is not None
