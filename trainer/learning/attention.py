"""Causal attention inside rows that lie end to end: on a CPU in blocks of queries, on a GPU by its own kernel.

PyTorch's own takes two to four times as long on a CPU, most of it on the way back. In blocks, what lies ahead is not
computed. Measured on SmolLM2-135M's heads and one core, forth and back: for a row of 192 tokens 14 µs a token and
layer, as without blocks; of 512 tokens 21 instead of 48. Compiled trainings leave most of it to
trainer.learning.kernel.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from trainer.learning.kernel import Kernel

PACKED, BY_KERNEL = "doppelganger_packed", "doppelganger_kernel"
"""The names of `packed_attention` inside transformers, as it is and with a kernel."""
BLOCK = 96
"""Queries that are computed at once: more would look further ahead, fewer make matrices too small."""


class Rows:
    """The lengths of rows that lie end to end. What is compiled looks into a tuple, and is compiled anew for each."""

    def __init__(self, lengths: tuple[int, ...]) -> None:
        self.lengths = lengths


def attend_packed(language: Any, kernel: Kernel | None = None) -> None:
    """Let a language model attend by `packed_attention`, and leave to `kernel` what that can do."""
    name = BY_KERNEL if kernel else PACKED
    uncompiled: Any = torch.compiler.disable  # for its shapes are those of the rows
    AttentionInterface.register(name, uncompiled(partial(packed_attention, kernel=kernel)))
    language.set_attn_implementation(name)


def packed_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float,
    rows: Rows | None = None,
    sliding_window: int | None = None,
    kernel: Kernel | None = None,
    **unused: object,
) -> tuple[torch.Tensor, None]:
    """Causal attention inside each of the rows that lie end to end, and so without a mask of tokens by tokens.

    `query` is (1, heads, tokens, width), `key` and `value` have fewer heads; the result is (1, tokens, heads, width).
    Without `rows` there is one. In layers with a `sliding_window` no token sees farther back than that. Where there is
    a `kernel`, what it can do is left to that while slopes are taken.
    """
    sizes = list(rows.lengths if rows else query.shape[2:3])
    window = sliding_window if sliding_window and max(sizes) > sliding_window else None
    # what is only measured is measured in one way, however training was made fast
    if kernel and torch.is_grad_enabled() and not window and kernel.suits(query, key, value, sizes):
        return kernel(query, key, value, scaling, sizes), None
    attend: Callable[..., torch.Tensor] = grouped_attention if query.device.type == "cpu" else flash_attention
    if window:
        attend = partial(windowed_attention, window=window)
    parts = zip(torch.split(query, sizes, 2), torch.split(key, sizes, 2), torch.split(value, sizes, 2), strict=True)
    return torch.cat([attend(*part, scaling=scaling) for part in parts], dim=1), None


def grouped_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    """Of `query` (1, heads, tokens, width), `key` and `value` of fewer heads; the result is (1, tokens, heads, width).

    The queries of one key head stand side by side in one matrix.
    """
    given = [query[0], key[0], value[0]]
    if torch.is_autocast_enabled("cpu"):
        given = [tensor.to(torch.get_autocast_dtype("cpu")) for tensor in given]
    apply: Any = _Blocks.apply
    with torch.autocast("cpu", enabled=False):  # which would turn some of the steps back to float32
        return cast(torch.Tensor, apply(*given, scaling)[None])


def flash_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float, seen: torch.Tensor | None = None
) -> torch.Tensor:
    """Of one row, by a GPU's own kernel, which never writes the scores down.

    Each token sees what `seen` (tokens, tokens) says; without it, itself and all before it.
    """
    repeats = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
    found = scaled_dot_product_attention(query, key, value, attn_mask=seen, is_causal=seen is None, scale=scaling)
    return found.transpose(1, 2).contiguous()


def windowed_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float, window: int
) -> torch.Tensor:
    """As flash_attention, of a row in which each token sees itself and the `window` - 1 before it."""
    ones = torch.ones(query.shape[2], query.shape[2], dtype=torch.bool, device=query.device)
    return flash_attention(query, key, value, scaling, ones.tril().triu(1 - window))


class _Blocks(torch.autograd.Function):
    """query is (heads, tokens, width), key and value (groups, tokens, width); the result is (tokens, heads, width)."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
        heads, tokens, width = query.shape
        groups = len(key)
        scaled = (query * scaling).view(groups, heads // groups, tokens, width)
        result, kept = query.new_empty(tokens, heads, width), []
        for begin, end in _blocks(tokens):
            asking = scaled[:, :, begin:end].reshape(groups, -1, width)
            scores = (asking @ key[:, :end].transpose(1, 2)).view(heads, end - begin, end)
            scores[:, :, begin:] += _future(end - begin, query)
            weights = scores.softmax(-1).view(groups, -1, end)
            result[begin:end] = (weights @ value[:, :end]).view(heads, -1, width).transpose(0, 1)
            kept.append(weights)
        ctx.save_for_backward(scaled, key, value, *kept)
        ctx.scaling = scaling
        return result

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        scaled, key, value, *kept = ctx.saved_tensors
        groups, each, tokens, width = scaled.shape
        slope = outer[0].transpose(0, 1).view(groups, each, tokens, width)
        to_query, to_key, to_value = torch.empty_like(scaled), torch.zeros_like(key), torch.zeros_like(value)
        for weights, (begin, end) in zip(kept, _blocks(tokens), strict=True):
            asking = scaled[:, :, begin:end].reshape(groups, -1, width)
            coming = slope[:, :, begin:end].reshape(groups, -1, width)
            to_value[:, :end].baddbmm_(weights.transpose(1, 2), coming)
            to_weights = coming @ value[:, :end].transpose(1, 2)
            to_scores = torch._softmax_backward_data(to_weights, weights, -1, weights.dtype)
            to_query[:, :, begin:end] = (to_scores @ key[:, :end]).mul_(ctx.scaling).view(groups, each, -1, width)
            to_key[:, :end].baddbmm_(to_scores.transpose(1, 2), asking)
        return to_query.view(groups * each, tokens, width), to_key, to_value, None


def _blocks(tokens: int) -> Iterator[tuple[int, int]]:
    return ((begin, min(begin + BLOCK, tokens)) for begin in range(0, tokens, BLOCK))


def _future(tokens: int, like: torch.Tensor) -> torch.Tensor:
    """What a block must not see of itself."""
    return torch.full((tokens, tokens), float("-inf"), dtype=like.dtype, device=like.device).triu_(1)
