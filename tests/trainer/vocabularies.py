"""Real tokenizers of the families that are converted, without a model hub, as folders of Hugging Face's format.

The vocabularies are those that llama.cpp keeps for its own tests: llama-cpp-python's source distribution carries them,
and pip brings it. What a GGUF does not say, such as how text is cut before it is merged, is added here as the hub's
tokenizer.json has it; transformers, which reads these GGUFs too, would guess some of it wrong.
"""

import fcntl
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache as once
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.gguf_file import File

PACKAGE = "llama-cpp-python"
SECONDS = 90
"""How long pip may take; seconds, where a network is near."""
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
WANTED = ("models/ggml-vocab-", "convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/")
"""Of llama.cpp's sources."""
Json = dict[str, Any]

DIGITS = {"qwen2": r"\p{N}", "llama3": r"\p{N}{1,3}"}
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
TO_SPACE = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
FROM_SPACE = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
FUSED = [TO_SPACE, {"type": "ByteFallback"}, {"type": "Fuse"}]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What is read of llama.cpp's GGUF."""

    tokens: list[str]
    kinds: list[int]
    scores: list[float]
    merges: list[str]

    def pieces(self) -> dict[str, int]:
        """All tokens that are not added to the model: name -> id."""
        return {name: at for at, name in enumerate(self.tokens) if self.kinds[at] in (NORMAL, BYTE, UNKNOWN)}

    def added(self) -> list[Json]:
        """Tokens that are found before text is cut; those that fill up the embeddings are nobody's."""
        return [
            {"id": at, "content": name, "special": self.kinds[at] != USER_DEFINED, "normalized": False}
            | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
            for at, name in enumerate(self.tokens)
            if self.kinds[at] in (UNKNOWN, CONTROL, USER_DEFINED) and not name.startswith("[PAD")
        ]


def vocabulary_folder(name: str, cache: Path) -> Path:
    """The tokenizer `name`, in a folder that is made once: `qwen2`, `llama3`, `llama2`, or `gemma`.

    `gemma` is a part of Gemma 4's pieces, under the rules and the names of Gemma 3, whose own are not to be had.
    Skips the test where the vocabularies cannot be downloaded.
    """
    folder = cache / f"{name}-{version(PACKAGE)}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            scratch = Path(tempfile.mkdtemp(dir=cache))
            tokenizer, settings = MADE[name](cache)
            (scratch / "tokenizer.json").write_text(json.dumps({"version": "1.0"} | tokenizer, ensure_ascii=False))
            (scratch / "tokenizer_config.json").write_text(json.dumps(settings))
            scratch.rename(folder)
    return folder


def read(cache: Path, name: str) -> Vocabulary:
    """One of llama.cpp's vocabularies."""
    fields = File(sources(cache) / "models" / f"ggml-vocab-{name}.gguf").fields
    return Vocabulary(
        *(fields.get(f"tokenizer.ggml.{key}", []) for key in ("tokens", "token_type", "scores", "merges"))
    )


def sources(cache: Path) -> Path:
    """A folder with llama.cpp's vocabularies and its converter; skips the test where pip cannot bring them."""
    folder = cache / f"llama.cpp-{version(PACKAGE)}"
    if not folder.is_dir() and (why := download(folder)):
        pytest.skip(f"llama.cpp's vocabularies cannot be downloaded: {why}")
    return folder


@once
def download(folder: Path) -> str:
    """Bring llama.cpp's sources, as far as they are wanted here, into a new folder; or tell why not.

    It is tried once: where there is no network, each test would wait for pip to give up.
    """
    wanted = f"{PACKAGE}=={version(PACKAGE)}"
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", PACKAGE)
        try:
            subprocess.run([*command, "--dest", place, wanted], check=True, capture_output=True, timeout=SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            return type(error).__name__
        (archive,) = Path(place).glob("*.tar.gz")
        scratch = Path(place) / folder.name
        with tarfile.open(archive) as opened:
            for member in opened:
                member.name = member.name.partition("/vendor/llama.cpp/")[2]
                if member.name.startswith(WANTED):
                    opened.extract(member, scratch, filter="data")
        scratch.rename(folder)
    return ""


def byte_level(name: str, kept: str, cache: Path) -> tuple[Json, Json]:
    """As of Qwen 2, 2.5 and 3, or as of Llama 3."""
    vocabulary = read(cache, kept)
    llama = name == "llama3"
    first, end = ("<|begin_of_text|>", "<|eot_id|>") if llama else (None, "<|im_end|>")
    split = {"type": "Split", "pattern": {"Regex": WORDS % DIGITS[name]}, "behavior": "Isolated", "invert": False}
    after = {**BYTE_LEVEL, "add_prefix_space": llama, "use_regex": llama}
    tokenizer = {
        "added_tokens": vocabulary.added(),
        "normalizer": None if llama else {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, BYTE_LEVEL]},
        "post_processor": {"type": "Sequence", "processors": [after, template(vocabulary, first)]} if first else after,
        "decoder": {**BYTE_LEVEL, "add_prefix_space": llama, "use_regex": llama},
        "model": bpe(vocabulary.pieces(), [merge.split(" ") for merge in vocabulary.merges], ignore_merges=llama),
    }
    kind = "PreTrainedTokenizerFast" if llama else "Qwen2Tokenizer"
    padding = {} if llama else {"pad_token": "<|endoftext|>"}
    return tokenizer, settings(vocabulary, kind, bos_token=first, eos_token=end, **padding)


def sentencepiece(cache: Path) -> tuple[Json, Json]:
    """As of Llama 2 and the first Mistral: a space is put in front of every text."""
    vocabulary = read(cache, "llama-spm")
    tokenizer = {
        "added_tokens": vocabulary.added(),
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, FROM_SPACE]},
        "pre_tokenizer": None,
        "post_processor": template(vocabulary, "<s>"),
        "decoder": {"type": "Sequence", "decoders": [*FUSED, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": bpe(everything(vocabulary), merges(vocabulary), unk_token="<unk>", fuse_unk=True, byte_fallback=True),
    }
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return tokenizer, settings(vocabulary, "LlamaTokenizer", add_bos_token=True, add_eos_token=False, **names)


def gemma(cache: Path) -> tuple[Json, Json]:
    """As of Gemma 3: no space in front of a text, and runs of line breaks that are tokens."""
    whole = read(cache, "gemma-4")
    renamed = {"<|turn>": "<start_of_turn>", "<turn|>": "<end_of_turn>"}
    kept = [at for at, name in enumerate(whole.tokens) if at < 20_000 or len(name) == 1]
    names = [renamed.get(whole.tokens[at], whole.tokens[at]) for at in kept]
    runs = {name for name in names if len(name) > 1 and set(name) == {"\n"}}
    special = {*names[:5], *renamed.values()}
    kinds = [CONTROL if name in special else USER_DEFINED if name in runs else NORMAL for name in names]
    known = set(names)
    pairs = [merge.split(" ") for merge in whole.merges]
    vocabulary = Vocabulary(names, kinds, [], [])
    tokenizer = {
        "added_tokens": vocabulary.added(),
        "normalizer": FROM_SPACE,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        },
        "post_processor": template(vocabulary, "<bos>"),
        "decoder": {"type": "Sequence", "decoders": FUSED},
        "model": bpe(
            everything(vocabulary),
            [pair for pair in pairs if {*pair, "".join(pair)} <= known],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        ),
    }
    called = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return tokenizer, settings(vocabulary, "GemmaTokenizer", add_bos_token=True, add_eos_token=False, **called)


def bpe(pieces: dict[str, int], pairs: list[list[str]], **options: Any) -> Json:
    """The model inside a tokenizer.json."""
    plain = {"dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}
    flags = dict.fromkeys(("fuse_unk", "byte_fallback", "ignore_merges"), False)
    return {"type": "BPE", **plain, **flags, **options, "vocab": pieces, "merges": pairs}


def everything(vocabulary: Vocabulary) -> dict[str, int]:
    """Every token, as models of sentencepiece have it."""
    return {name: at for at, name in enumerate(vocabulary.tokens)}


def merges(vocabulary: Vocabulary) -> list[list[str]]:
    """Pairs of pieces that are a piece together, the best score of the whole first, as transformers derives them."""
    pieces = vocabulary.pieces()
    found = [
        (-vocabulary.scores[at], pieces[name[:cut]], pieces[name[cut:]], [name[:cut], name[cut:]])
        for name, at in pieces.items()
        for cut in range(1, len(name))
        if name[:cut] in pieces and name[cut:] in pieces
    ]
    return [pair for *_, pair in sorted(found)]


def template(vocabulary: Vocabulary, first: str) -> Json:
    """What puts `first` before every text."""
    special, text = {"SpecialToken": {"id": first, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    second = [{name: {**value, "type_id": 1} for name, value in part.items()} for part in (special, text)]
    second[1]["Sequence"]["id"] = "B"
    return {
        "type": "TemplateProcessing",
        "single": [special, text],
        "pair": [special, text, *second],
        "special_tokens": {first: {"id": first, "ids": [vocabulary.tokens.index(first)], "tokens": [first]}},
    }


def settings(vocabulary: Vocabulary, kind: str, **more: Any) -> Json:
    """A tokenizer_config.json as the hub's are."""
    added = {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in vocabulary.added()}
    return {"tokenizer_class": kind, "added_tokens_decoder": added, "clean_up_tokenization_spaces": False, **more}


MADE = {
    "qwen2": partial(byte_level, "qwen2", "qwen2"),
    "llama3": partial(byte_level, "llama3", "llama-bpe"),
    "llama2": sentencepiece,
    "gemma": gemma,
}
