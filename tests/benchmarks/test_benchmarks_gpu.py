"""The GPU's benchmark, as far as a machine without one can run it."""

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="training is not installed: pip install -e '.[train]'")

import torch

from benchmarks.commands import main
from benchmarks.seven import HEADER, LENGTH, MESSAGES, WORDS, made_up


def call(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["gpu", *arguments], catch_exceptions=False, env={"COLUMNS": "200"})
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_ends():
    assert "no GPU" in call()


def test_a_tiny_model_goes_all_the_way():
    shown = call("--tiny", "--sessions", "40", "--batch-tokens", "512", "--memory", "64")
    for way in ("lora ", "qlora ", "lora within 64 GB", "qlora within 64 GB", "the article"):
        assert way in shown
    assert "does not fit" not in shown and "mean nothing" in shown


def test_what_does_not_fit_is_said_in_its_line():
    assert call("--tiny", "--sessions", "20", "--batch-tokens", "512", "--memory", "0.01").count("does not fit") == 2


def test_made_up_sessions_have_the_article_s_shape():
    rows = made_up(2000, vocabulary=100)
    assert made_up(2000, vocabulary=100) == rows
    assert max(len(row.ids) for row in rows) <= LENGTH
    assert sum(len(row.ids) for row in rows) / 2000 == pytest.approx(HEADER + MESSAGES * WORDS, rel=0.1)
    assert sum(sum(row.learned) for row in rows) / sum(len(row.ids) for row in rows) == pytest.approx(0.43, abs=0.05)
