"""Which fresh model is put to use: the one that needs no more bits for words that nobody learned from."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.settings.config import Train
from tests.bot.bigram import SPEC, a_card, talker, write_bigram
from tests.sandbox_fixtures import agreed
from tests.trainer.conftest import START, config_with
from trainer.models import registry
from trainer.models.artifact import MODEL, Artifact, BitsPerByte, write_card
from trainer.models.gate import judge
from trainer.models.registry import Verdict
from trainer.reading.conversations import conversations, learnable, views

SAYS = {"hers": [("yep", "why"), ("ok",)], "others": [("banana",)]}
"""What Ann says in the made-up history, and what she never does."""


@pytest.fixture(scope="module")
def ggufs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ggufs")
    for name, replies in SAYS.items():
        write_bigram(folder / name, talker(replies))
    return folder


@pytest.fixture
def model(tmp_path, ggufs):
    """A function that makes a model that says one of `SAYS`, held out since a day of the history."""

    def make(says: str, since: int = 38, **changes: object) -> Artifact:
        folder = tmp_path / f"{says}-{since}"
        folder.mkdir()
        (folder / MODEL).symlink_to(ggufs / says)
        card = a_card(held_out_since=START + timedelta(days=since), **changes)
        write_card(folder, card)
        return Artifact(folder, card)

    return make


@pytest.fixture
def history(store):
    return conversations(store, learnable(store, agreed(store)), views(store, config_with(Train()), {}, region=None))


@pytest.fixture
def used(tmp_path):
    """A function that puts a model to use."""

    def use(artifact: Artifact) -> str:
        published = registry.publish(artifact.folder, tmp_path / "models", Verdict(passed=True, why=""))
        return registry.promote(tmp_path / "models", published.name).name

    return use


def test_what_needs_fewer_bits_for_the_same_words_passes_and_what_needs_more_does_not(model, used, history, tmp_path):
    name = used(model("others"))
    found = judge(better := model("hers"), tmp_path / "models", history)
    assert found.passed and found.bits_per_byte < found.against_bits_per_byte and found.against == name
    assert found.why.startswith(f"not worse than {name}: {found.bits_per_byte:.3f} and ")
    assert found.why.endswith("bits per byte of the words that you said since 2026-02-08")
    name = used(better)
    again = judge(model("others", since=39), tmp_path / "models", history)
    assert not again.passed and again.why.startswith(f"worse than {name}: ")


def test_a_model_is_not_worse_than_itself(model, used, history, tmp_path):
    used(model("hers"))
    assert judge(model("hers", since=37), tmp_path / "models", history).passed


def test_they_are_compared_where_neither_has_learned(model, used, history, tmp_path):
    used(model("others", since=38))
    assert judge(model("hers", since=36), tmp_path / "models", history).why.endswith("since 2026-02-08")


def test_if_one_has_learned_it_all_that_is_said(model, used, history, tmp_path):
    name = used(model("others", since=100))
    found = judge(model("hers", since=38), tmp_path / "models", history)
    assert found.why.endswith(f"since 2026-02-08, though {name} has learned some of them")
    found = judge(model("hers", since=100), tmp_path / "models", history)
    assert not found.passed and "sync first" in found.why


def test_bits_per_byte_are_compared_across_windows(model, used, history, tmp_path):
    used(model("others", prompt=replace(SPEC, length=256)))
    assert judge(model("hers"), tmp_path / "models", history).passed


def test_the_first_model_must_be_better_than_its_base(model, history, tmp_path):
    found = judge(model("hers"), tmp_path / "models", history)
    assert found == Verdict(
        passed=True, why="better than its base: 1.000 bits per byte of your held-out words, and 2.000 before training"
    )
    worse = model("others", bits_per_byte=BitsPerByte(base=2.0, tuned=2.0))
    found = judge(worse, tmp_path / "models", history)
    assert not found.passed and found.why.startswith("no better than its base: 2.000")


def test_a_model_that_must_not_speak_stands_in_nobodys_way(model, used, history, tmp_path):
    name = used(model("hers"))
    folder = tmp_path / "models" / name
    write_card(folder, a_card(fingerprint="0" * 16))
    assert judge(model("others"), tmp_path / "models", history).why.startswith("better than its base")


def test_acceptance_40_a_better_model_that_learned_from_who_was_forgotten_is_no_rival(model, used, history, tmp_path):
    used(model("hers", people=(2,)))
    found = judge(model("others"), tmp_path / "models", history, forgotten={2})
    assert found.passed and found.against is None
