"""What was learned becomes a model of its own: an adapter goes into its base, W + BA, in float32, a few rows at a time.

Rows of single tokens that learned, in the embeddings and in the output matrix, take the place of the base's.

Always into the base's own weights, never into those of 4 bits that an adapter may have learned over. No model is built
for it: rows are merged as they are asked for, so a large base takes little memory.
"""

import json
from pathlib import Path
from typing import Any

import torch
from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file

from exporter.errors import DoppelgangerError
from trainer.convert.gguf import WHOLE, Folder, Weights

ADAPTED = "base_model.model."
"""What peft puts in front of a weight's name."""
PLAIN = {"peft_type": "LORA", "use_dora": False, "use_rslora": False, "bias": "none", "modules_to_save": None}
"""Settings of an adapter that is W + BA and nothing more, as ours are."""


class BrokenWeights(DoppelgangerError):
    """Training left numbers that are none."""


class UnknownAdapter(DoppelgangerError):
    """The adapter changes a model in more ways than by W + BA and by rows of single tokens."""


def merged(base: Path, learned: Path) -> Weights:
    """The weights of the base in folder `base` with what lies in `learned`: an adapter, or all weights anew.

    Raises:
        UnknownAdapter: it is not one that training left.
    """
    return Merged(base, learned) if (learned / CONFIG_NAME).is_file() else Finite(learned)


class Finite(Folder):
    """A folder's weights: matrices in float16, which is what a GGUF holds."""

    def load(self, name: str, rows: slice = WHOLE) -> torch.Tensor:
        """These rows of one of them.

        Raises:
            BrokenWeights: a number in it is none, or too large for float16.
        """
        return _finite(name, super().load(name, rows))


class Merged(Folder):
    """The weights of a base with an adapter's added: matrices in float16."""

    def __init__(self, base: Path, adapter: Path) -> None:
        super().__init__(base)
        settings = json.loads((adapter / CONFIG_NAME).read_text("utf-8"))
        self._learned = load_file(adapter / SAFETENSORS_WEIGHTS_NAME)
        self._scale = settings["lora_alpha"] / settings["r"]
        self._tokens: list[int] = next(iter((settings.get("trainable_token_indices") or {}).values()), [])
        _require_plain(settings, self._learned.keys() - {part for name in self.shapes() for part in _parts(name)})

    def load(self, name: str, rows: slice = WHOLE) -> torch.Tensor:
        """These rows of one of them; products are summed in float32. Raises BrokenWeights as `Finite` does."""
        weights = super().load(name, rows)
        into, out, replaced = (self._learned.get(part) for part in _parts(name))
        if into is not None and out is not None:
            weights = weights.float().addmm_(out[rows].float(), into.float(), alpha=self._scale)
        half = _finite(name, weights)
        if replaced is None:
            return half
        asked = range(*rows.indices(self.shapes()[name][0]))
        here = [at for at, token in enumerate(self._tokens) if token in asked]
        places = torch.tensor([self._tokens[at] - asked.start for at in here], dtype=torch.long)
        return half.index_copy(0, places, _finite(name, replaced[here]))


def _parts(name: str) -> tuple[str, str, str]:
    """Names of the two factors that are added to a weight, and of the rows of single tokens that replace some of it."""
    layer = f"{ADAPTED}{name.removesuffix('.weight')}"
    return f"{layer}.lora_A.weight", f"{layer}.lora_B.weight", f"{layer}.token_adapter.trainable_tokens_delta"


def _require_plain(settings: dict[str, Any], unused: set[str]) -> None:
    other = [key for key, value in PLAIN.items() if settings.get(key, value) != value]
    if other or unused:
        raise UnknownAdapter(
            f"the adapter holds more than W + BA and rows of tokens: {', '.join([*other, *sorted(unused)[:3]])}",
            fix="train again with `python -m trainer run`",
        )


def _finite(name: str, weights: torch.Tensor) -> torch.Tensor:
    half = weights.half()
    if not torch.isfinite(half).all():
        raise BrokenWeights(
            f"after training, the weights {name} are not finite numbers", fix="train with a lower [train] learning_rate"
        )
    return half if weights.ndim > 1 else weights.float()
