"""From a Hugging Face folder to what llama.cpp reads: F16 weights in a GGUF, then quantized.

Weights are written in blocks of rows, so that memory holds but a part of one at a time. What differs between families
of models, trainer.convert.families knows; this module knows nothing of training.
"""

import ctypes
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
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
from trainer.convert import families
from trainer.convert.families import CannotConvert, Family
from trainer.convert.quantization import BITS
from trainer.convert.vocabulary import reading, write_vocabulary

FILE_TYPES = {
    "F16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q6_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q6_K,
    "Q5_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_M,
    "Q4_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}
"""Quantizations by the names of the configuration."""

LOOK_EVERY = 0.5
"""Seconds between two looks at how far quantization has come."""
BLOCK = 2**22
"""Weights that are converted at once: 40 MB at most in all the forms that they have on the way."""
WHOLE = slice(None)
"""All rows."""

log = logging.getLogger(__name__)

FreeSpace = Callable[[Path], int]
"""Bytes that may still be written where a path lies."""


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
    list(_targets(Folder(folder).shapes(), *families.read(folder)))
    reading(folder)


class Weights(Protocol):
    """The weights of a model, by the names of Hugging Face's library."""

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of all of them."""
        ...

    def load(self, name: str, rows: slice = WHOLE) -> torch.Tensor:
        """These rows of one of them."""
        ...


class Folder:
    """The weights of a Hugging Face folder, read a few rows at a time."""

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

    def load(self, name: str, rows: slice = WHOLE) -> torch.Tensor:
        """These rows of one of them."""
        with safe_open(self._shards[name], framework="pt") as weights:
            return cast(torch.Tensor, weights.get_slice(name)[rows])


class NoWeights:
    """None of them: what is converted with these is a vocabulary."""

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of nothing."""
        return {}

    def load(self, name: str, rows: slice = WHOLE) -> torch.Tensor:
        """Raises KeyError: there are none."""
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Target:
    """What becomes of one of the weights: matrices are float16 in a GGUF, vectors float32."""

    source: str
    name: str
    shape: tuple[int, ...]
    heads: int = 0
    """Whose halves are interleaved."""
    shift: float = 0.0

    @property
    def kind(self) -> np.dtype[Any]:
        """Of the numbers."""
        return np.dtype(np.float32 if len(self.shape) == 1 else np.float16)

    @property
    def size(self) -> int:
        """Bytes."""
        return prod(self.shape) * self.kind.itemsize

    def blocks(self, weights: Weights) -> Iterator[np.ndarray[Any, Any]]:
        """It all, in blocks of whole heads where it has heads."""
        unit = self.shape[0] // self.heads if self.heads else 1
        step = max(BLOCK // prod(self.shape[1:]) // unit, 1) * unit
        for start in range(0, self.shape[0], step):
            block = weights.load(self.source, slice(start, start + step))
            if self.heads:
                halves = block.reshape(-1, 2, unit // 2, *self.shape[1:])
                block = halves.transpose(1, 2).reshape(block.shape)
            if self.shift:
                block = block.float() + self.shift
            yield block.to(torch.float32 if len(self.shape) == 1 else torch.float16).numpy()


def convert(folder: Path, output: Path, weights: Weights | None = None, *, count: Count = uncounted) -> None:
    """Write a model of the kind and with the tokenizer of a Hugging Face folder as an F16 GGUF.

    Without `weights` it has the folder's own; with `NoWeights` it is a vocabulary. `count` is told tensors.

    Raises:
        CannotConvert, UnknownTokenizer: as `check` does.
    """
    family, config = families.read(folder)
    weights = weights or Folder(folder)
    targets = list(_targets(weights.shapes(), family, config))
    factors = families.factors(config) if targets else None
    writer = gguf.GGUFWriter(output, gguf.MODEL_ARCH_NAMES[family.arch])
    families.write_metadata(writer, family, config)
    write_vocabulary(writer, folder, config.vocab_size)
    if factors is not None:
        name = f"{gguf.TENSOR_NAMES[gguf.MODEL_TENSOR.ROPE_FREQS]}.weight"
        writer.add_tensor_info(name, tuple(factors.shape), np.dtype(np.float32), factors.nbytes)
    for target in targets:
        writer.add_tensor_info(target.name, target.shape, target.kind, target.size)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    with output.open("ab") as file:
        if factors is not None:
            _append(file, iter([factors.numpy()]), writer.data_alignment)
        for number, target in enumerate(targets):
            count(number, len(targets))
            _append(file, target.blocks(weights), writer.data_alignment)


def _append(file: Any, blocks: Iterator[np.ndarray[Any, Any]], align: int) -> None:
    """Write one tensor at the next place where one may begin, and fill up to the one after."""
    file.write(bytes(-file.tell() % align))
    for block in blocks:
        block.tofile(file)
    file.write(bytes(-file.tell() % align))


def _targets(shapes: Mapping[str, tuple[int, ...]], family: Family, config: Any) -> Iterator[Target]:
    known = gguf.get_tensor_name_map(family.arch, config.num_hidden_layers)
    for name, shape in shapes.items():
        if _is_needless(name, config):
            continue
        target = known.get_name(name, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise CannotConvert(
                f"a model of the family {family.name} has no weights called {name}", fix="choose another base"
            )
        shift = family.norm_shift if name.endswith("norm.weight") else 0.0
        yield Target(name, target, shape, families.heads(family, config, name), shift)


def _is_needless(name: str, config: Any) -> bool:
    """Some folders hold what is computed anyway, or what is another weight once more."""
    return name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and config.tie_word_embeddings)


def quantize(source: Path, output: Path, quantization: str, *, count: Count = uncounted) -> None:
    """Write the F16 GGUF `source` as `output`, by llama.cpp itself; `count` is told megabytes, about.

    llama.cpp asks nobody whether to go on, so it works in a thread: who interrupts it is told to wait for its end.

    Raises:
        CannotConvert: llama.cpp refuses.
    """
    if quantization == "F16":
        shutil.copyfile(source, output)
        return
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = FILE_TYPES[quantization]
    logging.getLogger("llama-cpp-python").setLevel(
        logging.CRITICAL
    )  # it tells of every tensor, and calls warnings errors
    total = int(source.stat().st_size * BITS[quantization] / BITS["F16"] / 1e6)
    with ThreadPoolExecutor(1, "quantize") as thread:
        paths, given = (str(source).encode(), str(output).encode()), ctypes.byref(settings)
        working = thread.submit(lambda: llama_cpp.llama_model_quantize(*paths, given))
        try:
            while not wait([working], timeout=LOOK_EVERY).done:
                count(min(int(output.stat().st_size / 1e6) if output.exists() else 0, total), total)
        except KeyboardInterrupt:
            log.warning(
                "quantize.interrupted", extra={"then": "llama.cpp cannot be stopped: it writes this file first"}
            )
            raise
    if working.result():
        raise CannotConvert(
            f"llama.cpp could not quantize the model to {quantization}", fix="choose another [train] quantization"
        )
