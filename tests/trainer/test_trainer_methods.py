"""LoRA, QLoRA and full fine-tuning: what learns, over which weights, and what is kept of it."""

import shutil

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from safetensors.torch import load_file, save_file

from tests.trainer.conftest import merged_model
from tests.trainer.plain import assert_alike, plain_losses, slopes, stirred
from tests.trainer.test_trainer_train import row
from trainer import pipeline
from trainer.data.batches import collate
from trainer.learning.base import Base, causal, load_model
from trainer.learning.loss import surprise
from trainer.learning.methods import (
    NotFourBit,
    as_published,
    default_rate,
    keep,
    learner,
    load_packed,
    require_four_bits,
    untuned,
    with_adapter,
)
from trainer.models.registry import current

ROWS = (row(70), row(50, seed=1), row(33, seed=2))


@pytest.fixture
def base(tiny_base):
    return Base(tiny_base)


@pytest.fixture
def packed(base):
    """Over 4 bits, its adapter no longer zero."""
    return stirred(learner(base, "qlora", rank=4, seed=1))


def learned(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_qlora_learns_an_adapter_over_packed_weights(packed):
    matrices = [layer for layer in packed.modules() if isinstance(layer, Linear4bit)]
    assert len(matrices) == 2 * 7
    for matrix in matrices:
        assert matrix.weight.dtype is torch.uint8
        assert 2 * matrix.weight.numel() == matrix.in_features * matrix.out_features
    assert all("lora_" in name for name in learned(packed))


def test_the_fast_path_over_4_bits_computes_what_peft_computes(packed):
    """bfloat16 on both sides: within what it rounds."""
    packed.train()  # bitsandbytes repacks what it thinks will never be trained
    ours = surprise(packed, collate(ROWS))
    ours.sum().backward()
    found = slopes(packed)
    theirs = plain_losses(packed, ROWS)
    assert torch.allclose(ours, theirs, rtol=0.01, atol=0.1)
    theirs.sum().backward()
    assert_alike(found, slopes(packed), rtol=0.05, atol=0.05)


def test_weights_that_are_not_in_4_bits_are_refused(base):
    dense = with_adapter(load_model(base.folder, torch.float32), rank=4, seed=1)
    with pytest.raises(NotFourBit, match="14 of 14") as caught:
        require_four_bits(dense)
    assert 'method = "lora"' in caught.value.fix


def test_one_matrix_that_is_not_packed_is_enough_to_refuse(base):
    model = load_packed(base.folder)
    first = model.get_decoder().layers[0].mlp
    first.up_proj = torch.nn.Linear(first.up_proj.in_features, first.up_proj.out_features, bias=False)
    with pytest.raises(NotFourBit, match=r"1 of 14 .*mlp\.up_proj"):
        require_four_bits(with_adapter(model, rank=4, seed=1))


def test_what_qlora_learned_is_merged_into_the_weights_of_the_base(packed, base, tmp_path):
    keep(packed, tmp_path / "learned")
    name = "model.layers.1.mlp.down_proj.weight"
    before = load_model(base.folder, torch.float32).get_parameter(name)
    after = merged_model(base.folder, tmp_path / "learned").get_parameter(name)
    layer = causal(packed).get_decoder().layers[1].mlp.down_proj
    assert torch.allclose(after, before + layer.get_delta_weight("default"), atol=1e-3)


def test_what_qlora_learned_is_measured_as_it_will_be_published(packed, base, tmp_path):
    keep(packed, tmp_path / "learned")
    model = as_published(packed, base, tmp_path / "learned")
    assert not any(isinstance(layer, Linear4bit) for layer in model.modules())
    rows = collate(ROWS)
    with torch.no_grad():
        merged = surprise(merged_model(base.folder, tmp_path / "learned"), rows)
        assert torch.allclose(surprise(model, rows), merged, rtol=0.01, atol=0.1)
        with untuned(model, base) as before:
            assert torch.allclose(
                surprise(before, rows),
                surprise(load_model(base.folder, torch.float32), rows),
                rtol=0.01,
                atol=0.1,
            )


def test_full_fine_tuning_learns_all_weights_the_tied_matrix_from_both_its_ends(base):
    """Against plain cross-entropy in float32: losses and every slope to 1e-5."""
    model = learner(base, "full", rank=4, seed=1)
    assert learned(model) == {name for name, _ in model.named_parameters()}
    rows = collate(ROWS)
    weights = torch.linspace(0.1, 2.0, int(rows["learned"].sum()))
    ours = surprise(model, rows)
    (ours * weights).sum().backward()
    found = slopes(model)
    theirs = plain_losses(model, ROWS)
    assert torch.allclose(ours, theirs, atol=1e-5)
    (theirs * weights).sum().backward()
    assert_alike(found, slopes(model), rtol=1e-5, atol=1e-5)


def test_full_fine_tuning_multiplies_in_bfloat16_under_autocast(base):
    model = learner(base, "full", rank=4, seed=1)
    rows = collate(ROWS)
    exact = surprise(model, rows)
    exact.mean().backward()
    expected = slopes(model)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = surprise(model, rows)
    assert not torch.equal(rounded, exact) and torch.allclose(rounded, exact, rtol=0.01, atol=0.1)
    rounded.mean().backward()
    head = "model.embed_tokens.weight"
    assert_alike({head: slopes(model)[head]}, {head: expected[head]}, rtol=0.05, atol=0.05)


def test_full_fine_tuning_keeps_what_it_publishes(base, tmp_path):
    model = learner(base, "full", rank=4, seed=1)
    with torch.no_grad():
        model.get_decoder().layers[0].mlp.up_proj.weight.add_(0.5)
    keep(model, tmp_path / "learned")
    name = "model.layers.0.mlp.up_proj.weight"
    before = load_model(base.folder, torch.float32).get_parameter(name)
    after = merged_model(base.folder, tmp_path / "learned").get_parameter(name)
    assert torch.allclose(after, before + 0.5, atol=1e-3)
    with untuned(model, base) as untouched:
        assert torch.allclose(untouched.get_parameter(name).float(), before, atol=1e-2)


def test_full_fine_tuning_wants_a_tenth_of_the_rate(base):
    model = learner(base, "full", rank=4, seed=1)
    assert default_rate(model, "full") == pytest.approx(default_rate(model, "lora") / 10)


@pytest.mark.parametrize("method", ["qlora", "full"])
def test_every_method_ends_in_a_double_that_llama_cpp_speaks(store, config_of, method):
    config = config_of(method=method, epochs=3, learning_rate=0.02 if method == "qlora" else 0.005)
    artifact = pipeline.run(config, store)
    assert current(config.models) == artifact
    assert artifact.card.bits_per_byte.tuned < artifact.card.bits_per_byte.base


def test_a_base_is_known_by_its_weights_wherever_it_lies(tiny_base, tmp_path):
    moved = Base(shutil.copytree(tiny_base, tmp_path / "moved"))
    assert moved.key == Base(tiny_base).key
    (shard,) = moved.folder.glob("*.safetensors")
    weights = load_file(shard)
    save_file({name: weight * 1.1 for name, weight in weights.items()}, shard, metadata={"format": "pt"})
    assert moved.key != Base(tiny_base).key
