"""Conversion, quantization and the card: what llama.cpp reads is what transformers had."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from llama_cpp import Llama

from exporter.progress import silent
from tests.bot.bigram import a_card
from tests.trainer.gguf_file import File
from trainer.convert import gguf
from trainer.convert.export import require_read_alike
from trainer.convert.vocabulary import UnknownTokenizer
from trainer.learning.base import EMBEDDED, Base, NoBase, embedded_gguf, load_model, prepare, unpack_tokenizer
from trainer.learning.tokenizer import HFTokenizer
from trainer.models.artifact import GGUFTokenizer, PromptMismatch, verify
from trainer.reading.frame import Frame
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec
from trainer.run import Run

LOGITS_BOUND = 0.05
"""The most that a logit of the F16 GGUF in llama.cpp may differ from transformers in float32."""


@pytest.fixture(scope="module")
def f16(tiny_base, tmp_path_factory):
    output = tmp_path_factory.mktemp("gguf") / "f16.gguf"
    gguf.convert(tiny_base, output)
    return output


def test_logits_agree_with_transformers(tiny_base, f16, hf):
    ids = hf.text("Are you there? Да, щас буду)) 13.04  ½ 👍🏽 " * 4)
    llama = Llama(str(f16), n_ctx=512, logits_all=True, verbose=False)
    llama.eval(ids)
    with torch.no_grad():
        expected = load_model(tiny_base, torch.float32)(torch.tensor([ids])).logits[0].numpy()
    found = llama.scores[: len(ids)]
    assert np.abs(expected).max() > 1.0
    assert np.abs(found - expected).max() < LOGITS_BOUND
    llama.close()


def test_the_tokenizer_is_written_as_the_bases_own_gguf_has_it(f16):
    ours, theirs = (
        {key: value for key, value in File(path).fields.items() if "tokenizer" in key}
        for path in (f16, embedded_gguf())
    )
    ours["tokenizer.chat_template"] = theirs["tokenizer.chat_template"]
    assert {key: ours[key] for key in theirs} == theirs


@pytest.mark.parametrize("quantization", ["F16", "Q8_0", "Q4_K_M"])
def test_llama_cpp_loads_every_quantization_and_says_how_far_it_is(f16, tmp_path, quantization, hf, monkeypatch):
    monkeypatch.setattr(gguf, "LOOK_EVERY", 0.001)
    output = tmp_path / "model.gguf"
    seen: list[tuple[int, int]] = []
    gguf.quantize(f16, output, quantization, count=lambda done, total: seen.append((done, total)))
    assert all(0 <= done <= total for done, total in seen) and bool(seen) == (quantization != "F16")
    llama = Llama(str(output), n_ctx=64, verbose=False)
    assert fingerprint(GGUFTokenizer(llama), PromptSpec()) == fingerprint(hf, PromptSpec())
    llama.close()


def test_who_interrupts_llama_cpp_is_told_why_it_goes_on(f16, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(gguf, "LOOK_EVERY", 0.0001)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gguf.quantize(f16, tmp_path / "model.gguf", "Q8_0", count=interrupt)
    assert "quantize.interrupted" in caplog.messages and "writes this file first" in caplog.records[-1].then


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"architectures": ["Gemma3ForConditionalGeneration"]}, "Gemma3ForConditionalGeneration"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 5e5}}, "positions by yarn"),
        ({"hidden_act": "gelu"}, "activates by gelu"),
        ({"query_pre_attn_scalar": 256}, "queries by 1/√256 where llama.cpp takes 1/√16"),
    ],
)
def test_models_that_cannot_be_converted_are_refused_by_name(tiny_base, tmp_path, changes, problem):
    folder = shutil.copytree(tiny_base, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(gguf.CannotConvert, match=problem) as caught:
        gguf.check(folder)
    assert "base" in caught.value.fix


def test_tokenizers_that_llama_cpp_would_read_otherwise_are_refused(tiny_base, tmp_path):
    folder = shutil.copytree(tiny_base, tmp_path / "other")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["pre_tokenizer"] = {"type": "Whitespace"}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(UnknownTokenizer):
        gguf.check(folder)


def test_a_vocabulary_alone_tells_whether_llama_cpp_reads_as_training_does(tiny_base, tmp_path, hf, f16):
    base, work = Base(tiny_base), Run(tmp_path, silent)
    require_read_alike(base, hf, PromptSpec(), gguf.convert, work, known=None)
    assert (tmp_path / "vocabulary.gguf").stat().st_size < 0.5 * f16.stat().st_size

    class Otherwise(HFTokenizer):
        def text(self, value):
            return super().text(value.lower())

    other = Otherwise(unpack_tokenizer(embedded_gguf()))
    for known in (tmp_path / "vocabulary.gguf", f16):
        with pytest.raises(UnknownTokenizer, match="would read text otherwise") as caught:
            require_read_alike(base, other, PromptSpec(), gguf.convert, work, known=known)
    assert "base" in caught.value.fix


def test_a_base_that_is_not_there_is_said_with_a_fix(tmp_path, monkeypatch):
    with pytest.raises(NoBase, match=r"config\.json"):
        prepare(str(tmp_path), tmp_path / "cache")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NoBase, match="neither a folder") as caught:
        prepare("no such/model at all", tmp_path / "cache")
    assert EMBEDDED in caught.value.fix


def test_a_model_that_reads_prompts_otherwise_is_refused(tmp_path, tokenizer):
    verify(card := a_card(fingerprint=fingerprint(tokenizer, PromptSpec())), tokenizer)
    other = card.model_copy(update={"prompt": replace(card.prompt, frame=Frame(turn_open="<repo_name>"))})
    with pytest.raises(PromptMismatch, match="this code renders") as caught:
        verify(other, tokenizer)
    assert "retrain" in caught.value.fix or "train" in caught.value.fix
