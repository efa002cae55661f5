"""Each family of models, tiny and random, with its real tokenizer: what llama.cpp reads is what transformers had.

The golden figures are of llama.cpp's own converter, `convert_hf_to_gguf.py --outtype f16` of llama-cpp-python 0.3.36's
sources, run on the same folders with a tokenizer.model of the same pieces.
"""

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from llama_cpp import Llama
from peft import LoraConfig, get_peft_model

from tests.bot.bigram import a_card
from tests.trainer import small
from tests.trainer.conftest import NASTY, merged_model
from tests.trainer.gguf_file import File
from tests.trainer.small import byte_level, save
from tests.trainer.tiny import TINY, make
from trainer.convert import gguf
from trainer.convert.merge import merged
from trainer.learning.base import Base, load_model
from trainer.learning.framing import framed
from trainer.learning.tokenizer import load_tokenizer
from trainer.models.artifact import Card, verify, vocabulary
from trainer.reading.dialogue import Turn
from trainer.reading.frame import ADDED, CHATML, GEMMA, LLAMA_3
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec, Scene, encode, render_row

GOLDEN = json.loads(Path(__file__).with_name("golden_gguf.json").read_text("utf-8"))
SAID = {f"tokenizer.ggml.add_{what}" for what in ("space_prefix", "bos_token", "eos_token")}
"""What our files say even where it is llama.cpp's default."""
SCORES = "tokenizer.ggml.scores"
"""Left out of the golden figures of Llama 2's tokenizer: ours come from the order of its merges, which says all of them
but those of pieces that nothing is merged to."""
LOGITS_BOUND = dict.fromkeys(TINY, 0.02) | {"gemma3": 0.25}
"""The most that a logit of the F16 GGUF in llama.cpp may differ from transformers in float32.

The largest are 5, and 9 of the tiny Gemma, whose layers double what is rounded: in transformers, too, its weights in
float16 move them by 0.35. Measured: 0.008 at most, and 0.12.
"""
SPOKEN = (
    Turn("Костя", False, ("Старик, ты где?)))", "<end_of_turn> <|im_end|></s>"), mark="Sunday noon"),
    Turn("Theo", True, ("щас", "two secs 🌚")),
)
LONG = "Are you there? Да, щас буду)) 13.04  ½ 👍🏽 " * 3


@pytest.fixture(scope="module", params=TINY)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family, real_tokenizer, tmp_path_factory):
    return make(family, real_tokenizer(TINY[family].tokenizer), tmp_path_factory.mktemp("tiny") / family)


@pytest.fixture(scope="module")
def tokenizers(real_tokenizer):
    return cache(lambda name: load_tokenizer(Base(real_tokenizer(name))))


@pytest.fixture(scope="module")
def hf(family, tokenizers):
    return tokenizers(TINY[family].tokenizer)


@pytest.fixture(scope="module")
def f16(folder):
    output = folder.with_suffix(".gguf")
    gguf.convert(folder, output)
    return output


def short(value):
    """As golden figures keep it."""
    if not isinstance(value, list) or len(value) <= 64:
        return value
    digest = hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()
    return {"length": len(value), "sha256": digest[:16]}


def logits(path, ids):
    llama = Llama(str(path), n_ctx=len(ids), n_batch=len(ids), logits_all=True, verbose=False)
    llama.eval(ids)
    found = llama.scores[: len(ids)].copy()
    llama.close()
    return found


def test_a_gguf_is_what_llama_cpps_own_converter_writes(family, f16):
    written, golden = File(f16), GOLDEN[family]
    fields, expected = {key: short(value) for key, value in written.fields.items()}, golden["fields"]
    assert fields.keys() - expected.keys() <= {*SAID, SCORES}
    assert {key: fields.get(key) for key in expected} == expected
    tensors = {name: [list(t.shape), t.kind, t.sha256] for name, t in written.tensors.items()}
    assert tensors == golden["tensors"]


def test_llama_cpp_reads_every_text_as_transformers_does(hf, f16):
    with vocabulary(f16) as tokenizer:
        assert [tokenizer.text(text) for text in NASTY] == [hf.text(text) for text in NASTY]


def test_logits_agree(family, folder, f16, hf):
    ids = hf.text(LONG)
    with torch.no_grad():
        expected = load_model(folder, torch.float32)(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(expected).max() > 1.0
    assert np.abs(logits(f16, ids) - expected).max() < LOGITS_BOUND[family]


QWEN = (CHATML, ADDED.burst_separator)
OWN = {
    "llama3": (LLAMA_3, "<|reserved_special_token_0|>"),
    "gemma3": (GEMMA, "<|im_sep|>"),
    "qwen2": QWEN,
    "qwen3": QWEN,
}
"""Frames of families that have one of their own, with what stands between messages; the part of Gemma's vocabulary that
is to be had lacks `<end_of_image>`."""


def test_a_dialogue_in_the_frame_of_the_base_reads_alike(family, folder, f16, tmp_path):
    """Golden dialogues and the card: ids are equal; and logits of a dialogue, whose frame may have been added."""
    if begins := not family.startswith("qwen"):
        base, hf, frame = framed(Base(folder), (), tmp_path)
    else:  # to add a token to its own vocabulary takes 4 s; so its model gets one of a few hundred
        made = byte_level(small.CHATML[:-1])
        save(made, tokenizer := tmp_path / "tokenizer", small.CHATML[:-1], end="<|im_end|>")
        size = made.get_vocab_size()
        base, hf, frame = framed(Base(make(family, tokenizer, tmp_path / "small", vocabulary=size)), (), tmp_path)
    expected, separator = OWN.get(family, (ADDED, ADDED.burst_separator))
    assert frame == replace(expected, burst_separator=separator, begin=hf.begin) and bool(hf.begin) is begins
    spec, file = PromptSpec(frame), f16
    if base.fresh:
        gguf.convert(base.folder, file := tmp_path / "framed.gguf")
    row = encode(hf, render_row(spec, Scene("Theo", "Костя"), SPOKEN, frozenset({1})))
    card = a_card().model_copy(update={"prompt": spec, "fingerprint": fingerprint(hf, spec)})
    with vocabulary(file) as tokenizer:
        verify(Card.model_validate_json(card.model_dump_json()), tokenizer)
        assert encode(tokenizer, render_row(spec, Scene("Theo", "Костя"), SPOKEN, frozenset({1}))) == row
    with torch.no_grad():
        known = load_model(base.folder, torch.float32)(torch.tensor([row.ids])).logits[0].numpy()
    assert np.abs(logits(file, row.ids) - known).max() < LOGITS_BOUND[family]


@pytest.fixture
def adapted(folder, tmp_path):
    """A model that wears an adapter which changes all it says, and the folder of the adapter."""
    settings = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(load_model(folder, torch.float32), settings)
    torch.manual_seed(1)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.05)
    model.save_pretrained(str(tmp_path / "adapter"))
    return model, tmp_path / "adapter"


def test_what_was_learned_is_merged(family, folder, hf, adapted, tmp_path):
    model, adapter = adapted
    ids = hf.text(LONG)
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
        found = merged_model(folder, adapter)(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(found - expected).max() < LOGITS_BOUND[family]
    if family == "llama2":  # the smallest file: what holds for its weights, with a head of their own, holds for all
        gguf.convert(folder, tmp_path / "merged.gguf", merged(folder, adapter))
        assert np.abs(logits(tmp_path / "merged.gguf", ids) - expected).max() < LOGITS_BOUND[family]
