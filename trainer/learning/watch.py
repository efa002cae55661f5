"""What watches a training while it runs: progress, checkpoints, checks on held-out words, and its end."""

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from exporter.errors import DoppelgangerError
from exporter.progress import PERCENT, Report, Step
from exporter.stats.wording import duration
from trainer.data.batches import Batch
from trainer.learning import checkpoints, shards
from trainer.learning.checkpoints import Checkpoint
from trainer.learning.schedule import Budget, Pace
from trainer.learning.stopping import SHARE, Check, Ending, as_facts, best, due, enough, from_facts

CHECKPOINT_SECONDS = 30.0
"""At least, between two checkpoints that the clock asks for."""
SAVING = 0.05
"""Of a training's time, what those checkpoints may take at most."""

Examine = Callable[[], tuple[float, float]]
"""Bits per byte on held-out words, and the share that is copied, by the model as it is at the moment."""


class Diverged(DoppelgangerError):
    """The loss is no number any more: nothing that comes after it is worth keeping."""


class Watch(TrainerCallback):
    """Reports progress, has checkpoints written and seals them, checks, and ends training: well, in time, or broken."""

    def __init__(
        self,
        batches: Sequence[Batch],
        budget: Budget,
        report: Report,
        examine: Examine | None,
        patience: int,
        checkpoint_seconds: float,
        resumed: Checkpoint | None,
    ) -> None:
        self._tokens = list(accumulate((sum(len(row.ids) for row in batch) for batch in batches), initial=0))
        self._budget, self._report, self._examine, self._patience = budget, report, examine, patience
        self._every, self._saved, self._asked = checkpoint_seconds, budget.spent, budget.spent
        self._checks = shards.agreed(lambda: _checks_of(resumed))
        self._checking = float(resumed.facts["checking"]) if resumed else 0.0
        self._news: dict[str, float] = {}

    def pace(self, step: int) -> Pace:
        """What has been done by this step."""
        return Pace(self._budget.spent, self._tokens[step])

    def news(self) -> dict[str, float]:
        """What the last check found, once: to stand in the log beside the loss."""
        news, self._news = self._news, {}
        return news

    def ending(self, step: int) -> Ending | None:
        """Why training ends at this step; None if it does not."""
        planned = len(self._tokens) - 1
        reason = enough(self._checks, self._patience) if self._examine else None
        if reason is None and self._budget.progress(step) >= 1.0:
            reason = "all is read" if step >= planned else "time is up"
        kept = best(self._checks)
        return Ending(reason, step, planned, kept.step if kept else step) if reason else None

    def end(self, step: int) -> Ending:
        """Why training ended."""
        if (ending := self.ending(step)) is None:
            raise RuntimeError("training ended for no reason")
        return ending

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._protect(args, state)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        progress = self._budget.progress(state.global_step)
        checked = self._examine is not None and due(self._checks, progress) and self._can_afford(progress)
        if checked:
            self._check(state.global_step, progress)
            self._protect(args, state)
        ended = self.ending(state.global_step) is not None
        control.should_training_stop |= ended
        control.should_save = checked or ended or self._budget.spent - self._saved >= self._every
        self._asked = self._budget.spent

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        pace = self.pace(state.global_step)
        facts = {"seconds": pace.seconds, "tokens": pace.tokens, "checking": self._checking}
        folder = checkpoints.at(Path(str(args.output_dir)), state.global_step)
        shards.agreed(lambda: checkpoints.seal(folder, {**facts, "checks": as_facts(self._checks)}))
        self._saved = self._budget.spent
        self._every *= max(1.0, (self._saved - self._asked) / SAVING / max(self._every, CHECKPOINT_SECONDS))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs and "loss" in logs:
            require_numbers(logs["loss"], logs["grad_norm"], rate=logs["learning_rate"], step=state.global_step)
            progress = self._budget.progress(state.global_step)
            note, held_out = self._note(logs["loss"], state.global_step), self._held_out
            self._report(Step("train", PERCENT * progress, PERCENT, note, logs["loss"], held_out))

    @property
    def _held_out(self) -> float | None:
        return self._checks[-1].bits_per_byte if self._checks else None

    def _note(self, loss: float, step: int) -> str:
        progress = self._budget.progress(step)
        held_out = "" if self._held_out is None else f", held out {self._held_out:.3f}"
        left = duration(self._budget.spent * (1 - progress) / progress)
        return f"loss {loss:.2f}{held_out}, {self.pace(step).tokens_per_second:.0f} tokens/s, {left} left"

    def _can_afford(self, progress: float) -> bool:
        """Where the clock decides how much is trained, the planned number of checks may be too many for it."""
        return not self._budget.timed or progress >= 1.0 or self._checking <= SHARE * self._budget.spent

    def _check(self, step: int, progress: float) -> None:
        if self._examine is None:
            return
        began = self._budget.spent
        self._report(Step("train", PERCENT * progress, PERCENT, "checking on what is held out"))
        bits, copied = self._examine()
        self._checking += self._budget.spent - began
        if math.isfinite(bits):  # if not, neither is the slope, and the log that comes next ends training
            self._checks.append(Check(step, progress, bits, copied))
            self._news = {"held_out_bits_per_byte": bits, "copied": copied}

    def _protect(self, args: TrainingArguments, state: TrainerState) -> None:
        """The checkpoint of the best check is kept, however many come after it."""
        if kept := best(self._checks):
            state.best_model_checkpoint = str(checkpoints.at(Path(str(args.output_dir)), kept.step))


def _checks_of(resumed: Checkpoint | None) -> list[Check]:
    """As they were noted; without those whose adapter was the best, and is damaged now."""
    if resumed is None:
        return []
    checks = from_facts(resumed.facts["checks"])
    while (kept := best(checks)) and not checkpoints.read(checkpoints.at(resumed.folder.parent, kept.step)):
        checks.remove(kept)
    return checks


def require_numbers(*found: float, rate: float, step: int) -> None:
    """This stands before a checkpoint is written, so that none is written of what has gone wrong."""
    if not all(map(math.isfinite, found)):
        raise Diverged(
            f"at step {step} the loss is not a number any more (learning rate {rate:.2g})",
            fix="set a lower [train] learning_rate, a third of this one for a start, and run the same command again",
        )
