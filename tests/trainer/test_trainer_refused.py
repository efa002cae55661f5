"""What a training refuses, or breaks on: a problem and its fix each, and nothing half-made among the models."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from exporter.disk import explain
from exporter.errors import ConfigError, DoppelgangerError
from exporter.progress import silent
from exporter.storing.runs import AlreadyTraining, alone
from tests.trainer.test_trainer_main import call, config_file  # noqa: F401 - a fixture
from trainer.learning.base import NoBase, _told_to, prepare
from trainer.learning.watch import Diverged
from trainer.run import Run


def refused(config_file, kind: type[DoppelgangerError], **changes: object) -> DoppelgangerError:  # noqa: F811
    """What `run` says with these values under [train]; there is no model after it."""
    lines = [line for line in config_file.read_text().splitlines() if line.split(" = ")[0] not in changes]
    values = [f"{key} = {json.dumps(value)}" for key, value in changes.items()]
    at = lines.index("[train]") + 1
    config_file.write_text("\n".join([*lines[:at], *values, *lines[at:]]))
    with pytest.raises(kind) as caught:
        call("run", "--config", config_file)
    assert caught.value.problem and caught.value.fix
    assert not list((config_file.parent / "state" / "models").glob("*"))
    return caught.value


def test_a_base_that_is_no_model(config_file, tmp_path):  # noqa: F811
    assert "config.json" in refused(config_file, NoBase, base=str(tmp_path)).problem
    assert "neither a folder nor" in refused(config_file, NoBase, base="no/such/model").problem


def damaged(file):
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize(
    ("file", "harm", "problem"),
    [
        ("model.safetensors", damaged, "damaged"),
        ("model.safetensors", Path.unlink, "no weights"),
        ("config.json", damaged, "damaged"),
        ("tokenizer.json", damaged, "damaged"),
        ("tokenizer.json", Path.unlink, "no tokenizer.json"),
        (
            "model.safetensors.index.json",
            lambda file: file.write_text('{"weight_map": {"a": "b.safetensors"}}'),
            "lacks b",
        ),
    ],
)
def test_a_base_of_which_a_part_is_damaged_or_missing(config_file, tiny_base, tmp_path, file, harm, problem):  # noqa: F811
    base = shutil.copytree(tiny_base, tmp_path / "broken")
    harm(base / file)
    said = refused(config_file, NoBase, base=str(base))
    assert problem in said.problem and "download it again" in said.fix


def test_a_configuration_of_another_model(config_file, tiny_base, tmp_path):  # noqa: F811
    base = shutil.copytree(tiny_base, tmp_path / "mixed")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"intermediate_size": 256}))
    assert "not of the sizes" in refused(config_file, NoBase, base=str(base)).problem


def test_code_that_comes_with_a_base_is_never_run(config_file, tiny_base, tmp_path):  # noqa: F811
    base = shutil.copytree(tiny_base, tmp_path / "own")
    (base / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    said = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}}
    (base / "config.json").write_text(json.dumps(json.loads((base / "config.json").read_text()) | said))
    assert "is never run" in refused(config_file, NoBase, base=str(base)).problem
    assert not (tmp_path / "ran").exists()


def test_a_hub_that_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(NoBase, match="LocalEntryNotFoundError") as caught:
        prepare("HuggingFaceTB/no-such-model", tmp_path)
    assert "the network" in caught.value.fix and "embedded" in caught.value.fix


def test_a_download_says_how_far_it_is():
    """As the hub's library has it: several bars, of which some count files, some what came in, some what is kept."""
    said: list[str] = []
    bars = _told_to(said.append)
    files, kept, came = bars(total=2), bars(total=0, unit="B"), bars(total=0, unit="B")
    kept.total = came.total = 15_000_000_000
    for bar, n in ((came, 4e9), (kept, 3e9), (files, 1), (kept, 1e9), (came, 1e9), (kept, 2e9)):
        bar.update(n)
    assert said == [f"downloading the base: {done},000 of 15,000 MB" for done in (4, 5, 6)]


def test_a_loss_that_is_no_number(config_file):  # noqa: F811
    assert "learning_rate" in refused(config_file, Diverged, learning_rate=1e30).fix


def test_two_trainings_at_once(config_file):  # noqa: F811
    runs = config_file.parent / "state" / "runs"
    with alone(runs):
        assert "wait" in refused(config_file, AlreadyTraining).fix


def test_a_state_folder_that_cannot_be_written(config_file):  # noqa: F811
    config_file.write_text(config_file.read_text().replace(str(config_file.parent / "state"), "/proc/nowhere"))
    with pytest.raises(ConfigError) as caught:
        call("run", "--config", config_file)
    assert "/proc/nowhere" in caught.value.problem


@pytest.mark.parametrize("name", ["runs", "models", "base"])
def test_a_file_where_a_folder_has_to_be(config_file, config_of, name):  # noqa: F811
    shutil.rmtree(config_of().state / name, ignore_errors=True)
    (config_of().state / name).write_text("mine")
    with pytest.raises(OSError, match=name) as caught:
        call("run", "--config", config_file)
    told = explain(caught.value)
    assert told and name in told.problem and "move that file away" in told.fix


def test_a_disk_that_is_full_is_said_whatever_broke_on_it(tmp_path, monkeypatch):
    """These are torch's own words on a full disk; on one with space they stay what they are."""

    def work():
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")

    run = Run(tmp_path, silent)
    with pytest.raises(RuntimeError, match="unexpected pos"):
        run.stage("train", work)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=4096))
    with pytest.raises(DoppelgangerError, match="the disk is full") as caught:
        run.stage("train", work)
    assert "nothing is lost" in caught.value.fix and isinstance(caught.value.__cause__, RuntimeError)
    assert not list(tmp_path.iterdir()), "no record: the stage is done again"
