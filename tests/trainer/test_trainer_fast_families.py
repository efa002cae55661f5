"""The fast way of training is the same arithmetic for each family of models: with biases, other norms, and windows."""

from datetime import UTC, datetime

import pytest
import torch

from tests.trainer.plain import assert_alike, plain_losses, slopes, stirred
from tests.trainer.tiny import TINY, random_weights
from trainer.data.batches import collate
from trainer.data.dataset import Row
from trainer.learning.loss import surprise
from trainer.learning.methods import with_adapter

WORDS = 512
NAMELESS = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))


def row(length, seed):
    ids = torch.randint(WORDS, (length,), generator=torch.Generator().manual_seed(seed)).tolist()
    learned = tuple(index >= 5 for index in range(length))
    return Row(tuple(ids), learned, 2, datetime(2026, 1, 1, tzinfo=UTC), 1, sum(learned))


ROWS = (row(150, seed=1), row(50, seed=2), row(33, seed=3))
"""One of them longer than the window of the tiny Gemma."""


@pytest.fixture(params=TINY)
def adapted(request):
    """In float32, its adapter no longer zero."""
    wanted = TINY[request.param]
    small = type(wanted.config).from_dict(wanted.config.to_dict() | {"vocab_size": WORDS, **NAMELESS})
    model = wanted.model(small)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.copy_(random_weights(name, tuple(weights.shape)))
    return stirred(with_adapter(model, rank=4, seed=1), std=0.05)


def test_losses_and_slopes_are_those_of_transformers_and_peft(adapted):
    ours = surprise(adapted, collate(ROWS))
    ours.mean().backward()
    found = slopes(adapted)
    theirs = plain_losses(adapted, ROWS)
    theirs.mean().backward()
    expected = slopes(adapted)
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert_alike(found, expected, rtol=1e-3, atol=1e-4)
