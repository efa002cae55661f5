"""What each of two processes does that tests/trainer/test_trainer_shards.py has torchrun start.

First a training whose figures it notes down, then the command itself on a bundle, then on a history.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from exporter.cli import run
from exporter.progress import Step, silent
from trainer import ranks
from trainer.commands import main
from trainer.data.batches import Batch
from trainer.data.dataset import Row
from trainer.learning import checkpoints, shards
from trainer.learning.base import Model, quiet
from trainer.learning.examine import Sample, examine
from trainer.learning.fast import speed_up
from trainer.learning.passes import Room
from trainer.learning.train import fit

STEPS, STOPPED = 6, 4


class Stop(Exception):
    """Somebody pulls the plug."""


def row(length: int, seed: int) -> Row:
    ids = torch.randint(512, (length,), generator=torch.Generator().manual_seed(seed)).tolist()
    return Row(tuple(ids), tuple(at > 4 for at in range(length)), 2, datetime(2026, 1, 1, tzinfo=UTC), 1, length)


def batches() -> list[Batch]:
    """Some of one row, of which a process has nothing to learn, some of rows of very different lengths."""
    planned = [tuple(row(17 * at + 20, 10 * step + at) for at in range(3)) for step in range(STEPS)]
    planned[1] = planned[1][:1]
    return planned


def train(model: Model, folder: Path, report: Callable[[Step], None] = silent) -> dict[str, Any]:
    """Train, with checks; what the log and the checks say."""
    speed_up(model)
    rows = Sample((row(40, 100), row(30, 101)), (replace(row(40, 102), learned=(True,) * 40),), frozenset({7}))
    checking = partial(examine, model, rows, batch_tokens=64)
    room = Room(checkpointing=True)
    options = {"examine": checking, "patience": 9, "checkpoint_seconds": 0.0, "room": room}
    fit(model, batches(), folder, learning_rate=1e-2, max_seconds=None, report=report, **options)
    newest = shards.agreed(lambda: checkpoints.newest(folder))
    history = json.loads((newest.folder / "trainer_state.json").read_text())["log_history"]
    kept = ("loss", "grad_norm", "learning_rate", "held_out_bits_per_byte")
    return {"steps": [{name: one.get(name) for name in kept} for one in history if "loss" in one]}


def stop_at(step: int) -> Callable[[Step], None]:
    seen: list[Step] = []

    def report(found: Step) -> None:
        seen.append(found)
        if len(seen) == step:
            raise Stop

    return report


def part(parameter: torch.Tensor) -> float:
    """Of a float32 weight what this process has in memory."""
    assert isinstance(parameter, DTensor)
    return parameter.to_local().untyped_storage().nbytes() / (4 * parameter.numel())


def figures(base: Path, folder: Path) -> None:
    """A training without and one with an interruption; what comes of both, noted down by the first process."""
    model = shards.load(base, in_bfloat16=False)
    found = train(model, folder / "straight") | {"parts": [part(one) for one in model.parameters()]}
    weights = shards.gathered(model)
    with suppress(Stop):
        train(shards.load(base, in_bfloat16=False), folder / "stopped", stop_at(STOPPED))
        raise AssertionError("it was not stopped")
    again = shards.load(base, in_bfloat16=False)
    found["resumed"] = train(again, folder / "stopped")["steps"]
    resumed = shards.gathered(again)
    if ranks.first():
        torch.save({"straight": weights, "resumed": resumed}, folder / "weights.pt")
    (folder / f"found-{ranks.rank()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with quiet():
        figures(Path(sys.argv[1]), Path(sys.argv[2]))
    config, bundle, double, port = sys.argv[3:]
    main(["run", "--bundle", bundle, "--output", double, "--json"], standalone_mode=False)
    os.environ |= {"MASTER_PORT": port, "TORCHELASTIC_USE_AGENT_STORE": "False"}  # who parted meets elsewhere again
    sys.argv = ["trainer", "run", "--config", config, "--json"]
    run("trainer.commands")
