"""Tiny random models of each family that is converted, with real tokenizers, as folders of Hugging Face's format."""

import json
import shutil
import zlib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
LLAMA3_POSITIONS = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 256,
}


@dataclass(frozen=True, slots=True)
class Tiny:
    """A model to make, and the tokenizer that it has."""

    model: type[PreTrainedModel]
    config: Any
    tokenizer: str


TINY = {
    "llama3": Tiny(
        LlamaForCausalLM,
        LlamaConfig(
            **SMALL,
            vocab_size=128256,
            head_dim=16,
            rope_parameters=LLAMA3_POSITIONS,
            tie_word_embeddings=True,
            bos_token_id=128000,
            eos_token_id=128009,
        ),
        "llama3",
    ),
    "llama2": Tiny(
        LlamaForCausalLM,
        LlamaConfig(**{**SMALL, "num_key_value_heads": 4}, vocab_size=32000, tie_word_embeddings=False),
        "llama2",
    ),
    "mistral": Tiny(
        MistralForCausalLM,
        MistralConfig(**SMALL, head_dim=32, vocab_size=32000, sliding_window=None, tie_word_embeddings=False),
        "llama2",
    ),
    "qwen2": Tiny(
        Qwen2ForCausalLM,
        Qwen2Config(
            **SMALL,
            vocab_size=151936,
            rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
            tie_word_embeddings=True,
            bos_token_id=151643,
            eos_token_id=151645,
        ),
        "qwen2",
    ),
    "qwen3": Tiny(
        Qwen3ForCausalLM,
        Qwen3Config(
            **SMALL,
            head_dim=32,
            vocab_size=151936,
            rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
            tie_word_embeddings=True,
            bos_token_id=151643,
            eos_token_id=151645,
        ),
        "qwen2",
    ),
    "gemma3": Tiny(
        Gemma3ForCausalLM,
        Gemma3TextConfig(
            **{**SMALL, "num_hidden_layers": 6, "num_key_value_heads": 1},
            head_dim=32,
            query_pre_attn_scalar=32,
            vocab_size=39232,
            sliding_window=64,
            rope_parameters={
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1_000_000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            },
        ),
        "gemma",
    ),
}
"""By family; layers, widths and heads as small as they can be without two of them being the same."""


def make(family: str, tokenizer: Path, folder: Path, *, vocabulary: int | None = None) -> Path:
    """Save the tiny model of a family, of so many tokens, and the tokenizer of that folder; returns the folder."""
    wanted = TINY[family]
    config = deepcopy(wanted.config)
    config.vocab_size = vocabulary or config.vocab_size
    model = wanted.model(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.copy_(random_weights(name, tuple(weights.shape)))
    model.to(torch.bfloat16).save_pretrained(folder)
    for file in tokenizer.iterdir():
        shutil.copyfile(file, folder / file.name)
    return folder


def random_weights(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The same on every machine, in every release: from integers, whose order is fixed."""
    bits = np.random.PCG64(zlib.crc32(name.encode())).random_raw(int(np.prod(shape)))
    even = (bits >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0
    centre, spread = (1.0, 0.3) if name.endswith("norm.weight") else (0.0, 0.2)
    return torch.from_numpy(centre + spread * even).to(torch.float32).reshape(shape)


def with_config(folder: Path, **changes: object) -> None:
    """Change what the configuration of a saved model says."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
