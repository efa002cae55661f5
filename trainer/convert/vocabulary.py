"""A Hugging Face tokenizer as a GGUF keeps one, in its metadata: byte-level BPE of the kinds named here."""

import json
from pathlib import Path
from typing import Any

import gguf
from transformers import AutoTokenizer

from exporter.errors import DoppelgangerError

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
CUTS: dict[str, dict[str, Any]] = {
    "smollm": {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTE_LEVEL],
    },
    "gpt-2": BYTE_LEVEL,
}
"""How text is cut before bytes are merged: llama.cpp's name for it, and what tokenizer.json says."""


class UnknownTokenizer(DoppelgangerError):
    """llama.cpp would read text otherwise than this tokenizer."""


def cut(folder: Path) -> str:
    """llama.cpp's name for how the tokenizer of `folder` cuts text. Raises UnknownTokenizer."""
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    for name, rule in CUTS.items():
        if tokenizer.get("pre_tokenizer") == rule and tokenizer.get("normalizer") is None:
            return name
    raise UnknownTokenizer(
        f"the tokenizer of {folder} cannot be converted to GGUF yet",
        fix='choose a base with the tokenizer of SmolLM2, such as "embedded"',
    )


def write_vocabulary(writer: gguf.GGUFWriter, folder: Path, size: int) -> None:
    """Add the tokenizer of `folder`, of a model with `size` embeddings. Raises UnknownTokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    names = {token_id: name for name, token_id in tokenizer.get_vocab().items()}
    added = tokenizer.added_tokens_decoder

    def kind(token_id: int) -> gguf.TokenType:
        if token_id not in names:
            return gguf.TokenType.UNUSED
        if token_id not in added:
            return gguf.TokenType.NORMAL
        return gguf.TokenType.CONTROL if added[token_id].special else gguf.TokenType.USER_DEFINED

    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(cut(folder))
    writer.add_token_list([names.get(token_id, f"[PAD{token_id}]") for token_id in range(size)])
    writer.add_token_types([kind(token_id) for token_id in range(size)])
    gguf.SpecialVocab(folder, load_merges=True, n_vocab=size).add_to_gguf(writer, quiet=True)
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(False)
