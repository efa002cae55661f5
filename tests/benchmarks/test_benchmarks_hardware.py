"""The README says which base suits which machine; these figures are what the arithmetic says today."""

from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="training is not installed: pip install -e '.[train]'")

from benchmarks.bases import SHAPES, table
from benchmarks.commands import main

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_has_the_table_that_the_command_prints():
    assert CliRunner().invoke(main, ["hardware"]).stdout.strip() == table()
    assert table() in README.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("SmolLM2-135M", 134_515_008),
        ("Qwen3-1.7B", 1_720_574_976),
        ("Mistral-7B-v0.3", 7_248_023_552),
        ("Llama-3.1-8B", 8_030_261_248),
        ("Qwen3-8B", 8_190_735_360),
    ],
)
def test_bases_have_the_weights_that_they_were_published_with(name, published):
    assert SHAPES[name].weights == pytest.approx(published, rel=5e-4)
