"""Training: transformers' Trainer with our batches, our loss, a learning rate that comes to rest in time, checkpoints.

It teaches an adapter on rows, and knows nothing of where rows come from or what becomes of the adapter.
"""

import math
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler, SequentialSampler
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from exporter.errors import DoppelgangerError
from exporter.progress import Report, Step
from trainer import checkpoints
from trainer.batches import Batch, collate
from trainer.loss import surprise
from trainer.schedule import Budget, Pace

RATE = 2e-3
"""The best learning rate for LoRA on a model of `RATED` weights; larger models want less, by the root of their size."""
RATED = 135e6


class Diverged(DoppelgangerError):
    """The loss is no number any more: nothing that comes after it is worth keeping."""


def fit(
    model: PeftModel,
    batches: Sequence[Batch],
    folder: Path,
    *,
    learning_rate: float,
    max_seconds: float | None,
    report: Report,
    checkpoint_seconds: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
) -> Pace:
    """Train the adapter of `model` in place, through all batches or until the time is up.

    `folder` keeps checkpoints (adapter, optimizer, state). If it holds a sound one, training goes on from there, as if
    it had never been interrupted: on the same machine with the same threads to the same bit, unless time is limited.

    Raises:
        Diverged: the loss or its slope is not a number; nothing of that is in a checkpoint.
    """
    latest = checkpoints.newest(folder)
    before = Pace(**latest.facts) if latest else Pace()
    budget = Budget(steps=len(batches), seconds=max_seconds, spent=before.seconds, clock=clock)
    watch = _Watch(batches, budget, report, checkpoint_seconds)
    optimizer = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad], lr=learning_rate, weight_decay=0.0
    )
    trainer = _Trainer(
        model=model,
        args=_arguments(folder, steps=len(batches)),
        train_dataset=batches,
        data_collator=_only,
        callbacks=[watch],
        optimizers=(optimizer, LambdaLR(optimizer, budget.factor)),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(latest.folder) if latest else None)
    return watch.pace(trainer.state.global_step)


def default_rate(model: PeftModel) -> float:
    """The learning rate for a model of this size: 2e-3 at 135 million weights, 3e-4 at 6 billion."""
    return RATE * math.sqrt(RATED / max(model.num_parameters(), RATED))


def checkpoints_size(model: PeftModel) -> int:
    """The most bytes that `fit` keeps on disk: of each learned number its value and AdamW's two, in float32.

    Two checkpoints are kept while a third is written.
    """
    return 3 * 3 * 4 * sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _arguments(folder: Path, *, steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,  # one item of the data set is one batch of ours
        max_grad_norm=1.0,
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        save_strategy="no",  # our callback asks for checkpoints, by the clock
        save_total_limit=2,  # the older one, until the newer one is whole
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=not torch.cuda.is_available(),
    )


def _only(items: list[Batch]) -> dict[str, torch.Tensor]:
    (batch,) = items
    return collate(batch)


class _Trainer(Trainer):
    """Batches come as planned, and the loss counts learned tokens."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return SequentialSampler(cast(Sequence[Batch], self.train_dataset))

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Mean surprise at the learned tokens of the batch, in nats."""
        return surprise(cast(PeftModel, model), inputs["input_ids"], inputs["learned"]).mean()


class _Watch(TrainerCallback):
    """Reports progress, asks for checkpoints, seals them, and ends training in time or when it goes wrong."""

    def __init__(self, batches: Sequence[Batch], budget: Budget, report: Report, checkpoint_seconds: float) -> None:
        self._tokens = list(accumulate((sum(len(row.ids) for row in batch) for batch in batches), initial=0))
        self._budget, self._report = budget, report
        self._every, self._saved = checkpoint_seconds, budget.spent

    def pace(self, step: int) -> Pace:
        """What has been done by this step."""
        return Pace(self._budget.spent, self._tokens[step])

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        control.should_training_stop |= self._budget.progress(state.global_step) >= 1.0
        control.should_save = self._budget.spent - self._saved >= self._every

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        pace = self.pace(state.global_step)
        folder = checkpoints.at(Path(str(args.output_dir)), state.global_step)
        checkpoints.seal(folder, {"seconds": pace.seconds, "tokens": pace.tokens})
        self._saved = self._budget.spent

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs and "loss" in logs:
            _require_numbers(logs, state.global_step)
            progress = self._budget.progress(state.global_step)
            speed = self.pace(state.global_step).tokens_per_second
            left = f"{_duration(self._budget.spent * (1 - progress) / progress)} left"
            note = f"loss {logs['loss']:.2f}, {speed:.0f} tokens/s, {left}"
            self._report(Step("train", round(100 * progress), 100, note))


def _require_numbers(logs: dict[str, float], step: int) -> None:
    """This stands before a checkpoint is written, so that none is written of what has gone wrong."""
    if not all(math.isfinite(logs[name]) for name in ("loss", "grad_norm")):
        raise Diverged(
            f"at step {step} the loss is not a number any more (learning rate {logs['learning_rate']:.2g})",
            fix="set a lower [train] learning_rate, a third of this one for a start, and run the same command again",
        )


def _duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 5 min`."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{round(seconds)} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
