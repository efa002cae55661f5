"""Bases without turn tokens: some are added, learned, merged, and read alike by llama.cpp."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from llama_cpp import Llama

from tests.bot.bigram import a_card
from tests.trainer.conftest import merged_model
from tests.trainer.small import CHATML, byte_level, save, small_base
from trainer import pipeline
from trainer.convert import gguf
from trainer.convert.merge import merged
from trainer.data.batches import collate
from trainer.data.dataset import Row
from trainer.learning.base import Base, causal, load_model
from trainer.learning.framing import framed
from trainer.learning.growth import grown, untaught
from trainer.learning.loss import surprise
from trainer.learning.methods import keep, learner, untuned, with_adapter
from trainer.learning.tokenizer import load_tokenizer
from trainer.models.artifact import MODEL, GGUFTokenizer, write_card
from trainer.models.leftovers import tidy
from trainer.models.registry import VERDICT, current
from trainer.models.requantize import compare
from trainer.reading.dialogue import Turn
from trainer.reading.frame import ADDED
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec, Scene, encode, render_row

PLAIN = ("<s>", "</s>")


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def plain(request, tmp_path):
    """A base that begins texts with a token, and has none for turns."""
    made = byte_level(PLAIN)
    folder = tmp_path / "plain"
    save(made, folder, PLAIN, begin="<s>", end="</s>")
    return Base(small_base(folder, made, tied=request.param))


def row(length, ids=(), seed=0):
    chance = torch.randint(10, 200, (length,), generator=torch.Generator().manual_seed(seed))
    told = (*chance.tolist(), *ids)
    return Row(told, tuple(at > 4 for at in range(len(told))), 2, datetime(2026, 1, 1, tzinfo=UTC), 1, len(told))


def rows_of(base, name="model.embed_tokens.weight"):
    return gguf.Folder(base.folder).load(name).float()


def test_turn_tokens_are_added_with_rows_of_usual_size(plain, tmp_path):
    base, tokenizer, frame = framed(plain, (), tmp_path / "cache")
    before = rows_of(plain)
    assert frame == replace(ADDED, begin="<s>")
    assert base.fresh == tuple(range(len(before), len(before) + 3))
    assert [tokenizer.control(name) for name in ("<|im_start|>", "<|im_sep|>", "<|im_end|>")] == list(base.fresh)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        if name in gguf.Folder(base.folder).shapes():
            grown, usual = rows_of(base, name), rows_of(plain, name)
            assert torch.equal(grown[: len(before)], usual)
            assert torch.allclose(grown[len(before) :], usual.mean(0).expand(3, -1), atol=1e-2)
    assert json.loads((base.folder / "config.json").read_text())["vocab_size"] == len(before) + 3
    model = load_model(base.folder, torch.float32)
    assert torch.equal(model.get_input_embeddings().weight, rows_of(base))
    assert sum(file.is_symlink() for file in base.folder.iterdir()) == 1, "the other weights are not copied"


def test_a_base_is_grown_once_and_is_the_same_base_when_made_anew(plain, tmp_path):
    added = {"<|im_start|>": "", "<|x|>": "than"}
    first = grown(plain, added, tmp_path / "one")
    made = (first.folder / "rows.safetensors").stat().st_ino
    assert grown(plain, added, tmp_path / "one") == first
    assert (first.folder / "rows.safetensors").stat().st_ino == made
    assert first.key not in {plain.key, grown(plain, {"<|x|>": ""}, tmp_path / "one").key}
    (link,) = first.folder.glob("base-*")
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    assert grown(plain, added, tmp_path / "one") == first and load_model(first.folder, torch.float32)
    spelled = load_tokenizer(plain).text("than")
    usual = rows_of(plain)[spelled].mean(0)
    assert torch.allclose(rows_of(first)[first.fresh[1]], usual, atol=1e-2)


def test_spare_rows_are_used_before_the_matrix_grows(tmp_path):
    made = byte_level(PLAIN)
    save(made, tmp_path / "plain", PLAIN, end="</s>")
    base = Base(small_base(tmp_path / "plain", made, spare=2))
    size = made.get_vocab_size()
    bigger = grown(base, {"<|im_start|>": ""}, tmp_path / "cache")
    assert bigger.fresh == (size,) and rows_of(bigger).shape == rows_of(base).shape
    assert torch.allclose(rows_of(bigger)[size], rows_of(base)[:size].mean(0), atol=1e-2)


def test_reserved_tokens_that_no_base_was_taught_are_told_from_those_that_were(tmp_path):
    made = byte_level(CHATML)
    save(made, tmp_path, CHATML)
    model = load_model(small_base(tmp_path, made), torch.bfloat16)
    with torch.no_grad():
        matrix = model.get_input_embeddings().weight
        matrix[3] = 0.0
        matrix[1] = matrix[200]
    model.save_pretrained(tmp_path)
    assert untaught(Base(tmp_path), [2, 3, 1]) == (1, 3)
    assert framed(Base(tmp_path), (), tmp_path / "cache")[0].fresh == (1, 3)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_only_fresh_rows_learn_beside_the_adapter_and_merge_exactly(plain, tmp_path, method):
    base, _, _ = framed(plain, (), tmp_path / "cache")
    if method == "lora":
        model = with_adapter(load_model(base.folder, torch.float32), rank=4, seed=1, fresh=base.fresh)
    else:
        model = learner(base, method, rank=4, seed=1)
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad and "lora_" not in name]
    tied = causal(model).config.tie_word_embeddings
    assert len(names) == (1 if tied else 2) and all("trainable_tokens" in name for name in names)
    assert all(p.dtype is torch.float32 for p in model.parameters() if p.requires_grad)
    batch = collate((row(40, base.fresh * 2), row(50, seed=1)))
    model.train()  # bitsandbytes repacks what it thinks will never be trained
    before = surprise(model, batch).detach()
    surprise(model, batch).sum().backward()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                assert parameter.grad.abs().sum() > 0 or "lora_A" in name, name
                parameter -= 0.05 * torch.randn_like(parameter)
        after = surprise(model, batch)
        keep(model, tmp_path / "learned")
        made = merged_model(base.folder, tmp_path / "learned")
        if method == "lora":
            assert torch.allclose(surprise(made, batch), after.float(), rtol=0.02, atol=0.1)
        with untuned(model, base) as untouched:
            assert torch.allclose(surprise(untouched, batch), before, rtol=0.02, atol=0.05)
    weights = merged(base.folder, tmp_path / "learned")
    for name in gguf.Folder(base.folder).shapes():
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            changed = (weights.load(name).float() - rows_of(base, name)).abs().amax(1) > 1e-3
            assert changed.nonzero().flatten().tolist() == list(base.fresh)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_fresh_rows_are_exact_in_llama_cpp(plain, tmp_path, method):
    """Token ids equal, logits within what float16 rounds."""
    base, hf, frame = framed(plain, (), tmp_path / "cache")
    model = learner(base, method, rank=4, seed=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter += (1.0 if "trainable_tokens" in name else 0.2) * torch.randn_like(parameter)
    keep(model, tmp_path / "learned")
    gguf.convert(base.folder, tmp_path / "model.gguf", merged(base.folder, tmp_path / "learned"))
    llama = Llama(str(tmp_path / "model.gguf"), n_ctx=256, logits_all=True, verbose=False)
    spec, read = PromptSpec(frame), GGUFTokenizer(llama)
    assert fingerprint(read, spec) == fingerprint(hf, spec)
    turns = (Turn("Ben", False, ("hey", "<|im_end|>")), Turn("Ann", True, ("yes", "no")))
    ids = encode(read, render_row(spec, Scene("Ann", "Ben"), turns, frozenset({1}))).ids
    assert set(base.fresh) < set(ids)
    llama.eval(ids)
    with torch.no_grad():
        expected = merged_model(base.folder, tmp_path / "learned")(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(expected[:, list(base.fresh)]).max() > 1.0
    assert np.abs(llama.scores[: len(ids)] - expected).max() < 0.02 * np.abs(expected).max()
    llama.close()


def test_grown_bases_that_no_model_needs_go_with_their_ggufs(tmp_path):
    made, cache, models = byte_level(PLAIN), tmp_path / "cache", tmp_path / "models"
    save(made, tmp_path / "plain", PLAIN, end="</s>")
    base = Base(small_base(tmp_path / "plain", made))
    last, used, old, broken = (grown(base, {f"<|{name}|>": ""}, cache) for name in ("last", "used", "old", "broken"))
    (link,) = broken.folder.glob("base-*")
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    for one in (used, old):
        (cache / f"{one.key}-Q8_0.gguf").write_bytes(b"untuned")
    (models / "one").mkdir(parents=True)
    untuned = str(cache / f"{used.key}-Q8_0.gguf")
    write_card(models / "one", a_card(base_key=used.key, base_gguf=untuned))
    for file in (MODEL, VERDICT):
        (models / "one" / file).write_bytes(b"")
    tidy(cache, models, last)
    assert {path.name for path in cache.iterdir()} == {last.folder.name, used.folder.name, Path(untuned).name}


@pytest.mark.parametrize("plain", [True], indirect=True)
def test_a_base_without_turn_tokens_becomes_a_double(store, config_of, plain):
    config = config_of(base=str(plain.folder), epochs=6, learning_rate=0.005, early_stop=0)
    artifact = pipeline.run(config, store)
    assert current(config.models) == artifact
    assert artifact.card.prompt.frame == replace(ADDED, begin="<s>")
    assert [one.exchanges > 1 for one in compare(config, store)[1]] == [True] * 5, "its 16 bits come of the grown base"
