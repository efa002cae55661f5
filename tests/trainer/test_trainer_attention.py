"""Attention in blocks is attention: the same results and the same slopes as PyTorch's own."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from trainer.learning.attention import BLOCK, flash_attention, grouped_attention

HEADS, GROUPS, WIDTH, SCALING = 6, 2, 8, 0.3


def leaves(tokens):
    generator = torch.Generator().manual_seed(tokens)
    return tuple(
        torch.randn(1, heads, tokens, WIDTH, generator=generator, requires_grad=True)
        for heads in (HEADS, GROUPS, GROUPS)
    )


@pytest.mark.parametrize("tokens", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_blocks_give_what_pytorchs_attention_gives_and_the_same_slopes(tokens):
    given = leaves(tokens)
    query, key, value = given
    ours = grouped_attention(query, key, value, SCALING)
    many = HEADS // GROUPS
    theirs = scaled_dot_product_attention(
        query, key.repeat_interleave(many, 1), value.repeat_interleave(many, 1), is_causal=True, scale=SCALING
    ).transpose(1, 2)
    assert ours.shape == (1, tokens, HEADS, WIDTH)
    torch.testing.assert_close(ours, theirs)
    coming = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1))
    for one, other in zip(
        torch.autograd.grad(ours, given, coming), torch.autograd.grad(theirs, given, coming), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_a_gpu_s_attention_is_the_same_attention():
    given = leaves(BLOCK + 40)
    torch.testing.assert_close(flash_attention(*given, SCALING), grouped_attention(*given, SCALING))


def test_what_comes_later_changes_nothing():
    query, key, value = leaves(2 * BLOCK)
    before = grouped_attention(query, key, value, SCALING)[:, : BLOCK + 7]
    with torch.no_grad():
        key[:, :, BLOCK + 7 :] += 5.0
        value[:, :, BLOCK + 7 :] -= 3.0
    assert torch.equal(grouped_attention(query, key, value, SCALING)[:, : BLOCK + 7], before)
