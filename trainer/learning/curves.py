"""The curves of a training, as TensorBoard and Weights & Biases draw them: figures alone, in a folder of ours.

transformers' own callbacks write them. What is added here keeps them to that folder, offline, and lets a training that
was interrupted go on in them. It knows no figure: those are what the training logs.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback, WandbCallback

from exporter.errors import ConfigError
from trainer.models.artifact import CURVES

ReportTo = Literal["none", "tensorboard", "wandb"]

UNSEEN = {"console": "off", "disable_code": True, "disable_git": True, "x_save_requirements": False}
"""What W&B is not to keep: what is printed, this program, and what is installed."""
UNTOLD = {"x_disable_meta": True, "x_disable_machine_info": True, "x_disable_stats": True}
"""Nor anything of this machine: its name, its user, its load."""


def require(report_to: ReportTo) -> None:
    """Check that the package is there, before anything is trained.

    Raises:
        ConfigError: it is not.
    """
    if report_to != "none" and find_spec(report_to) is None:
        raise ConfigError(
            f'report_to = "{report_to}" needs the package {report_to}, which is not installed',
            fix="in the folder of this program, run: pip install -e '.[report]'; or take report_to out of [train]",
        )


@contextmanager
def drawn(report_to: ReportTo, folder: Path, name: str) -> Iterator[list[TrainerCallback]]:
    """What a training calls to have its curves written into `folder`; they are closed however it ends.

    `name` is the same for a training that goes on as it was before.
    """
    if report_to == "none":
        yield []
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    if report_to == "tensorboard":
        yield [_Board(folder)]
        return
    with _offline(folder):
        offline = _Offline(folder, name)
        try:
            yield [offline]
        finally:
            offline.close()


def keep(run: Path, prepared: Path) -> None:
    """Put the curves of a run, if there are any, beside the model that came of it."""
    if (run / CURVES).is_dir():
        (run / CURVES).rename(prepared / CURVES)


class _Board(TensorBoardCallback):
    """Writes to one folder, also after an interruption: what was drawn behind the checkpoint is hidden then."""

    def __init__(self, folder: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.logging_dir = str(folder)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.tb_writer = SummaryWriter(self.logging_dir, purge_step=state.global_step + 1)
        super().on_train_begin(args, state, control, **kwargs)  # type: ignore[no-untyped-call]


class _Offline(WandbCallback):
    """Writes to one folder and to no server. Each process leaves a part there, all under one id."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._folder, self._name = folder, name

    def setup(self, args: TrainingArguments, state: TrainerState, model: Any, **kwargs: Any) -> None:
        """Begin a run of our own, which the callback then takes."""
        settings = self._wandb.Settings(silent=True, quiet=True, **UNSEEN, **UNTOLD)
        run = self._wandb.init(
            project="doppelganger", id=self._name, dir=str(self._folder), mode="offline", settings=settings
        )
        begun = {"train/global_step": state.global_step}
        run.log(begun, step=state.global_step, commit=True)  # or it would count the steps of each part from 0
        super().setup(args, state, model, **kwargs)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """End the run, and W&B's own process: the next training begins a run of its own."""
        self._wandb.teardown()


@contextmanager
def _offline(folder: Path) -> Iterator[None]:
    """W&B reads these when it is loaded: it keeps to itself, also when it breaks, and to the folder."""
    said = {
        "WANDB_MODE": "offline",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_LOG_MODEL": "false",
        "WANDB_WATCH": "false",
        **{f"WANDB_{kind}_DIR": str(folder / f".{kind.lower()}") for kind in ("CACHE", "CONFIG", "DATA")},
    }
    before = {name: os.environ.get(name) for name in said}
    os.environ.update(said)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
