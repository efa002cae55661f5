"""The owner's other writing, such as notes, posts and mail: found, read, and cut into pieces for a model.

It knows files and text; how a piece is framed, trainer.reading.prompt knows.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import iglob
from pathlib import Path
from random import Random

from trainer.reading.prompt import Encoded, PromptSpec, Tokenizer, encode, render_note
from trainer.reading.redact import Redactor

SUFFIXES = frozenset({".txt", ".md"})
BORDERS = ("\n\n", "\n", " ")
"""Where a text is cut: between paragraphs, else between lines, else between words."""
_QUOTED = re.compile(r"^[^\S\n]*>.*\n?", re.MULTILINE)
_BREAK = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


@dataclass(frozen=True, slots=True)
class Notes:
    """What was found."""

    texts: tuple[str, ...] = ()
    """One a file, redacted, without what is quoted in it; what stands in several files, only once."""
    skipped: tuple[str, ...] = ()
    """Files that could not be read, and patterns without a file: each with the reason."""


def read_notes(
    patterns: Sequence[str], region: str | None, *, leave_out: Callable[[str], bool] = lambda paragraph: False
) -> Notes:
    """All files that match, in the order of their paths, but for the paragraphs that are to be left out.

    `region` is for their redaction.
    """
    texts: list[str] = []
    skipped: list[str] = []
    seen: set[str] = set()
    for pattern in patterns:
        found = iglob(str(Path(pattern).expanduser()), recursive=True)  # noqa: PTH207 - leaves hidden folders out
        paths = sorted(map(Path, found))
        if not paths:
            skipped.append(f"{pattern}: no such file")
        for path in filter(Path.is_file, paths):
            try:
                text = _read(path)
            except (OSError, UnicodeDecodeError, ValueError) as error:
                skipped.append(f"{path}: {_reason(error)}")
            else:
                fresh = (paragraph for paragraph in _unseen(text, seen) if not leave_out(paragraph))
                texts.append(Redactor(region).text("\n\n".join(fresh)))
    return Notes(tuple(filter(None, texts)), tuple(skipped))


def pieces(text: str, owner: str, tokenizer: Tokenizer, spec: PromptSpec) -> Iterator[tuple[str, Encoded]]:
    """A text cut into rows of at most `spec.length` tokens: its words, and how a model reads them."""
    room = spec.length - len(encode(tokenizer, render_note(spec, owner, "")).ids)
    for piece in chunks(text, lambda part: len(tokenizer.text(part)), room):
        yield piece, encode(tokenizer, render_note(spec, owner, piece))


def chunks(text: str, cost: Callable[[str], int], limit: int, borders: Sequence[str] = BORDERS) -> Iterator[str]:
    """The text in pieces that cost at most `limit`, as few as its borders allow."""
    if cost(text) <= limit or len(text) == 1:
        yield text
        return
    if not borders:
        middle = len(text) // 2
        for half in (text[:middle], text[middle:]):
            yield from chunks(half, cost, limit, ())
        return
    border, *finer = borders
    pieces = (piece for part in text.split(border) for piece in chunks(part, cost, limit, finer) if piece)
    yield from _joined(pieces, border, cost, limit)


def sampled(pieces: Sequence[Sequence[int]], tokens: float, random: Random) -> list[int]:
    """Indices of pieces, in order, chosen by chance until they have about so many tokens together."""
    chosen = []
    for index in random.sample(range(len(pieces)), len(pieces)):
        if tokens <= 0:
            break
        chosen.append(index)
        tokens -= len(pieces[index])
    return sorted(chosen)


def _joined(pieces: Iterable[str], border: str, cost: Callable[[str], int], limit: int) -> Iterator[str]:
    """As many pieces together as fit; joining takes no more than what they and the borders cost apart."""
    held: list[str] = []
    total, between = 0, cost(border)
    for piece in pieces:
        price = cost(piece)
        if held and total + between + price > limit:
            yield border.join(held)
            held, total = [], 0
        total += price + (between if held else 0)
        held.append(piece)
    if held:
        yield border.join(held)


def _read(path: Path) -> str:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"neither {' nor '.join(sorted(SUFFIXES))}")
    return path.read_text("utf-8-sig")


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not in UTF-8"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _unseen(text: str, seen: set[str]) -> Iterator[str]:
    """Its paragraphs that stand in no file before: a copy is not read again. Lines behind a > are others' words."""
    for paragraph in map(str.strip, _BREAK.split(_QUOTED.sub("", text))):
        if paragraph and paragraph not in seen:
            seen.add(paragraph)
            yield paragraph
