"""Secrets out of text before any of it is learned, and out of every prompt: the one function for both. Pure.

It knows in which order texts are read and how a secret is replaced; what is one, trainer.reading.sensitive knows. A
secret becomes a placeholder, `[phone 1]`, numbered as they come in a session: the same number there is always the same
secret.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from trainer.reading.dialogue import Turn
from trainer.reading.prompt import Scene
from trainer.reading.sensitive import banking, cues, keys, phones, wallets
from trainer.reading.sensitive.spans import Kind, Span, covered

SUBSCRIBER = 9
"""Digits by which two telephone numbers are the same, whatever is dialled before them."""
PLACEHOLDER = re.compile(rf"\[({'|'.join(Kind)}) \d+\]")
_SIGNS = re.compile(r"[\d@]")
_DIGIT = re.compile(r"\d")
LEAST_DIGITS = 3
"""Of the shortest secret in digits, the code on the back of a card."""
_TOKEN = re.compile(r"-----BEGIN |[\w+/.=:@-]{16}", re.ASCII)
"""Keys and wallets are at least so long."""
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]*://\S+|\b(?:t\.me|telegram\.me|www\.[^\s/]+)/\S+|(?<![\w.+-])@\w+", re.IGNORECASE
)
"""Pages and @names: digits in them are neither phones nor codes."""
_DIALLED = re.compile(r"wa\.me/|tel:|phone=", re.IGNORECASE)


class Redactor:
    """Hides the secrets of one session, text by text in the order in which they are read."""

    def __init__(self, region: str | None) -> None:
        self._region = region
        self._known: dict[tuple[Kind, str], str] = {}
        self._numbers: Counter[Kind] = Counter()

    def text(self, text: str) -> str:
        """The text with placeholders. Redacted again, it stays as it is."""
        if not suspect(text):
            return text
        while found := find(text, self._region):
            text = self._hidden(text, found)
        return text

    def scene(self, scene: Scene) -> Scene:
        """Who is who; a contact may be saved under his number."""
        return replace(scene, owner=self.text(scene.owner), chat=self.text(scene.chat))

    def turns(self, turns: Iterable[Turn]) -> tuple[Turn, ...]:
        """Names and texts; also a password that is the next message after one that ends with that word."""
        return tuple(replace(turn, name=self.text(turn.name), texts=self._burst(turn.texts)) for turn in turns)

    def _burst(self, texts: Sequence[str]) -> tuple[str, ...]:
        redacted: list[str] = []
        for number, text in enumerate(texts):
            told = number and cues.asks(texts[number - 1]) and len(text) > 3 and not re.search(r"\s|\[", text)
            spans = [Span(0, len(text), Kind.PASSWORD)] if told else []
            redacted.append(self._hidden(text, spans) if spans else self.text(text))
        return tuple(redacted)

    def _hidden(self, text: str, spans: Sequence[Span]) -> str:
        pieces, after = [], 0
        for span in spans:
            pieces += [text[after : span.start], self._placeholder(span.kind, text[span.start : span.stop])]
            after = span.stop
        return "".join([*pieces, text[after:]])

    def _placeholder(self, kind: Kind, secret: str) -> str:
        """One for each secret, however it is spaced, and a phone's with its country's code or without."""
        signs = "".join(filter(str.isalnum, secret)).casefold()
        key = kind, signs[-SUBSCRIBER:] if kind is Kind.PHONE else signs
        if key not in self._known:
            self._numbers[kind] += 1
            self._known[key] = f"[{kind} {self._numbers[kind]}]"
        return self._known[key]


def suspect(text: str) -> bool:
    """Whether a closer look is worth its time: no digit, no @, no word for a password and nothing long is no secret."""
    if _SIGNS.search(text) or _TOKEN.search(text):
        return True
    folded = text.casefold()
    return cues.named(folded) or wallets.named(folded)


def find(text: str, region: str | None) -> list[Span]:
    """What is secret in a text, in order and without overlaps; placeholders are not."""
    plain = PLACEHOLDER.sub(_blacked, text)
    spans = [*cues.passwords(plain), *wallets.phrases(plain)]
    if "@" in plain:
        spans += keys.emails(plain)
    if _TOKEN.search(plain):
        spans += [*keys.keys(plain), *wallets.wallets(plain)]
    if (digits := len(_DIGIT.findall(plain))) >= LEAST_DIGITS:
        masked = plain if _DIALLED.search(plain) else _ADDRESS.sub(_blacked, plain)
        spans += cues.codes(masked)
        if digits >= phones.LEAST_DIGITS:
            spans += phones.phones(plain, masked, region)
        if digits >= banking.LEAST_DIGITS:
            spans += [*banking.ibans(plain), *banking.cards(plain)]
    return covered(spans)


def placeholders(texts: Iterable[str]) -> Counter[Kind]:
    """How many secrets are hidden in texts that were redacted, by kind."""
    return Counter(Kind(found[1]) for text in texts for found in PLACEHOLDER.finditer(text))


def _blacked(found: re.Match[str]) -> str:
    return "\0" * len(found[0])
