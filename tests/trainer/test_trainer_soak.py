"""kill -9 of a training at five moments, and the real base through merge, conversion and llama.cpp."""

import contextlib
import json
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from llama_cpp import Llama

from tests.trainer.test_trainer_pipeline import CHILD
from trainer import pipeline
from trainer.convert import gguf
from trainer.convert.merge import merged
from trainer.learning.base import EMBEDDED, load_model, prepare
from trainer.learning.methods import with_adapter
from trainer.learning.tokenizer import load_tokenizer
from trainer.models.registry import names

KILLS = 5
LONGEST = 8.0
"""Seconds after its run began at which the last kills come."""
LOGITS_BOUND = 0.15
"""The most that a logit of SmolLM2-135M as F16 in llama.cpp may differ from transformers in float32."""
SAID = "Are you there? Да, щас буду))) 13.04  ½ 👍🏽 see you at the crag, bring the rope and some cheese. " * 4


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_five_kills_in_a_training_cost_nothing_but_time(store, config_of, tmp_path, record_property):
    config, chance = config_of(epochs=30), random.Random(1)  # noqa: S311 - the same moments every time
    values = config.model_dump(mode="json")
    values["telegram"]["api_hash"] = "0" * 32
    (tmp_path / "config.json").write_text(json.dumps(values))
    command = [sys.executable, "-c", CHILD, str(tmp_path / "config.json"), str(tmp_path / "history.db")]
    landed = []
    for _ in range(KILLS):
        child = subprocess.Popen(command)
        while child.poll() is None and not any((config.state / "runs").glob("*/")):
            time.sleep(0.05)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(LONGEST * chance.random())
        child.kill()
        landed.append(child.wait())
        assert landed[-1] in (-9, 0)
    artifact = pipeline.run(config, store)
    assert artifact.card.bits_per_byte.tuned < artifact.card.bits_per_byte.base
    assert len(names(config.models)) <= landed.count(0) + 1
    assert [left.name for left in (config.state / "runs").iterdir()] == [".lock"]
    assert not [path for path in config.models.rglob("*") if path.name.startswith(".") and path.name != ".lock"]
    record_property("killed", landed.count(-9))
    assert landed.count(-9) >= KILLS - 2, "the kills came too late to say anything"


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_real_base_says_the_same_in_llama_cpp(tmp_path, record_property):
    """An adapter that has learned nothing is merged, so that the base itself is what must come out."""
    base = prepare(EMBEDDED, tmp_path / "base")
    adapted = with_adapter(load_model(base.folder, torch.float32), rank=16, seed=1)
    adapted.save_pretrained(str(tmp_path / "adapter"))
    gguf.convert(base.folder, tmp_path / "f16.gguf", merged(base.folder, tmp_path / "adapter"))
    ids = load_tokenizer(base).text(SAID)
    with torch.no_grad():
        expected = load_model(base.folder, torch.float32)(torch.tensor([ids])).logits[0].numpy()
    llama = Llama(str(tmp_path / "f16.gguf"), n_ctx=512, logits_all=True, verbose=False)
    llama.eval(ids)
    found = llama.scores[: len(ids)]
    llama.close()
    furthest = float(np.abs(found - expected).max())
    record_property("furthest", furthest)
    record_property("agreeing", float((found.argmax(-1) == expected.argmax(-1)).mean()))
    assert furthest < LOGITS_BOUND
