"""Memory by arithmetic, against what real models keep: their weights, and what a step saves for the way back."""

from dataclasses import replace

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.trainer.test_trainer_train import row
from trainer.learning.arithmetic import HEAP, LEARNED, LOGIT, LOGITS, Pass, kept_bytes, step_bytes
from trainer.learning.base import learning
from trainer.learning.fast import speed_up
from trainer.learning.methods import with_adapter
from trainer.learning.passes import AMPLE, Passes
from trainer.shape import shape_of

WORDS, RANK = 500, 8
CONFIG = LlamaConfig(
    vocab_size=WORDS,
    hidden_size=128,
    intermediate_size=384,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)
SHAPE = shape_of(CONFIG)


def learner(method):
    torch.manual_seed(1)
    model = LlamaForCausalLM(CONFIG)
    if method == "lora":
        return with_adapter(model.bfloat16(), rank=RANK, seed=1)
    speed_up(model)
    return model


@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_learning_keeps_is_what_the_models_have(method):
    model = learner(method)
    learned = sum(one.numel() for one in learning(model))
    frozen = sum(one.numel() for one in model.parameters()) - learned
    assert kept_bytes(SHAPE, method, rank=RANK) == pytest.approx(LEARNED * learned + 2 * frozen, rel=0.01)


def test_weights_in_four_bits_take_a_quarter_and_a_bit():
    packed = kept_bytes(SHAPE, "qlora", rank=RANK) - kept_bytes(SHAPE, "lora", rank=RANK) + 2 * SHAPE.layered
    assert packed / SHAPE.layered == pytest.approx(4.127 / 8, rel=1e-3)


@pytest.mark.parametrize(("method", "rows", "length"), [("lora", 4, 64), ("lora", 1, 256), ("full", 2, 128)])
def test_what_a_step_keeps_of_its_tokens_is_within_a_fifth_of_the_arithmetic(method, rows, length):
    model, found = learner(method), {}
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}

    def note(saved):
        storage = saved.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage  # held, so that no other takes its place
        return saved

    batch = [row(length, seed=number) for number in range(rows)]
    batch = tuple(replace(one, ids=tuple(token % WORDS for token in one.ids)) for one in batch)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        Passes(model, AMPLE, autocast=method == "full").learn(batch, model.zero_grad)
    kept = sum(storage.nbytes() for storage in found.values())
    copies = 2 * SHAPE.weights if method == "full" else 0
    made = (step_bytes(SHAPE, method, Pass(rows * length, length)) - copies) / HEAP - LOGIT * LOGITS * WORDS
    assert made + copies == pytest.approx(kept, rel=0.2)


def test_computing_twice_keeps_one_number_a_token_width_and_layer():
    once, twice = (step_bytes(SHAPE, "lora", Pass(1000, 100, cpu=False, checkpointing=on)) for on in (False, True))
    assert twice < once
    more = replace(SHAPE, layers=SHAPE.layers + 1)
    assert step_bytes(more, "lora", Pass(1000, 100, cpu=False, checkpointing=True)) - twice == 1000 * 2 * SHAPE.width
