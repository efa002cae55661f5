"""The families of models that are converted, as data: what llama.cpp calls each, and in what it differs from others.

It knows Hugging Face's configurations and llama.cpp's metadata, and nothing of weights' bytes or of tokenizers.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import torch
from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from exporter.errors import DoppelgangerError

LLAMA3 = "llama3"
"""Llama 3's way of telling positions that are farther away than it was first trained on: by a factor for each pair of
dimensions, which a GGUF holds as weights."""
POSITIONS = ("default", "linear", LLAMA3)
"""Ways of telling positions that are converted."""
LARGEST_GEMMA = 62
"""Layers by which llama.cpp knows the Gemma that scales its queries as if heads shared its width evenly."""


class CannotConvert(DoppelgangerError):
    """No GGUF can be made of this model."""


@dataclass(frozen=True, slots=True)
class Family:
    """In what models of one family differ from those of another."""

    name: str
    arch: gguf.MODEL_ARCH
    activation: str = "silu"
    interleaved: bool = False
    """Whether llama.cpp wants the two halves of each head of queries and keys interleaved."""
    norm_shift: float = 0.0
    """What norms add to their weights before they multiply, which llama.cpp does not."""
    says_size: bool = False
    """Whether its metadata repeats the size of its vocabulary and of its heads."""
    window_period: int = 0
    """Every so many layers one sees everything, and the others a window; 0: all see everything."""


LLAMA = Family("Llama and Mistral", gguf.MODEL_ARCH.LLAMA, interleaved=True, says_size=True)
FAMILIES = {
    "LlamaForCausalLM": LLAMA,
    "MistralForCausalLM": LLAMA,
    "Qwen2ForCausalLM": Family("Qwen 2 and 2.5", gguf.MODEL_ARCH.QWEN2),
    "Qwen3ForCausalLM": Family("Qwen 3", gguf.MODEL_ARCH.QWEN3),
    "Gemma3ForCausalLM": Family(
        "Gemma 3 without vision",
        gguf.MODEL_ARCH.GEMMA3,
        activation="gelu_pytorch_tanh",
        norm_shift=1.0,
        window_period=6,
    ),
}
"""By what Hugging Face calls them."""


def kind(folder: Path) -> str:
    """What Hugging Face calls the model of a folder."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return str((config.get("architectures") or ["unknown"])[0])


def read(folder: Path) -> tuple[Family, Any]:
    """The family of a folder's model, and its configuration.

    Raises:
        CannotConvert: it is of another family, or computes something that llama.cpp does not compute for this one.
    """
    if (found := kind(folder)) not in FAMILIES:
        names = ", ".join(dict.fromkeys(family.name for family in FAMILIES.values()))
        raise CannotConvert(
            f"models of the kind {found} cannot be converted to GGUF: {names} can",
            fix="choose such a base, or let [train] llama_cpp name a folder with the sources of llama.cpp",
        )
    family, config = FAMILIES[found], AutoConfig.from_pretrained(folder)
    if wrong := [what for what, so in _oddities(family, config).items() if so]:
        raise CannotConvert(
            f"this {found} {' and '.join(wrong)}, which cannot be converted",
            fix='choose another base, such as "embedded" or a SmolLM2',
        )
    return family, config


def _oddities(family: Family, config: Any) -> dict[str, bool]:
    """What a model may do that a GGUF of its family cannot tell."""
    period = family.window_period
    windows = [bool((layer + 1) % period) for layer in range(config.num_hidden_layers)] if period else []
    told = [kind == "sliding_attention" for kind in getattr(config, "layer_types", None) or ()]
    activation = getattr(config, "hidden_activation", None) or config.hidden_act
    caps = [getattr(config, f"{place}_logit_softcapping", None) for place in ("attn", "final")]
    even = config.hidden_size // config.num_attention_heads
    head = even if period and config.num_hidden_layers == LARGEST_GEMMA else getattr(config, "head_dim", None) or even
    scale = getattr(config, "query_pre_attn_scalar", head)
    return {
        f"scales its positions by {_positions(config)['rope_type']}": _positions(config)["rope_type"] not in POSITIONS,
        f"activates by {activation}": activation != family.activation,
        "caps its logits": any(caps),
        "lets other layers see a window than its family does": bool(period) and told != windows,
        f"scales its queries by 1/√{scale} where llama.cpp takes 1/√{head} for its layers": scale != head,
        "reads in both directions": bool(getattr(config, "use_bidirectional_attention", False)),
    }


def _positions(config: Any, layers: str = "full_attention") -> dict[str, Any]:
    """How positions are told, in models that do so differently by layers: in these."""
    told: dict[str, Any] = config.rope_parameters
    found: dict[str, Any] = told.get(layers, told)
    return {"rope_type": "default", **found}


def write_metadata(writer: gguf.GGUFWriter, family: Family, config: Any) -> None:
    """What llama.cpp must know to compute with the weights, but for the vocabulary."""
    heads, positions = config.num_attention_heads, _positions(config)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads or heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(positions["rope_theta"])
    if positions["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(positions["factor"])
    if width := getattr(config, "head_dim", None):
        writer.add_key_length(width)
        writer.add_value_length(width)
    if family.says_size:
        writer.add_vocab_size(config.vocab_size)
        writer.add_rope_dimension_count(width or config.hidden_size // heads)
    if family.window_period:
        writer.add_sliding_window(config.sliding_window)
        writer.add_rope_freq_base_swa(_positions(config, "sliding_attention")["rope_theta"])


def heads(family: Family, config: Any, name: str) -> int:
    """How many heads the weights called `name` have whose halves are to be interleaved; 0: none."""
    if not family.interleaved:
        return 0
    counts = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads or config.num_attention_heads}
    return int(counts.get(name.split(".")[-2], 0))


def factors(config: Any) -> torch.Tensor | None:
    """By how much Llama 3 slows the turning of each pair of dimensions, (width of a head / 2); None: not at all."""
    positions = _positions(config)
    if positions["rope_type"] != LLAMA3:
        return None
    slowed, _ = ROPE_INIT_FUNCTIONS[LLAMA3](config, torch.device("cpu"))
    steps = torch.arange(0, 2 * len(slowed), 2, dtype=torch.float32) / (2 * len(slowed))
    plain: torch.Tensor = 1.0 / (positions["rope_theta"] ** steps)
    return plain / slowed
