"""An adapter into its base: W + BA, in float32, and never into quantized weights."""

from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoTokenizer

from exporter.errors import DoppelgangerError
from trainer.base import load_model


class BrokenWeights(DoppelgangerError):
    """Training left numbers that are none."""


def merge(base: Path, adapter: Path, output: Path) -> None:
    """Write the folder `output`: the base of folder `base` with the adapter of folder `adapter` merged into it.

    Products are summed in float32 and kept as float16, which is what a GGUF holds.

    Raises:
        BrokenWeights: a weight is not a number, or too large for float16.
    """
    adapted = PeftModel.from_pretrained(load_model(base, torch.float32), adapter)
    merged = adapted.merge_and_unload().half()
    for name, parameter in merged.named_parameters():
        if not torch.isfinite(parameter).all():
            raise BrokenWeights(
                f"after training, the weights {name} are not finite numbers",
                fix="train with a lower [train] learning_rate",
            )
    merged.save_pretrained(output)
    AutoTokenizer.from_pretrained(base).save_pretrained(output)
