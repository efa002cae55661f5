"""The way that the Telegram article trained, as its authors wrote it, on rows of ours: transformers' Trainer and peft.

LoRA of rank 32 on q, k, v, o and gate with a dropout of 5 %, learning rate 2e-4 along a cosine, batches of 8 rows of up
to 1,024 tokens, grouped by length and padded, logits of every position (github.com/furiousteabag/doppelganger,
finetune_lora.py). Weights are bfloat16 as ours are, not of 4 bits; one step a batch, not one in two.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from exporter.progress import Report, Step
from exporter.settings.config import Train
from trainer.data.dataset import Row
from trainer.learning import base as bases
from trainer.learning.loss import bits_per_byte
from trainer.training import Training

BATCH = 8
LORA = LoraConfig(
    r=32,
    lora_alpha=16,
    lora_dropout=0.05,
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj"],
    task_type="CAUSAL_LM",
)
UNLEARNED = -100
"""What transformers' loss leaves out."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """One training."""

    seconds: float
    tokens: int
    learned_tokens: int
    before: float
    """Bits per byte of what was held out."""
    after: float


def fit(training: Training, held_out: Sequence[Row], settings: Train, *, steps: int | None, report: Report) -> Fitted:
    """Train for one epoch, or for `steps` only, and measure as the product does."""
    model: Any = bases.load_model(training.base.folder, bases.precision())
    adapted: Any = get_peft_model(model, LORA)
    before = bits_per_byte(
        adapted, held_out, training.task.frame, batch_tokens=settings.batch_tokens
    )  # LoRA begins at 0
    rows = [{"input_ids": row.ids, "learned": row.learned, "length": len(row.ids)} for row in training.data.learned]
    seen: list[dict[str, torch.Tensor]] = []

    def collate(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = _padded(items)
        seen.append(batch)
        return batch

    with tempfile.TemporaryDirectory(prefix="doppelganger-") as folder:
        trainer = Trainer(
            model=adapted,
            args=_arguments(folder, steps, settings.seed),
            train_dataset=rows,
            data_collator=collate,
            callbacks=[_Told(report)],
        )
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
    return Fitted(
        seconds,
        tokens=sum(int(batch["attention_mask"].sum()) for batch in seen),
        learned_tokens=sum(int((batch["labels"] != UNLEARNED).sum()) for batch in seen),
        before=before,
        after=bits_per_byte(adapted, held_out, training.task.frame, batch_tokens=settings.batch_tokens),
    )


def _padded(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    width = max(item["length"] for item in items)
    ids = torch.zeros((len(items), width), dtype=torch.long)
    labels = torch.full((len(items), width), UNLEARNED)
    mask = torch.zeros((len(items), width), dtype=torch.long)
    for line, item in enumerate(items):
        tokens, learned = torch.tensor(item["input_ids"]), torch.tensor(item["learned"])
        ids[line, : len(tokens)] = tokens
        labels[line, : len(tokens)] = tokens.where(learned, UNLEARNED)
        mask[line, : len(tokens)] = 1
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def _arguments(folder: str, steps: int | None, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=1,
        max_steps=steps or -1,
        per_device_train_batch_size=BATCH,
        learning_rate=2e-4,
        lr_scheduler_type="cosine",
        warmup_steps=0.03,  # of all steps
        weight_decay=0.001,
        max_grad_norm=0.3,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        remove_unused_columns=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
    )


class _Told(TrainerCallback):
    """Says after each step how far it is."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._report(Step("the original's way", state.global_step, state.max_steps))
