"""The whole way on a tiny random model: train, merge, convert, quantize, llama.cpp; and what interrupts it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporter.progress import Step
from exporter.storing.runs import AlreadyTraining, alone
from tests.sandbox_fixtures import agreed
from tests.trainer.conftest import BEN, START
from trainer import pipeline
from trainer.convert.gguf import DiskFull
from trainer.data.batches import plan
from trainer.data.split import split
from trainer.learning.base import EMBEDDED
from trainer.learning.checkpoints import SEAL
from trainer.models import registry
from trainer.models.registry import current, in_use, names, promote, publish, thin
from trainer.reading.conversations import TooLittle

MOVES = {
    "data": "sessions",
    "base": "tensors",
    "train": "tokens/s",
    "measure": "batches",
    "merge": "tensors",
    "verify": "exchanges",
}
"""What each stage counts while it works; quantizing this model is over before anybody looks."""


@pytest.fixture
def tiny_base(small_vocabulary):
    """What is told here holds of any base."""
    return small_vocabulary


def test_it_publishes_a_double_that_llama_cpp_speaks_like_torch(store, config_of):
    """`run` proves fingerprint, bits per byte within the bound, and turns that end; or it raises."""
    config = config_of(report_to="tensorboard")
    steps: list[Step] = []
    artifact = pipeline.run(config, store, report=steps.append)
    card = artifact.card
    assert current(config.models) == artifact
    assert card.bits_per_byte.tuned < card.bits_per_byte.base
    assert (card.owner, card.quantization, card.chats) == ("Ann", "Q8_0", (-3, 2))
    assert card.people == (-3, 1, 2, 4)
    assert Path(card.base_gguf).stat().st_size == artifact.gguf.stat().st_size
    assert set(card.seconds) == {"data", "base", "train", "merge", "quantize", "verify"}
    assert list(dict.fromkeys(step.stage for step in steps if step.stage != "measure")) == list(card.seconds)
    assert [folder.name for folder in config.runs.iterdir()] == [".lock"]
    assert all(step.done <= step.total for step in steps)
    assert all(any(things in step.note for step in steps if step.stage == stage) for stage, things in MOVES.items())
    curves = artifact.folder / "curves"
    assert curves.stat().st_mode & 0o077 == 0 and next(curves.iterdir()).stat().st_size


def test_a_second_training_stands_beside_the_first_and_is_not_used_if_it_is_worse(store, config_of):
    first = pipeline.run(config_of(), store)
    second = pipeline.run(config_of(epochs=2), store)
    models = config_of().models
    assert names(models) == [second.name, first.name]
    assert current(models) == first
    found = registry.verdict(second)
    assert not found.passed and found.bits_per_byte > found.against_bits_per_byte
    assert f"worse than {first.name}" in found.why


def test_interrupted_after_training_it_does_not_train_again(store, config_of):
    config = config_of()

    def full_after_training(folder: Path) -> int:
        return 0 if (folder / "train.json").exists() else 10**12

    with pytest.raises(DiskFull, match="MB are free") as caught:
        pipeline.run(config, store, free_space=full_after_training)
    assert "disk" in caught.value.fix
    (begun,) = (folder for folder in config.runs.iterdir() if folder.is_dir())
    trained = json.loads((begun / "train.json").read_text())
    artifact = pipeline.run(config, store)
    assert artifact.card.bits_per_byte.tuned == trained["tuned"]


class Stop(KeyboardInterrupt):
    """Ctrl-C, or somebody pulls the plug."""


def test_stopped_at_any_stage_it_goes_on_and_publishes_once(store, config_of):
    config, seen = config_of(epochs=3), set()

    def once_at_each_end(step: Step) -> None:
        if step.done in (0, step.total) and (step.stage, step.done) not in seen:
            seen.add((step.stage, step.done))
            raise Stop

    for _ in range(20):
        try:
            artifact = pipeline.run(config, store, report=once_at_each_end)
            break
        except Stop:
            pass
    assert len(seen) == 2 * 7
    assert names(config.models) == [artifact.name]


@pytest.mark.parametrize("step", [publish, promote, thin])
def test_killed_after_any_step_of_publishing_it_finds_what_it_published(store, config_of, monkeypatch, step):
    config = config_of(epochs=3)

    def step_and_die(*arguments: object, **options: object) -> None:
        step(*arguments, **options)
        raise Stop

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(registry, step.__name__, step_and_die)
        pipeline.run(config, store)
    (published,) = names(config.models)
    assert pipeline.run(config, store).name == published
    assert names(config.models) == [published] == [in_use(config.models)]


def test_other_settings_start_afresh(store, config_of):
    with pytest.raises(DiskFull):
        pipeline.run(config_of(), store, free_space=lambda folder: 0)
    runs = config_of().state / "runs"
    (before,) = (folder for folder in runs.iterdir() if folder.is_dir())
    with pytest.raises(DiskFull):
        pipeline.run(config_of(rank=2), store, free_space=lambda folder: 0)
    (after,) = (folder for folder in runs.iterdir() if folder.is_dir())
    assert before != after


def test_two_trainings_do_not_mix(store, config_of):
    config = config_of()
    config.make_state()
    with alone(config.runs), pytest.raises(AlreadyTraining):
        pipeline.run(config, store)


def test_too_little_text_is_said_before_anything_is_trained(store, config_of):
    store.delete(BEN.peer_id, range(1, 1000), START)
    with pytest.raises(TooLittle) as caught:
        pipeline.run(config_of(), store)
    assert "import" in caught.value.fix


CHILD = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from exporter.settings.config import Config
from exporter.storing.store import open_store
from trainer import pipeline
from trainer.learning import train
train.fit.__kwdefaults__["checkpoint_seconds"] = 0.0
config = Config.model_validate_json(Path(sys.argv[1]).read_text())
with open_store(Path(sys.argv[2])) as store:
    pipeline.run(config, store)
"""


def test_killed_in_training_it_goes_on_from_the_checkpoint(store, config_of, tmp_path):
    config = config_of(epochs=8)
    history = split(store, agreed(store), config)
    data = pipeline.prepare(history, config.train, config.state / "base").data
    total = len(plan(data.learned, batch_tokens=256, epochs=8, seed=1))
    values = config.model_dump(mode="json")
    values["telegram"]["api_hash"] = "0" * 32
    (tmp_path / "config.json").write_text(json.dumps(values))
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "config.json"), str(tmp_path / "history.db")])
    while not any((config.runs).glob(f"*/checkpoints/checkpoint-*/{SEAL}")):
        assert child.poll() is None
        time.sleep(0.05)
    child.kill()
    child.wait()
    steps: list[Step] = []
    artifact = pipeline.run(config, store, report=steps.append)
    learned = [step for step in steps if "loss" in step.note]
    assert learned[0].done > round(100 / total)
    assert len(learned) < total
    assert artifact.card.bits_per_byte.tuned < artifact.card.bits_per_byte.base


def test_no_space_is_said_before_the_base_is_unpacked(store, config_of):
    config = config_of(base=EMBEDDED)
    with pytest.raises(DiskFull):
        pipeline.run(config, store, free_space=lambda folder: 0)
    assert not list(config.state.rglob("*.safetensors"))


def test_no_space_is_said_before_checkpoints_are_written(store, config_of):
    config = config_of()
    with pytest.raises(DiskFull):
        pipeline.run(config, store, free_space=lambda folder: 0 if (folder / "base.json").exists() else 10**12)
    assert list((config.runs).glob("*/base.json")) and not list(config.state.rglob("checkpoint*"))
