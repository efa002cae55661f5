"""From a Hugging Face folder to what llama.cpp reads: F16 weights in a GGUF, then quantized.

It knows the Llama family (Llama, SmolLM); other models are refused by name, before any training. It knows nothing of
training.
"""

import ctypes
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from math import prod
from pathlib import Path
from typing import Any, Protocol, cast

import gguf
import llama_cpp
import numpy as np
import torch
from safetensors import safe_open

from exporter.errors import DoppelgangerError
from exporter.progress import Count, uncounted
from trainer.convert.vocabulary import cut, write_vocabulary

ARCHITECTURE = "LlamaForCausalLM"

FILE_TYPES = {
    "F16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q6_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q6_K,
    "Q5_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_M,
    "Q4_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}
"""Quantizations by the names of the configuration."""

BITS = {"F16": 16.0, "Q8_0": 8.5, "Q6_K": 6.6, "Q5_K_M": 5.7, "Q4_K_M": 4.9}
"""Of a weight, about."""
LOOK_EVERY = 0.5
"""Seconds between two looks at how far quantization has come."""

FreeSpace = Callable[[Path], int]
"""Bytes that may still be written where a path lies."""


class CannotConvert(DoppelgangerError):
    """No GGUF can be made of this model."""


class DiskFull(DoppelgangerError):
    """Too little space for what would be written."""


def free_space(folder: Path) -> int:
    """Bytes free on the disk of an existing folder."""
    return shutil.disk_usage(folder).free


def require_space(folder: Path, needed: int, free: FreeSpace = free_space) -> None:
    """Check that `needed` bytes fit where `folder` lies, before anything is written. Raises DiskFull."""
    if (there := free(folder)) < needed:
        raise DiskFull(
            f"writing the model takes {needed / 1e6:,.0f} MB, and only {there / 1e6:,.0f} MB are free in {folder}",
            fix="free some space, or move `state` to another disk; then run the same command again",
        )


def check(folder: Path) -> None:
    """Refuse a model that `convert` could not write. Raises CannotConvert or UnknownTokenizer."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    family = (config.get("architectures") or ["unknown"])[0]
    if family != ARCHITECTURE:
        raise CannotConvert(
            f"models of the kind {family} cannot be converted to GGUF yet", fix="choose a base of the Llama family"
        )
    if _rope(config).get("rope_type", "default") != "default" or config.get("attention_bias"):
        raise CannotConvert(
            "this Llama scales its positions or has biases, which cannot be converted yet",
            fix='choose another base, such as "embedded" or a SmolLM2',
        )
    cut(folder)


class Weights(Protocol):
    """The weights of a model, by the names of Hugging Face's library."""

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of all of them."""
        ...

    def load(self, name: str) -> torch.Tensor:
        """One of them."""
        ...


class Folder:
    """The weights of a Hugging Face folder, read one at a time."""

    def __init__(self, folder: Path) -> None:
        self._shards = {}
        self._shapes = {}
        for shard in sorted(folder.glob("*.safetensors")):
            with safe_open(shard, framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 - not a mapping
                    self._shards[name] = shard
                    self._shapes[name] = tuple(weights.get_slice(name).get_shape())

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of all of them."""
        return self._shapes

    def load(self, name: str) -> torch.Tensor:
        """One of them."""
        with safe_open(self._shards[name], framework="pt") as weights:
            return cast(torch.Tensor, weights.get_tensor(name))


def convert(folder: Path, output: Path, weights: Weights | None = None, *, count: Count = uncounted) -> None:
    """Write a model of the kind and with the tokenizer of a Hugging Face folder as an F16 GGUF.

    Without `weights` it has the folder's own. Matrices become float16, vectors (norms) float32, as llama.cpp's own
    converter has it; one is in memory at a time. `count` is told tensors.

    Raises:
        CannotConvert, UnknownTokenizer: as `check` does.
    """
    check(folder)
    weights = weights or Folder(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(output, "llama")
    _write_metadata(writer, config)
    write_vocabulary(writer, folder, config["vocab_size"])
    known = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, shape in weights.shapes().items():
        target = known.get_name(name, try_suffixes=(".weight",))
        if target is None:
            raise CannotConvert(f"a Llama has no weights called {name}", fix="choose a base of the Llama family")
        kind = np.dtype(np.float32 if len(shape) == 1 else np.float16)
        writer.add_tensor_info(target, shape, kind, prod(shape) * kind.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for number, name in enumerate(weights.shapes()):
        count(number, len(weights.shapes()))
        writer.write_tensor_data(_permuted(name, weights.load(name), config))
    writer.close()


def quantize(source: Path, output: Path, quantization: str, *, count: Count = uncounted) -> None:
    """Write the F16 GGUF `source` as `output`, by llama.cpp itself; `count` is told megabytes, about.

    llama.cpp cannot be stopped, so it works in a thread: who interrupts it, waits for its end, and is heard then.

    Raises:
        CannotConvert: llama.cpp refuses.
    """
    if quantization == "F16":
        shutil.copyfile(source, output)
        return
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = FILE_TYPES[quantization]
    logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)  # it tells of every tensor
    total = int(source.stat().st_size * BITS[quantization] / BITS["F16"] / 1e6)
    with ThreadPoolExecutor(1, "quantize") as thread:
        paths, given = (str(source).encode(), str(output).encode()), ctypes.byref(settings)
        working = thread.submit(lambda: llama_cpp.llama_model_quantize(*paths, given))
        while not wait([working], timeout=LOOK_EVERY).done:
            count(min(int(output.stat().st_size / 1e6) if output.exists() else 0, total), total)
    if working.result():
        raise CannotConvert(
            f"llama.cpp could not quantize the model to {quantization}", fix="choose another [train] quantization"
        )


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    """Position settings, whichever release of transformers wrote them."""
    found: dict[str, Any] = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return found


def _write_metadata(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_rope_dimension_count(config.get("head_dim") or config["hidden_size"] // heads)
    writer.add_rope_freq_base(_rope(config).get("rope_theta") or config.get("rope_theta", 10_000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def _permuted(name: str, weights: torch.Tensor, config: dict[str, Any]) -> np.ndarray[Any, Any]:
    """As llama.cpp stores it: in the queries and keys of a Llama, the two halves of each head are interleaved."""
    heads = config["num_attention_heads"]
    groups = {"q_proj.weight": heads, "k_proj.weight": config.get("num_key_value_heads") or heads}
    for suffix, count in groups.items():
        if name.endswith(suffix):
            halves = weights.reshape(count, 2, weights.shape[0] // count // 2, weights.shape[1])
            weights = halves.transpose(1, 2).reshape(weights.shape)
    array: np.ndarray[Any, Any] = weights.to(torch.float32 if weights.ndim == 1 else torch.float16).numpy()
    return array
