"""Killed in the middle, a training ends as if nothing had happened; and which checkpoints it trusts."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from exporter.progress import Step
from tests.trainer.test_trainer_train import row
from trainer.learning import checkpoints
from trainer.learning.base import load_model
from trainer.learning.checkpoints import SEAL
from trainer.learning.methods import with_adapter
from trainer.learning.schedule import Budget
from trainer.learning.train import fit
from trainer.learning.watch import Diverged

STEPS = 8
LOSSES = "trainer_state.json"


def model_of(base: Path):
    return with_adapter(load_model(base, torch.float32), rank=4, seed=1)


def train(base: Path, folder: Path, *, report=lambda step: None, rate: float = 0.01, **options: object):
    """A training of a second; the adapter that came out."""
    model = model_of(base)
    batches = [(row(30, seed=seed), row(25, seed=seed + 100)) for seed in range(STEPS)]
    fit(model, batches, folder, learning_rate=rate, max_seconds=None, report=report, **options)
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


def losses(folder: Path) -> list[tuple[int, float, float]]:
    """Of the newest checkpoint: step, loss and learning rate, of every step that led to it."""
    history = json.loads((checkpoints.newest(folder).folder / LOSSES).read_text())["log_history"]
    return [(entry["step"], entry["loss"], entry["learning_rate"]) for entry in history if "loss" in entry]


@pytest.fixture(scope="module")
def uninterrupted(tiny_base, tmp_path_factory):
    """What comes out if nothing happens."""
    folder = tmp_path_factory.mktemp("whole")
    return train(tiny_base, folder, checkpoint_seconds=0.0), losses(folder)


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


CHILD = """
import os, signal, sys, threading
from pathlib import Path
from tests.trainer import conftest, test_trainer_resume as here
steps, fatal, delay = 0, int(sys.argv[3]), float(sys.argv[4])
def report(step):
    global steps
    steps += bool(step.note)
    if steps == fatal:
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
here.train(Path(sys.argv[1]), Path(sys.argv[2]), report=report, checkpoint_seconds=0.0)
"""


def killed(base: Path, folder: Path, *, after: int, delay: float) -> int:
    """Train in another process, which SIGKILL ends `delay` seconds after some step of its own."""
    command = [sys.executable, "-c", CHILD, str(base), str(folder), str(after), str(delay)]
    return subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode


def test_killed_at_any_moment_it_ends_with_the_same_weights_to_the_bit(tiny_base, tmp_path, uninterrupted):
    weights, history = uninterrupted
    assert killed(tiny_base, tmp_path, after=4, delay=0.013) == -signal.SIGKILL
    assert checkpoints.newest(tmp_path).step >= 3
    assert_same(train(tiny_base, tmp_path, checkpoint_seconds=0.0), weights)
    assert losses(tmp_path) == history and len(history) == STEPS


@pytest.mark.soak
def test_six_kills_change_no_bit(tiny_base, tmp_path, uninterrupted, record_property):
    weights, history = uninterrupted
    chance, ended = random.Random(1), []  # noqa: S311 - the same moments every time
    for _ in range(6):
        ended.append(killed(tiny_base, tmp_path, after=1, delay=chance.random() / 10))
    record_property("killed", ended.count(-signal.SIGKILL))
    assert ended.count(-signal.SIGKILL) >= 3
    assert_same(train(tiny_base, tmp_path, checkpoint_seconds=0.0), weights)
    assert losses(tmp_path) == history


class Stop(Exception):
    """Someone pulled the plug."""


def stopped(base: Path, folder: Path, step: int, **options: object) -> None:
    """A training that ends with an exception at this step, which is in no checkpoint yet."""
    seen = []

    def report(step_: Step) -> None:
        seen.append(step_)
        if len(seen) == step:
            raise Stop

    with pytest.raises(Stop):
        train(base, folder, report=report, checkpoint_seconds=0.0, **options)


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(tiny_base, tmp_path, uninterrupted, caplog):
    stopped(tiny_base, tmp_path, 5)
    newest = checkpoints.newest(tmp_path)
    assert newest.step == 4
    os.truncate(newest.folder / "adapter_model.safetensors", 1000)
    assert checkpoints.newest(tmp_path).step == 3
    assert [(record.message, record.step) for record in caplog.records] == [("train.checkpoint_damaged", 4)]
    assert_same(train(tiny_base, tmp_path), uninterrupted[0])


def test_with_no_sound_checkpoint_it_starts_over(tiny_base, tmp_path, uninterrupted):
    stopped(tiny_base, tmp_path, 5)
    for optimizer in tmp_path.glob("*/optimizer.pt"):
        optimizer.write_bytes(b"")
    assert_same(train(tiny_base, tmp_path, checkpoint_seconds=0.0), uninterrupted[0])
    assert losses(tmp_path) == uninterrupted[1]


def test_a_checkpoint_counts_once_it_is_sealed(tmp_path):
    assert checkpoints.newest(tmp_path) is None
    for step, sealed in ((9, True), (10, True), (11, False)):
        folder = checkpoints.at(tmp_path, step)
        folder.mkdir()
        (folder / "weights").write_text("1")
        if sealed:
            checkpoints.seal(folder, {"tokens": step})
    found = checkpoints.newest(tmp_path)
    assert (found.step, found.facts) == (10, {"tokens": 10})
    assert not checkpoints.at(tmp_path, 11).exists()
    os.truncate(found.folder / SEAL, 20)
    assert checkpoints.newest(tmp_path).step == 9


def test_a_seal_is_over_what_lies_in_folders_too(tmp_path):
    folder = checkpoints.at(tmp_path, 1)
    (folder / "optimizer_0").mkdir(parents=True)
    part = folder / "optimizer_0" / "__1_0.distcp"
    part.write_text("1")
    checkpoints.seal(folder, {})
    assert checkpoints.read(folder)
    part.write_text("2")
    assert checkpoints.read(folder) is None


def test_the_seal_reaches_the_disk_after_all_that_it_seals(tmp_path, monkeypatch):
    (tmp_path / "weights").write_text("1")
    settled = []
    monkeypatch.setattr(checkpoints, "settle", lambda path: settled.append((path, (tmp_path / SEAL).exists())))
    checkpoints.seal(tmp_path, {})
    assert [path for path, sealed in settled if not sealed] == [tmp_path / "weights", tmp_path, tmp_path / f".{SEAL}"]
    assert [path for path, sealed in settled if sealed] == [tmp_path, tmp_path.parent]


def test_a_loss_that_is_no_number_ends_training_and_spares_what_was_good(tiny_base, tmp_path):
    stopped(tiny_base, tmp_path, 4)
    good = checkpoints.newest(tmp_path)
    model = model_of(tiny_base)
    batches = [(row(30, seed=seed), row(25, seed=seed + 100)) for seed in range(STEPS)]
    original = model.get_base_model().get_output_embeddings().weight
    with torch.no_grad():
        original[0, 0] = float("nan")
    with pytest.raises(Diverged, match="at step 4 the loss is not a number") as caught:
        fit(
            model,
            batches,
            tmp_path,
            learning_rate=0.01,
            max_seconds=None,
            report=lambda step: None,
            checkpoint_seconds=0.0,
        )
    assert "learning_rate" in caught.value.fix
    assert checkpoints.newest(tmp_path) == good


def test_under_a_limit_of_time_the_seconds_of_a_checkpoint_count_and_wasted_ones_do_not(tiny_base, tmp_path):
    """10 ticks a second of a clock of our own; the learning rate goes on where the checkpoint had it."""
    batches = [(row(30, seed=seed),) for seed in range(400)]
    ticks, seen = iter(range(10**6)), []

    def at(limit: int | None) -> None:
        def report(step: Step) -> None:
            seen.append(step)
            if limit and len(seen) == limit:
                raise Stop

        fit(
            model_of(tiny_base),
            batches,
            tmp_path,
            learning_rate=0.01,
            max_seconds=200.0,
            report=report,
            checkpoint_seconds=30.0,
            clock=lambda: next(ticks),
        )

    with pytest.raises(Stop):
        at(12)
    spent = checkpoints.newest(tmp_path).facts["seconds"]
    assert 30 <= spent < seen[-1].done / 100 * 200
    wasted = seen[-1].done
    at(None)
    assert seen[12].done < wasted, "what came after the checkpoint is done again"
    assert seen[12].done / 100 * 200 == pytest.approx(spent, abs=20)
    assert (seen[-1].done, seen[-1].total) == (100, 100)
    assert Budget(steps=400, seconds=200.0, spent=spent, clock=lambda: 0.0).progress(1) == pytest.approx(spent / 200)
