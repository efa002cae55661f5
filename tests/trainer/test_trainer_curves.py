"""What TensorBoard and W&B are given to draw: all of it, once each, in a folder of ours, and nothing beyond it."""

import json
import os
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.errors import ConfigError
from exporter.progress import Step
from tests.trainer.test_trainer_resume import LOSSES, STEPS, Stop, row
from tests.trainer.test_trainer_resume import model_of as fresh_model
from trainer import pipeline
from trainer.learning import checkpoints, curves
from trainer.learning.train import fit

FIGURES = ("loss", "learning_rate", "held_out_bits_per_byte", "copied")


def train(base: Path, folder: Path, report_to: curves.ReportTo, *, stop: int | None = None) -> None:
    """A training of a second with a check at every step; it may be stopped at one, of which no checkpoint is left."""
    seen = []

    def report(step: Step) -> None:
        seen.extend([step] if "loss" in step.note else [])
        if len(seen) == stop:
            raise Stop

    def examine() -> tuple[float, float]:
        return 2.0 - len(seen) / 10, len(seen) / 1000

    batches = [(row(30, seed=seed), row(25, seed=seed + 100)) for seed in range(STEPS)]
    with curves.drawn(report_to, folder / curves.CURVES, name="abc") as callbacks:
        fit(
            fresh_model(base),
            batches,
            folder,
            learning_rate=0.01,
            max_seconds=None,
            report=report,
            examine=examine,
            patience=STEPS,
            callbacks=callbacks,
            checkpoint_seconds=0.0,
        )


def interrupted(base: Path, folder: Path, report_to: curves.ReportTo) -> dict[str, list[tuple[int, float]]]:
    """Train, stop, go on; what the training noted for itself in the end, by figure: step and value."""
    with pytest.raises(Stop):
        train(base, folder, report_to, stop=5)
    train(base, folder, report_to)
    history = json.loads((checkpoints.newest(folder).folder / LOSSES).read_text())["log_history"]
    return {name: [(entry["step"], entry[name]) for entry in history if name in entry] for name in FIGURES}


def test_tensorboard_reads_every_step_once_although_training_was_interrupted(tiny_base, tmp_path):
    pytest.importorskip("tensorboard", reason="pip install -e '.[report]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    expected = interrupted(tiny_base, tmp_path, "tensorboard")
    parts = list((tmp_path / curves.CURVES).iterdir())
    assert len(parts) == 2 and all("tfevents" in part.name for part in parts)
    board = EventAccumulator(str(tmp_path / curves.CURVES)).Reload()
    for name in FIGURES:
        drawn = [(event.step, event.value) for event in board.Scalars(f"train/{name}")]
        assert [step for step, _ in drawn] == list(range(1, STEPS + 1))
        assert drawn == [(step, pytest.approx(value)) for step, value in expected[name]]


def records(log: bytes) -> Iterator[bytes]:
    """What a W&B file holds: LevelDB's log format, with 7 bytes of its own in front."""
    at, parts = 7, b""
    while at + 7 <= len(log):
        if (left := -at % 32768) < 7:  # the end of a block, where no header fits
            at += left
            continue
        length, kind = struct.unpack_from("<HB", log, at + 4)
        parts += log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield parts
            parts = b""


def test_wandb_writes_the_same_and_stays_offline_in_its_folder(tiny_base, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="pip install -e '.[report]'")
    from wandb.proto.wandb_internal_pb2 import Record

    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("WANDB_MODE", "online")
    expected = interrupted(tiny_base, tmp_path, "wandb")
    assert os.environ["WANDB_MODE"] == "online" and "WANDB_ERROR_REPORTING" not in os.environ
    assert not home.exists()
    drawn, written = defaultdict(dict), set()
    for part in sorted((tmp_path / curves.CURVES).glob("wandb/offline-run-*-abc/*.wandb")):
        for record in map(Record.FromString, records(part.read_bytes())):
            written.add(record.WhichOneof("record_type"))
            items = {(one.nested_key or [one.key])[-1]: json.loads(one.value_json) for one in record.history.item}
            for name in FIGURES:
                if f"train/{name}" in items:
                    assert items["_step"] == items["train/global_step"]
                    drawn[name][items["_step"]] = items[f"train/{name}"]
        assert not any(path.is_file() for path in (part.parent / "files").rglob("*"))
    for name in FIGURES:
        assert list(drawn[name].items()) == expected[name]
    assert not written & {"output", "output_raw", "stats", "environment", "artifact"}


@pytest.mark.parametrize("report_to", ["tensorboard", "wandb"])
def test_a_package_that_is_missing_is_said_before_anything_is_made(store, config_of, monkeypatch, report_to):
    monkeypatch.setitem(sys.modules, report_to, None)
    config = config_of(report_to=report_to)
    with pytest.raises(ConfigError, match=f"needs the package {report_to}") as caught:
        pipeline.run(config, store)
    assert "'.[report]'" in caught.value.fix
    assert not any(path.is_dir() for path in config.runs.iterdir())


def test_whoever_draws_a_training_is_no_reason_to_begin_it_anew(store, config_of):
    history = pipeline.split(store, pipeline.Ledger(store.database, config_of().consent), config_of())
    plain, drawn = (
        pipeline.prepare(history, config_of(report_to=to).train, config_of().state) for to in ("none", "tensorboard")
    )
    assert plain.digest() == drawn.digest()
