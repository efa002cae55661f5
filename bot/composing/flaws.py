"""What a model made up that must not be said, however it is asked for. Pure: no clock, no I/O, no model."""

import re
from collections.abc import Sequence
from enum import StrEnum

from exporter.messages import MessageKind
from trainer.reading.prompt import PromptSpec
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
_CONTROL = re.compile(r"<\|\w+\|>")
_AGAIN = re.compile(r"(.{8,}?)\1{3,}", re.DOTALL)
_MOST_ALIKE = 2


def flaw(texts: Sequence[str], spec: PromptSpec) -> Flaw | None:
    """Why this burst must not be sent as it is; None where it may."""
    whole = "\n".join(texts)
    lines = [line.strip().casefold() for line in whole.splitlines() if line.strip()]
    if not texts or not all(text.strip() for text in texts):
        return Flaw.EMPTY
    if any(lines.count(line) > _MOST_ALIKE for line in lines) or _AGAIN.search(whole):
        return Flaw.LOOP
    if _MEDIA.search(whole):
        return Flaw.MEDIA
    if "\N{REPLACEMENT CHARACTER}" in whole or "\0" in whole:
        return Flaw.BROKEN
    if _CONTROL.search(whole) or any(token in whole for token in spec.frame.controls):
        return Flaw.FRAME
    if PLACEHOLDER.search(whole):
        return Flaw.REDACTED
    return None
