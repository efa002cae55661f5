"""Training: transformers' Trainer with our batches, our loss, a learning rate that comes to rest in time, checkpoints.

It teaches an adapter on rows, and knows nothing of where rows come from or what becomes of the adapter.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

from exporter.progress import Report, Step
from trainer.batches import Batch, collate
from trainer.loss import surprise

RATE = 2e-3
"""The best learning rate for LoRA on a model of `RATED` weights; larger models want less, by the root of their size."""
RATED = 135e6

WARMUP = 5
"""Steps in which the learning rate rises."""

WHOLE = "whole.json"
"""Written into a checkpoint last: without it, the checkpoint is the remains of a killed process."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was done so far, over all processes that worked on it."""

    seconds: float = 0.0
    tokens: int = 0

    @property
    def tokens_per_second(self) -> float:
        """Rows' own tokens, padding left out."""
        return self.tokens / self.seconds if self.seconds else 0.0


class Budget:
    """How far training has come: by steps, or by the time it may take, whichever is further.

    The learning rate falls along a cosine over that, so it comes to rest when the time is up, however slow the
    machine is (Li, Yumer, Ramanan: Budgeted Training, ICLR 2020).
    """

    def __init__(
        self, *, steps: int, seconds: float | None, spent: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._steps, self._seconds, self._clock = steps, seconds, clock
        self._began = clock() - spent

    @property
    def spent(self) -> float:
        """Seconds, those of earlier processes included."""
        return self._clock() - self._began

    def progress(self, step: int) -> float:
        """From 0 to 1, where training ends."""
        by_time = self.spent / self._seconds if self._seconds else 0.0
        return min(max(step / self._steps, by_time), 1.0)

    def factor(self, step: int) -> float:
        """Of the learning rate at this step."""
        return min((step + 1) / WARMUP, 1.0) * 0.5 * (1.0 + math.cos(math.pi * self.progress(step)))


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

    `folder` keeps checkpoints (adapter, optimizer, state); if it holds a whole one, training goes on from there.
    """
    latest = latest_checkpoint(folder)
    before = Pace(**json.loads((latest / WHOLE).read_text())) if latest else Pace()
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
    trainer.train(resume_from_checkpoint=str(latest) if latest else None)
    return watch.pace(trainer.state.global_step)


def default_rate(model: PeftModel) -> float:
    """The learning rate for a model of this size: 2e-3 at 135 million weights, 3e-4 at 6 billion."""
    return RATE * math.sqrt(RATED / max(model.num_parameters(), RATED))


def checkpoints_size(model: PeftModel) -> int:
    """The most bytes that `fit` keeps on disk: of each learned number its value and AdamW's two, in float32.

    Two checkpoints are kept while a third is written.
    """
    return 3 * 3 * 4 * sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end."""
    return max(
        (mark.parent for mark in folder.glob(f"checkpoint-*/{WHOLE}")),
        key=lambda checkpoint: int(checkpoint.name.removeprefix("checkpoint-")),
        default=None,
    )


def _arguments(folder: Path, *, steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,  # one item of the data set is one batch of ours
        max_grad_norm=1.0,
        logging_steps=1,
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
    """Reports progress, asks for checkpoints, marks whole ones, and ends training in time."""

    def __init__(self, batches: Sequence[Batch], budget: Budget, report: Report, checkpoint_seconds: float) -> None:
        self._batches, self._budget, self._report = batches, budget, report
        self._every, self._saved = checkpoint_seconds, budget.spent

    def pace(self, step: int) -> Pace:
        """What has been done by this step."""
        return Pace(self._budget.spent, sum(len(row.ids) for batch in self._batches[:step] for row in batch))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        control.should_training_stop |= self._budget.progress(state.global_step) >= 1.0
        control.should_save = self._budget.spent - self._saved >= self._every

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        pace = self.pace(state.global_step)
        mark = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / WHOLE
        mark.write_text(json.dumps({"seconds": pace.seconds, "tokens": pace.tokens}))
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
            done = 100 * self._budget.progress(state.global_step)
            speed = self.pace(state.global_step).tokens_per_second
            self._report(Step("train", round(done), 100, f"loss {logs['loss']:.2f}, {speed:.0f} tokens/s"))
