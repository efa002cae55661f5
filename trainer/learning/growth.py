"""Tokens that a base lacks: added to its tokenizer and to its embeddings; and which rows of those have to learn.

A grown base is a folder like any other, in which all but the vocabulary's matrices are links to the base's own files.
It knows Hugging Face's formats, and nothing of why a token is wanted.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AddedToken, AutoTokenizer

from trainer.convert.gguf import Folder, FreeSpace, free_space, require_space
from trainer.learning.base import Base
from trainer.run import whole

MATRICES = ("embed_tokens.weight", "lm_head.weight")
"""How the names of the weights end that have a row for each token."""
ROWS = "rows.safetensors"
"""Where these lie in a grown base. Its name comes after those of the links, for what is read last counts."""
LINKED = "base-"
"""How the names of the links begin. A digest of what was added follows, so that no two grown bases have one key."""
CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
GROWN = "grown-"
"""How the names of grown bases begin."""
AT_ONCE = 8192
"""Rows that are compared at the same time."""
ALIKE = 0.1
"""A row that is no longer than this share of a usual one, or that near to another, was never learned."""


def grown(base: Base, added: Mapping[str, str], cache: Path, free: FreeSpace = free_space) -> Base:
    """The base with these control tokens added, made once in `cache`; their rows are `fresh`.

    A row begins as the mean of those that spell the words which `added` names for its token; without words, of all.
    Raises DiskFull.
    """
    name = hashlib.sha256(repr((base.key, *added.items())).encode()).hexdigest()[:16]
    folder = cache / f"{GROWN}{name}"
    if not (folder.is_dir() and all(file.exists() for file in folder.iterdir())):
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_space(cache, base.size, free)
        with whole(folder) as scratch:
            scratch.mkdir(mode=0o700)
            _grow(base.folder, added, scratch, linked=f"{LINKED}{name}-")
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    return replace(base, folder=folder, fresh=tuple(tokenizer.convert_tokens_to_ids(list(added))))


def untaught(base: Base, ids: Iterable[int]) -> tuple[int, ...]:
    """Those of `ids` whose rows the base never learned to tell from others: many bases keep tokens in reserve."""
    asked = torch.tensor(sorted(ids))
    rows = torch.cat([part[_inside(asked, start, len(part)) - start] for start, part in _parts(base)])
    nearest, lengths = torch.full((len(asked),), torch.inf), []
    for start, part in _parts(base):
        apart = torch.cdist(rows, part)
        itself = asked[:, None] == torch.arange(start, start + len(part))
        nearest = torch.minimum(nearest, apart.masked_fill(itself, torch.inf).amin(1))
        lengths.append(part.norm(dim=1))
    least = ALIKE * torch.cat(lengths).median()
    return tuple(asked[(nearest < least) | (rows.norm(dim=1) < least)].tolist())


def _inside(ids: torch.Tensor, start: int, count: int) -> torch.Tensor:
    return ids[(start <= ids) & (ids < start + count)]


def _parts(base: Base) -> Iterator[tuple[int, torch.Tensor]]:
    """The embeddings, some rows at a time, in float32; and the number of the first of them."""
    (name, file), *_ = ((name, file) for name, file in _where(base.folder).items() if name.endswith(MATRICES[0]))
    with safe_open(file, framework="pt") as weights:
        matrix = weights.get_slice(name)
        for start in range(0, matrix.get_shape()[0], AT_ONCE):
            yield start, matrix[start : start + AT_ONCE].float()


def _where(folder: Path) -> dict[str, Path]:
    """In which file each of the weights lies."""
    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            found.update(dict.fromkeys(weights.keys(), file))
    return found


def _grow(base: Path, added: Mapping[str, str], folder: Path, *, linked: str) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    spelled = [tokenizer.encode(words, add_special_tokens=False) for words in added.values()]
    known = len(tokenizer)
    tokenizer.add_tokens([AddedToken(name, special=True, normalized=False) for name in added], special_tokens=True)
    tokenizer.save_pretrained(folder)
    config = json.loads((base / CONFIG).read_text("utf-8"))
    size = max(config["vocab_size"], len(tokenizer))
    (folder / CONFIG).write_text(json.dumps({**config, "vocab_size": size}, indent=2), "utf-8")
    where, weights, rows = _where(base), Folder(base), {}
    for name in (name for name in where if name.endswith(MATRICES)):
        matrix = weights.load(name)
        begun = [matrix[ids or slice(known)].float().mean(0) for ids in spelled]
        rows[name] = torch.cat([matrix, matrix.new_zeros(size - len(matrix), matrix.shape[1])])
        rows[name][tokenizer.convert_tokens_to_ids(list(added))] = torch.stack(begun).to(matrix.dtype)
    save_file(rows, folder / ROWS, metadata={"format": "pt"})
    places = {name: f"{linked}{file.name}" for name, file in where.items()} | dict.fromkeys(rows, ROWS)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}), "utf-8")
    for file in set(where.values()):
        (folder / f"{linked}{file.name}").symlink_to(file.resolve())
