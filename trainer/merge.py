"""What was learned becomes a model of its own: an adapter goes into its base, W + BA, in float32.

Always into the base's own weights, never into those of 4 bits that an adapter may have learned over.
"""

from pathlib import Path
from typing import cast

import torch
from peft import PeftModel
from peft.utils import CONFIG_NAME
from transformers import AutoTokenizer, PreTrainedModel

from exporter.errors import DoppelgangerError
from trainer.base import load_model

MEMORY = torch.device("cpu")
"""Where weights are merged: a GPU that trains over 4 bits may have no room for all 32."""


class BrokenWeights(DoppelgangerError):
    """Training left numbers that are none."""


def merge(base: Path, learned: Path, output: Path) -> None:
    """Write the folder `output`: the base of folder `base` with the adapter of folder `learned` merged into it.

    If all weights were learned, `learned` holds them, and nothing of the base is left but its tokenizer. Products are
    summed in float32 and kept as float16, which is what a GGUF holds.

    Raises:
        BrokenWeights: a weight is not a number, or too large for float16.
    """
    merged = _merged(base, learned)
    merged.half()  # type: ignore[no-untyped-call]
    for name, parameter in merged.named_parameters():
        if not torch.isfinite(parameter).all():
            raise BrokenWeights(
                f"after training, the weights {name} are not finite numbers",
                fix="train with a lower [train] learning_rate",
            )
    merged.save_pretrained(output)
    AutoTokenizer.from_pretrained(base).save_pretrained(output)


def _merged(base: Path, learned: Path) -> PreTrainedModel:
    if not (learned / CONFIG_NAME).is_file():
        return load_model(learned, torch.float16, MEMORY)
    adapted = PeftModel.from_pretrained(load_model(base, torch.float32, MEMORY), learned)
    return cast(PreTrainedModel, adapted.merge_and_unload())
