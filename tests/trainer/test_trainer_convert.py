"""Conversion of large models in little memory, and of families that only llama.cpp's own converter knows."""

import json
import shutil

import numpy as np
import pytest
import torch
from llama_cpp import Llama
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    LlamaConfig,
    Olmo2Config,
    Olmo2ForCausalLM,
)

from tests.trainer.tiny import SMALL
from trainer.convert import gguf
from trainer.convert.export import converter
from trainer.convert.families import CannotConvert
from trainer.convert.merge import merged
from trainer.convert.outside import NoConverter
from trainer.learning.meter import Meter

MB = 10**6


def test_a_large_model_is_merged_and_converted_in_little_memory(real_tokenizer, tmp_path):
    """330 MB in shards, the largest of 131 MB, and an adapter over its matrices."""
    folder = shutil.copytree(real_tokenizer("llama2"), tmp_path / "large")
    config = LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=32000,
        hidden_size=2048,
        intermediate_size=4096,
        num_hidden_layers=1,
        num_attention_heads=16,
        num_key_value_heads=16,
        tie_word_embeddings=False,
    )
    config.save_pretrained(folder)
    square, wide = (2048, 2048), (4096, 2048)
    layer = {f"self_attn.{one}_proj": square for one in "qkvo"}
    layer |= {"mlp.gate_proj": wide, "mlp.up_proj": wide, "mlp.down_proj": wide[::-1]}
    shapes = {"model.embed_tokens": (32000, 2048), "model.norm": (2048,), "lm_head": (32000, 2048)}
    shapes |= {f"model.layers.0.{norm}_layernorm": (2048,) for norm in ("input", "post_attention")}
    shapes |= {f"model.layers.0.{name}": shape for name, shape in layer.items()}
    for number, (name, shape) in enumerate(shapes.items()):
        save_file({f"{name}.weight": torch.ones(shape, dtype=torch.bfloat16)}, folder / f"{number:05}.safetensors")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 8, "r": 4}))
    parts = {
        f"base_model.model.model.layers.0.{name}.lora_{end}.weight": shape
        for name, shape in layer.items()
        for end in "AB"
    }
    factors = {name: torch.ones((4, shape[1]) if "lora_A" in name else (shape[0], 4)) for name, shape in parts.items()}
    save_file(factors, adapter / "adapter_model.safetensors")
    meter = Meter(torch.device("cpu"))
    before = meter.peak(lambda: None)
    output = tmp_path / "f16.gguf"
    peak = meter.peak(lambda: gguf.convert(folder, output, merged(folder, adapter))) - before
    assert output.stat().st_size > 320 * MB
    assert peak < 250 * MB


@pytest.fixture(scope="module")
def olmo(real_tokenizer, tmp_path_factory):
    """Of a family that we do not know, with the tokenizer of Qwen."""
    folder = shutil.copytree(real_tokenizer("qwen2"), tmp_path_factory.mktemp("olmo") / "olmo")
    torch.manual_seed(1)
    config = Olmo2Config(**SMALL, vocab_size=151936, tie_word_embeddings=False, initializer_range=0.1)
    model = Olmo2ForCausalLM(config)
    model.save_pretrained(folder)
    return model, folder


def test_without_the_sources_a_family_that_is_not_known_is_refused_by_name(olmo):
    with pytest.raises(CannotConvert, match=r"Olmo2ForCausalLM .*Qwen 3") as caught:
        converter(olmo[1], None)
    assert "llama_cpp" in caught.value.fix


def test_a_gemma_3_that_sees_is_refused_before_it_is_trained_with_and_without_the_sources(llama_cpp, tmp_path):
    """Its files call weights otherwise than transformers does once they are loaded."""
    text = {**SMALL, "vocab_size": 300, "head_dim": 16, "query_pre_attn_scalar": 16}
    seen = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Gemma3Config(
        text_config=text, vision_config={**seen, "image_size": 28, "patch_size": 14}, mm_tokens_per_image=4
    )
    Gemma3ForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(CannotConvert, match=r"Gemma3ForConditionalGeneration .*Gemma 3 without vision") as alone:
        converter(tmp_path, None)
    assert "llama_cpp" in alone.value.fix
    with pytest.raises(CannotConvert, match=r"such as language_model\.model\.\S+, so what is learned") as caught:
        converter(tmp_path, str(llama_cpp))
    assert "text alone" in caught.value.fix


def test_a_folder_without_the_converter_is_refused(olmo, tmp_path):
    with pytest.raises(NoConverter, match=r"convert_hf_to_gguf\.py"):
        converter(olmo[1], str(tmp_path))


def test_what_the_converter_of_llama_cpp_says_when_it_fails_is_told(olmo, tmp_path):
    (tmp_path / "convert_hf_to_gguf.py").write_text("import no_such_package")
    with pytest.raises(CannotConvert, match="No module named 'no_such_package'"):
        converter(olmo[1], str(tmp_path))(olmo[1], tmp_path / "f16.gguf")


def test_a_family_that_only_llama_cpp_knows_is_merged_and_converted_by_its_sources(olmo, llama_cpp, tmp_path):
    plain, folder = olmo
    model = get_peft_model(plain, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.1)
    model.save_pretrained(str(tmp_path / "adapter"))
    output = tmp_path / "f16.gguf"
    converter(folder, str(llama_cpp))(folder, output, merged(folder, tmp_path / "adapter"))
    ids = list(range(1000, 1040))
    llama = Llama(str(output), n_ctx=64, logits_all=True, verbose=False)
    llama.eval(ids)
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(expected).max() > 1.0
    assert np.abs(llama.scores[: len(ids)] - expected).max() < 0.05
    llama.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["adapter", "f16.gguf"]
