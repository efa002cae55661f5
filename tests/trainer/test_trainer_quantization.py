"""Which type a finished model gets, and how large files are: by arithmetic, and by llama.cpp itself."""

import gguf as gguf_py
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, MistralConfig, Qwen3Config

from exporter.settings.config import Train
from trainer import machine
from trainer.convert.gguf import quantize
from trainer.convert.quantization import BITS, LOSS, choose, decided, file_bytes
from trainer.shape import Shape, shape_of

GB = 10**9
WIDE = Shape(layers=32, width=4096, inner=14336, heads=32, groups=8, head=128, vocabulary=128256, tied=False)
"""Llama 3 8B."""
SMALL = Shape(layers=10, width=256, inner=512, heads=4, groups=2, head=64, vocabulary=320, tied=True)


@pytest.mark.parametrize(
    ("memory", "chosen"), [(64, "Q6_K"), (14, "Q6_K"), (12, "Q5_K_M"), (10, "Q4_K_M"), (4, "Q4_K_M")]
)
def test_the_smallest_without_a_loss_that_counts_is_taken_or_what_fits_in_half_the_memory(memory, chosen):
    assert choose(WIDE, memory * GB) == chosen


def test_rows_that_k_types_cannot_pack_are_kept_as_q8_0(tiny_base):
    width_576 = Shape(layers=30, width=576, inner=1536, heads=9, groups=3, head=64, vocabulary=49152, tied=True)
    assert choose(width_576, 64 * GB) == choose(None, 64 * GB) == "Q8_0"
    assert decided(Train(), tiny_base, 64 * GB).quantization == "Q8_0"


def test_a_type_that_the_owner_names_is_taken(tiny_base):
    assert decided(Train(quantization="Q4_K_M"), tiny_base, 64 * GB).quantization == "Q4_K_M"


def test_what_is_finer_costs_more_bits_and_less_loss():
    assert sorted(LOSS, key=LOSS.__getitem__) == list(LOSS) == sorted(BITS, key=lambda kind: -BITS[kind])


def test_sizes_are_those_that_llama_cpp_published_with_its_losses():
    published = {"F16": 14.97, "Q8_0": 7.96, "Q6_K": 6.14, "Q5_K_M": 5.33, "Q4_K_M": 4.58}
    assert {kind: round(file_bytes(WIDE, kind) / 2**30, 1) for kind in published} == {
        kind: pytest.approx(size, abs=0.06) for kind, size in published.items()
    }


@pytest.mark.parametrize("kind", ["Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"])
def test_sizes_are_those_that_llama_cpp_writes(kind, tmp_path):
    source, output = tmp_path / "f16.gguf", tmp_path / "model.gguf"
    write_f16(source, SMALL)
    quantize(source, output, kind)
    matrices = [tensor for tensor in gguf_py.GGUFReader(output).tensors if len(tensor.shape) == 2]
    assert sum(int(tensor.n_bytes) for tensor in matrices) == file_bytes(SMALL, kind)


def write_f16(path, shape):
    """Zeros of this shape, without a vocabulary."""
    writer = gguf_py.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("no_vocab")
    writer.add_vocab_size(shape.vocabulary)
    writer.add_block_count(shape.layers)
    writer.add_context_length(256)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.groups)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tensor("token_embd.weight", np.zeros((shape.vocabulary, shape.width), np.float16))
    writer.add_tensor("output_norm.weight", np.ones(shape.width, np.float32))
    names = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    for layer in range(shape.layers):
        for name, size in zip(names, shape.matrices.values(), strict=True):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.zeros(size, np.float16))
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(shape.width, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("config", [LlamaConfig, MistralConfig, Qwen3Config])
def test_weights_are_counted_as_the_models_have_them(config):
    said = config(
        hidden_size=512, intermediate_size=1280, num_hidden_layers=3, num_attention_heads=8, num_key_value_heads=2,
        vocab_size=1000,
    )  # fmt: skip
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(said)
    assert shape_of(said).weights == pytest.approx(model.num_parameters(), rel=0.002)


def test_a_family_that_names_things_otherwise_has_no_shape():
    assert shape_of(GPT2Config()) is None


def test_a_container_has_the_memory_that_it_is_allowed(tmp_path):
    there = machine.memory(tmp_path)
    assert there > GB
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory(tmp_path) == there
    (tmp_path / "memory.max").write_text("500000000\n")
    assert machine.memory(tmp_path) == 500_000_000
