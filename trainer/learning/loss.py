"""Surprise at learned tokens alone: logits are computed where they count, and a few at a time.

The vocabulary makes logits the largest thing in memory and a fifth of the arithmetic, while only a quarter of the
positions are learned.
"""

from collections.abc import Iterator, Sequence
from math import log
from typing import Any, cast

import torch

from exporter.progress import Count, uncounted
from trainer.data.batches import Batch, Packed, collate, plan
from trainer.data.dataset import Row
from trainer.learning.arithmetic import LOGITS
from trainer.learning.attention import Rows
from trainer.learning.base import Model, causal, output_matrix


def surprise(model: Model, packed: Packed) -> torch.Tensor:
    """Negative log-likelihood of each learned token given those before it, in nats; shape (number of learned,).

    A row's first token has nothing before it and is never learned.
    """
    apply: Any = _Surprise.apply
    return cast(torch.Tensor, apply(*_before(model, packed)))


def judge(model: Model, packed: Packed) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each learned token its surprise as above, and whether it is the likeliest; for measuring, without slopes."""
    surprises, likeliest = [], []
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):  # in full precision, however training was made fast
        hidden, head, targets = _before(model, packed)
        for states, wanted in _chunks(hidden.to(head.dtype), targets):
            logits = (states @ head.T).float()
            surprises.append(torch.nn.functional.cross_entropy(logits, wanted, reduction="none"))
            likeliest.append(logits.argmax(-1) == wanted)
    return torch.cat(surprises), torch.cat(likeliest)


def _before(model: Model, packed: Packed) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hidden states (n, width) before the learned tokens, the output matrix, and the tokens (n,) themselves."""
    language: Any = causal(model)
    ids, lengths = packed["input_ids"], packed["lengths"]
    positions = torch.cat([torch.arange(length, device=ids.device) for length in lengths])[None]
    decode = language.get_decoder()
    hidden = decode(input_ids=ids, position_ids=positions, rows=Rows(lengths), use_cache=False).last_hidden_state
    following = packed["learned"][:, 1:]
    head = output_matrix(language)
    if torch.is_autocast_enabled(head.device.type):
        head = head.to(torch.get_autocast_dtype(head.device.type))
    return hidden[:, :-1][following], head, ids[:, 1:][following]


class _Surprise(torch.autograd.Function):
    """Cross-entropy behind an output matrix: what the way back needs is made while the logits are at hand.

    So no logits are kept. They are computed twice only where the matrix learns, too: its slope adds up over positions,
    each times what comes from outside, which is not known before.
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """`hidden` (n, width) and `targets` (n,) to losses (n,); `head` is (vocabulary, width)."""
        losses, slopes = [], []
        for states, wanted in _chunks(hidden.to(head.dtype), targets):
            loss, slope = _chunk(states, head, wanted)
            losses.append(loss)
            slopes.append(slope @ head)
        ctx.save_for_backward(torch.cat(slopes), *((hidden, head, targets) if ctx.needs_input_grad[1] else ()))
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        """The slope of each loss, times what comes from outside; shapes (n, width) and (vocabulary, width)."""
        slopes, *rest = ctx.saved_tensors
        factors = outer[0][:, None].to(slopes.dtype)
        return slopes * factors, _to_head(factors, *rest) if rest else None, None


def _to_head(factors: torch.Tensor, hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The slope of the output matrix, summed in float32."""
    total = torch.zeros_like(head, dtype=torch.float32)
    chunks = zip(_chunks(hidden.to(head.dtype), targets), torch.split(factors, LOGITS), strict=True)
    for (states, wanted), factor in chunks:
        total += _chunk(states, head, wanted)[1].T @ (states * factor)
    return total.to(head.dtype)


def _chunks(hidden: torch.Tensor, targets: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    return zip(torch.split(hidden, LOGITS), torch.split(targets, LOGITS), strict=True)


def _chunk(states: torch.Tensor, head: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses (n,) of some positions, and their slopes by the logits (n, vocabulary)."""
    likelihoods = torch.log_softmax(states @ head.T, -1, dtype=torch.float32)
    losses = -likelihoods.gather(1, wanted[:, None]).squeeze(1)
    slope = likelihoods.exp_()
    slope.scatter_add_(1, wanted[:, None], slope.new_full((len(wanted), 1), -1.0))
    return losses, slope.to(head.dtype)


def sample(rows: Sequence[Row], *, tokens: int) -> list[Row]:
    """About `tokens` tokens of rows, spread evenly over all of them."""
    share = min(tokens / max(sum(len(row.ids) for row in rows), 1), 1.0)
    keep = max(round(len(rows) * share), 1)
    return [rows[index * len(rows) // keep] for index in range(keep)]


def bits_per_byte(
    model: Model, rows: Sequence[Row], frame: frozenset[int], *, batch_tokens: int, count: Count = uncounted
) -> float:
    """How surprising the owner's words are: their negative log-likelihood in bits, by their UTF-8 bytes.

    The frame (separators between messages, the close of a turn) counts on neither side: the base has never seen it,
    and what training gains there is not the owner's voice. `frame` holds the ids of these control tokens.
    `count` is told batches.
    """
    nats, batches = 0.0, plan(rows, batch_tokens=batch_tokens, epochs=1, seed=0)
    for number, batch in enumerate(batches):
        count(number, len(batches))
        nats += float(judge(model, words(batch, frame, model.device))[0].sum())
    return nats / log(2) / sum(row.learned_bytes for row in rows)


def words(batch: Batch, frame: frozenset[int], device: torch.device) -> Packed:
    """The batch, its frame no longer counted among what is learned."""
    packed = collate(batch, device)
    marks = torch.isin(packed["input_ids"], torch.tensor(sorted(frame), device=device))
    return {**packed, "learned": packed["learned"] & ~marks}
