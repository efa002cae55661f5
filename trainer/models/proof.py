"""Whether a GGUF is the model that was trained: prompts read alike, as little surprise, and turns that end.

All of it runs in llama.cpp, as the bot does, without torch.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import log
from pathlib import Path

import numpy as np
from llama_cpp import Llama

from exporter.errors import DoppelgangerError
from exporter.progress import Count, uncounted
from trainer.data.dataset import Row
from trainer.models.artifact import Card, GGUFTokenizer, load, verify
from trainer.reading.prompt import Tokenizer

PROVED = 1_000
"""Held-out tokens on which the GGUF is compared with torch: both read the same ones, so a few are enough."""

BOUND = {"F16": 0.02, "Q8_0": 0.02, "Q6_K": 0.03, "Q5_K_M": 0.05, "Q4_K_M": 0.10}
"""How far bits per byte may move from torch to llama.cpp, by quantization, as a share."""
FLOOR = 0.01
"""Bits per byte by which they may move in any case: of what a model has by heart, rounding is a large share."""

TRIES = 4
"""Prompts, at one of which the model must end its turn."""


class Unfaithful(DoppelgangerError):
    """The GGUF does not do what the trained model did; it is not published."""


def prove(gguf: Path, card: Card, rows: Sequence[Row], *, bits_per_byte: float, count: Count = uncounted) -> float:
    """Check the model in `gguf` against its card and against torch; returns its own bits per byte on `rows`.

    `rows` are held out, and `bits_per_byte` is what torch measured on them. `count` is told exchanges that were read,
    those that the model goes on with among them.

    Raises:
        PromptMismatch: llama.cpp reads prompts otherwise than training did.
        Unfaithful: its surprise differs by more than the bound, or it never ends its turn.
    """
    with reading(gguf, card) as llama:
        tokenizer = GGUFTokenizer(llama)
        verify(card, tokenizer)
        tries = rows[:TRIES]
        total = len(rows) + len(tries)
        found = surprise(llama, rows, frame(tokenizer, card), count=lambda done, _: count(done, total))
        if not abs(found - bits_per_byte) <= max(BOUND[card.quantization] * bits_per_byte, FLOOR):
            raise Unfaithful(
                f"in llama.cpp the model needs {found:.3f} bits per byte, and {bits_per_byte:.3f} in training",
                fix="choose a finer [train] quantization",
            )
        close = tokenizer.control(card.prompt.frame.turn_close)
        for number, row in enumerate(tries, start=len(rows)):
            count(number, total)
            if ends(llama, row, close=close, limit=card.prompt.reply_tokens):
                return found
    raise Unfaithful("the model never ends its turn", fix="train longer: raise [train] epochs or max_minutes")


@contextmanager
def reading(gguf: Path, card: Card) -> Iterator[Llama]:
    """The model, loaded so that the logits of each token of a row are kept."""
    length = card.prompt.length
    llama = load(gguf, n_ctx=length, n_batch=length, logits_all=True)
    try:
        yield llama
    finally:
        llama.close()


def frame(tokenizer: Tokenizer, card: Card) -> frozenset[int]:
    """Control tokens inside a reply, which bits per byte leave out."""
    return frozenset(map(tokenizer.control, card.prompt.frame.in_replies))


def surprise(llama: Llama, rows: Sequence[Row], frame: frozenset[int], *, count: Count = uncounted) -> float:
    """Bits per byte as trainer.learning.loss defines them, from llama.cpp's logits (it must keep all of them).

    `count` is told rows.
    """
    return sum(surprises(llama, rows, frame, count=count)) / sum(row.learned_bytes for row in rows)


def surprises(
    llama: Llama, rows: Sequence[Row], frame: frozenset[int], *, count: Count = uncounted
) -> tuple[float, ...]:
    """The bits that each row takes, as `surprise` sums them up."""
    found = []
    for number, row in enumerate(rows):
        count(number, len(rows))
        llama.reset()  # type: ignore[no-untyped-call]
        llama.eval(row.ids)
        counted = [at for at, token in enumerate(row.ids) if row.learned[at] and token not in frame]
        logits = llama.scores[np.array(counted) - 1].astype(np.float64)
        top = logits.max(-1)
        norm = top + np.log(np.exp(logits - top[:, None]).sum(-1))
        nats = float((norm - logits[range(len(counted)), [row.ids[at] for at in counted]]).sum())
        found.append(nats / log(2))
    return tuple(found)


def ends(llama: Llama, row: Row, *, close: int, limit: int) -> bool:
    """Whether the likeliest reply to the first prompt of a row closes its turn within `limit` tokens."""
    prompt = row.ids[: row.learned.index(True)]
    llama.reset()  # type: ignore[no-untyped-call]
    generated = llama.generate(prompt, temp=0.0, reset=False)
    return any(token == close for _, token in zip(range(limit), generated, strict=False))
