"""Training: transformers' Trainer with our batches, our loss, a learning rate that comes to rest in time, checkpoints.

It teaches a model on rows, and knows nothing of where rows come from or what becomes of what it learned.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from exporter.progress import Report
from trainer.data.batches import Batch
from trainer.learning import checkpoints, shards
from trainer.learning.base import Model, learning
from trainer.learning.passes import AMPLE, Passes, Room
from trainer.learning.schedule import Budget, Pace
from trainer.learning.stopping import Ending
from trainer.learning.watch import CHECKPOINT_SECONDS, Examine, Watch, require_numbers

STEEPEST = 1.0
"""The norm of all slopes beyond which they are shortened."""


def fit(
    model: Model,
    batches: Sequence[Batch],
    folder: Path,
    *,
    learning_rate: float,
    max_seconds: float | None,
    report: Report,
    room: Room = AMPLE,
    autocast: bool = False,
    examine: Examine | None = None,
    patience: int = 0,
    callbacks: Sequence[TrainerCallback] = (),
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    clock: Callable[[], float] = shards.clock,
) -> tuple[Pace, Ending]:
    """Train `model` in place, its adapter or all of it: through all batches, until the time is up or it learned enough.

    `room` bounds what is done at once, which changes memory and time and, unless it cuts a row, nothing else; with
    `autocast`, what is kept in float32 is multiplied in bfloat16. With `examine`, checks are made, and the best state
    is left in `model`, as trainer.learning.stopping has it, `patience` of them without a better one being the end.

    `folder` keeps checkpoints (what learns, optimizer, state). If it holds a sound one, training goes on from there, as
    if it had never been interrupted: on the same machine with the same threads to the same bit, unless time is limited.

    Raises:
        Diverged: the loss or its slope is not a number; nothing of that is in a checkpoint.
    """
    latest = shards.agreed(lambda: checkpoints.newest(folder))
    spent = float(latest.facts["seconds"]) if latest else 0.0
    budget = Budget(steps=len(batches), seconds=max_seconds, spent=spent, clock=clock)
    watch = Watch(batches, budget, report, examine, patience, checkpoint_seconds, latest)
    passes = Passes(model, room, autocast=autocast)
    trainer = _trainer(model, batches, folder, watch, passes, budget, learning_rate, callbacks)
    ending = watch.ending(latest.step) if latest else None
    if ending is None:
        trainer.train(resume_from_checkpoint=str(latest.folder) if latest else None)
        ending = watch.end(trainer.state.global_step)
    trainer.take(checkpoints.at(folder, ending.kept))
    return watch.pace(ending.step), ending


def _trainer(
    model: Model,
    batches: Sequence[Batch],
    folder: Path,
    watch: Watch,
    passes: Passes,
    budget: Budget,
    learning_rate: float,
    callbacks: Sequence[TrainerCallback],
) -> "_Trainer":
    trainer = _Trainer(
        watch,
        passes,
        budget,
        learning_rate,
        model=model,
        args=_arguments(folder, steps=len(batches)),
        train_dataset=batches,
        data_collator=_only,
        callbacks=[watch, *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def adamw(model: Model, rate: float) -> torch.optim.AdamW:
    """The optimizer of every step, those that are only measured included: without decay, in one pass over memory."""
    return torch.optim.AdamW(learning(model), lr=rate, weight_decay=0.0, fused=True)


def update(model: Model, optimizer: torch.optim.Optimizer) -> float:
    """One update by the slopes at the weights, which are gone then; their norm, before it was cut to `STEEPEST`."""
    norm = torch.nn.utils.clip_grad_norm_(learning(model), STEEPEST)
    optimizer.step()
    optimizer.zero_grad()
    return float(norm)


def checkpoints_size(model: Model) -> int:
    """The most bytes that `fit` keeps on disk: of each learned number its value and AdamW's two, in float32.

    Three checkpoints are kept, the best one among them, while a fourth is written.
    """
    return 4 * 3 * 4 * sum(parameter.numel() for parameter in learning(model))


def _arguments(folder: Path, *, steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,  # one item of the data set is one batch of ours
        max_grad_norm=STEEPEST,
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        save_strategy="no",  # our callback asks for checkpoints, by the clock
        save_total_limit=3,  # the best one, the newest, and the one before, which counts until the newest is sealed
        report_to="none",  # trainer.learning.curves makes those callbacks, which then know where to write
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=not torch.cuda.is_available(),
        **shards.arguments(),
    )


def _only(items: list[Batch]) -> dict[str, Batch]:
    (batch,) = items
    return {"batch": batch}


class _Trainer(Trainer):
    """Batches come as planned, the loss counts learned tokens, and the log tells what the watch found.

    The learning rate goes along the budget's curve.
    """

    def __init__(self, watch: Watch, passes: Passes, budget: Budget, rate: float, **arguments: Any) -> None:
        self._watch, self._passes, self._budget, self._rate = watch, passes, budget, rate
        super().__init__(**arguments)

    def create_accelerator_and_postprocess(self) -> None:
        """Also on CPUs, a model in parts is saved, loaded and clipped as such."""
        super().create_accelerator_and_postprocess()
        shards.insist(self)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Ours, once."""
        if self.optimizer is None:
            self.optimizer = adamw(cast(Model, self.model), self._rate)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        """Ours, once there is the optimizer that it acts on."""
        self.lr_scheduler = LambdaLR(cast(torch.optim.Optimizer, self.optimizer), self._budget.factor)
        return self.lr_scheduler

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Each batch once, as planned; all of it to every process, which knows its share."""
        return DataLoader(cast(Any, self.train_dataset), batch_size=1, collate_fn=self.data_collator)

    def take(self, checkpoint: Path) -> None:
        """Give the model the weights of a checkpoint."""
        self._load_from_checkpoint(str(checkpoint))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Of each step the loss, and where a check was made, what it found."""
        super().log(logs | self._watch.news(), start_time)

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Mean surprise at the learned tokens of the batch, in nats; its slopes are left at the weights."""
        model.train()
        return self._passes.learn(inputs["batch"], self._update)

    def _update(self) -> None:
        """An update inside a step, by the slopes at the weights: as the Trainer makes the last one of each."""
        optimizer = cast(torch.optim.Optimizer, self.optimizer)
        norm = update(cast(Model, self.model), optimizer)
        require_numbers(norm, rate=optimizer.param_groups[0]["lr"], step=self.state.global_step)
