"""A Hugging Face tokenizer as a GGUF keeps one, in its metadata, and as llama.cpp reads with it.

Of two kinds: byte-level BPE that cuts text as one of CUTS does, and sentencepiece's BPE, as of Llama 2 and Gemma.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
from tokenizers import normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerBase

from exporter.errors import DoppelgangerError

WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""What GPT-4 counts as words, but for how it cuts digits."""


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


def _words(digits: str) -> dict[str, Any]:
    cut = {"type": "Split", "pattern": {"Regex": WORDS % digits}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [cut, {**BYTES, "use_regex": False}]}


CUTS: dict[str, dict[str, Any]] = {
    "smollm": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTES]},
    "gpt-2": BYTES,
    "qwen2": _words(r"\p{N}"),
    "llama-bpe": _words(r"\p{N}{1,3}"),
}
"""How text is cut before bytes are merged: llama.cpp's name for it, and what tokenizer.json says."""
WHOLE_WORDS = frozenset({"llama-bpe"})
"""Of these, those by which llama.cpp takes a word that is a token for it, whatever the merges say."""
SPACE = "▁"
"""What sentencepiece writes for a space."""
BYTE = re.compile("<0x[0-9A-F]{2}>")
ADDED, ABSENT = -1000.0, -10000.0
"""Scores that llama.cpp's own converter gives to tokens that are none of the model's pieces."""


class UnknownTokenizer(DoppelgangerError):
    """llama.cpp would read text otherwise than this tokenizer."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How llama.cpp is to read with a vocabulary."""

    model: str
    """`gpt2`: BPE over bytes; `llama`: over sentencepiece's pieces."""
    cut: str
    prefixed: bool
    """Whether a space is put in front of every text."""


def reading(folder: Path) -> Reading:
    """How llama.cpp reads as the tokenizer of `folder` does. Raises UnknownTokenizer."""
    return _reading(folder, _json(folder))


def as_llama_cpp_reads(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The same tokenizer, reading as llama.cpp does with its vocabulary.

    That composes no letters, and what puts a space in front of a text puts one in front of a space, too.
    """
    backend = tokenizer.backend_tokenizer
    if isinstance(backend.normalizer, normalizers.NFC):
        backend.normalizer = None
    cut = backend.pre_tokenizer
    if isinstance(cut, pre_tokenizers.Metaspace) and cut.prepend_scheme != "never":
        backend.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
        backend.pre_tokenizer = None
    return tokenizer


def _json(folder: Path) -> dict[str, Any]:
    file = folder / "tokenizer.json"
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {"model": {}}
    return found


def _reading(folder: Path, told: Mapping[str, Any]) -> Reading:
    model, normalizer = told["model"], told.get("normalizer")
    cut = _without(told.get("pre_tokenizer"), "trim_offsets")
    if model.get("type") == "BPE" and model.get("byte_fallback"):
        for prefixed, normal, before in SPACED:
            if (normalizer, _without(cut, "prepend_scheme")) == (normal, before):
                return Reading("llama", "default", prefixed and (cut or {}).get("prepend_scheme") != "never")
    elif model.get("type") == "BPE":
        for name, rule in CUTS.items():
            whole = bool(model.get("ignore_merges")) is (name in WHOLE_WORDS)
            if cut == rule and whole and normalizer in (None, {"type": "NFC"}):
                return Reading("gpt2", name, prefixed=False)
    raise UnknownTokenizer(
        f"the tokenizer of {folder} is of a kind that cannot be converted to GGUF",
        fix='choose a base with the tokenizer of Llama, Mistral, Qwen, Gemma or SmolLM, such as "embedded"',
    )


FROM_SPACE = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
METASPACE = {"type": "Metaspace", "replacement": SPACE, "split": False}
PREPENDED = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, FROM_SPACE]}
AT_SPACES = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
SPACED: tuple[tuple[bool, dict[str, Any] | None, dict[str, Any] | None], ...] = (
    (True, PREPENDED, None),
    (True, None, METASPACE),
    (False, FROM_SPACE, None),
    (False, FROM_SPACE, AT_SPACES),
)
"""Ways in which sentencepiece's spaces are told: whether one is put in front, the normalizer, and what cuts text."""


def _without(told: Any, key: str) -> Any:
    """The same, without a key that does not matter, wherever in it."""
    if isinstance(told, dict):
        return {name: _without(value, key) for name, value in told.items() if name != key}
    return [_without(value, key) for value in told] if isinstance(told, list) else told


def write_vocabulary(writer: gguf.GGUFWriter, folder: Path, size: int) -> None:
    """Add the tokenizer of `folder`, of a model with `size` embeddings. Raises UnknownTokenizer."""
    told = _json(folder)
    found = _reading(folder, told)
    added = {token["id"]: token for token in told["added_tokens"]}
    names = {at: name for name, at in told["model"]["vocab"].items()} | {at: t["content"] for at, t in added.items()}
    kinds = [_kind(token_id, names, added, found) for token_id in range(size)]
    writer.add_tokenizer_model(found.model)
    writer.add_tokenizer_pre(found.cut)
    writer.add_token_list([_written(names.get(at, f"[PAD{at}]"), kind) for at, kind in enumerate(kinds)])
    writer.add_token_types(kinds)
    if found.model == "llama":
        scores = _scores(told["model"])
        given = {gguf.TokenType.UNUSED: ABSENT, gguf.TokenType.BYTE: 0.0}
        given |= dict.fromkeys((gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED), ADDED)
        writer.add_token_scores([given[k] if k in given else scores[names[at]] for at, k in enumerate(kinds)])
    logging.getLogger("gguf.vocab").setLevel(logging.ERROR)  # it wonders at templates for two texts
    special = gguf.SpecialVocab(folder, load_merges=found.model == "gpt2", n_vocab=size)
    special.add_special_token = {"bos": False, "eos": False} | special.add_special_token
    special.add_to_gguf(writer, quiet=True)
    writer.add_add_space_prefix(found.prefixed)


def _kind(
    token_id: int, names: Mapping[int, str], added: Mapping[int, Mapping[str, Any]], found: Reading
) -> gguf.TokenType:
    """Control tokens are those that nobody can type: special ones."""
    if token_id not in names:
        return gguf.TokenType.UNUSED
    if token_id in added:
        return gguf.TokenType.CONTROL if added[token_id]["special"] else gguf.TokenType.USER_DEFINED
    if found.model == "llama" and BYTE.fullmatch(names[token_id]):
        return gguf.TokenType.BYTE
    return gguf.TokenType.NORMAL


def _written(name: str, kind: gguf.TokenType) -> str:
    """Tokens that are found before spaces are replaced are written with spaces."""
    return name.replace(SPACE, " ") if kind is gguf.TokenType.USER_DEFINED else name


def _scores(model: Mapping[str, Any]) -> dict[str, float]:
    """Pieces that are merged earlier score higher; those that nothing is merged to are never compared.

    sentencepiece's own scores are the same numbers, but for the latter.
    """
    merged = dict.fromkeys("".join(pair if isinstance(pair, list) else pair.split(" ")) for pair in model["merges"])
    order = merged | dict.fromkeys(model["vocab"])
    return {name: -float(rank) for rank, name in enumerate(order)}
