"""The ways to teach a base: a LoRA adapter, the same over 4-bit weights, or all weights.

It knows how a model is loaded to learn, what proves that it is what was asked for, and what is kept of it. Of rows and
of steps it knows nothing.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import torch
from bitsandbytes.nn.modules import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from exporter.errors import DoppelgangerError
from trainer import ranks
from trainer.learning import shards
from trainer.learning.base import Base, Model, causal, device, learning, load_model, precision
from trainer.learning.fast import speed_up

Method = Literal["lora", "qlora", "full"]

RATES: dict[Method, float] = {"lora": 2e-3, "qlora": 2e-3, "full": 2e-4}
"""The best learning rate for a model of `RATED` weights; larger models want less, by the root of their size.

Full fine-tuning wants a tenth of what an adapter does (Schulman and others: LoRA Without Regret, 2025).
"""
RATED = 135e6


class NotFourBit(DoppelgangerError):
    """QLoRA was asked for, and some matrix is not kept in 4 bits."""


class OneProcess(DoppelgangerError):
    """Many processes were started for a method of one."""


def require_one_process(method: Method) -> None:
    """Refuse to train an adapter by many processes, which would all do the same.

    Raises:
        OneProcess: it was asked for.
    """
    if method != "full" and ranks.count() > 1:
        raise OneProcess(
            f'torchrun started {ranks.count()} processes, and [train] method = "{method}" trains in one',
            fix='run `python -m trainer run` without torchrun, or set [train] method = "full"',
        )


def learner(base: Base, method: Method, *, rank: int, seed: int) -> Model:
    """The base, ready to learn by `method`; made fast.

    Frozen weights are in `precision()` or in 4 bits, what learns is in float32: of many processes, in parts.

    Raises:
        NotFourBit: the weights of `qlora` are not in 4 bits.
    """
    if method == "full":
        if ranks.count() > 1:
            model: Model = shards.load(base.folder, in_bfloat16=in_bfloat16(method))
        else:
            model = load_model(base.folder, torch.float32)
        speed_up(model)
        return model
    if method == "lora":
        return with_adapter(load_model(base.folder, precision()), rank=rank, seed=seed, fresh=base.fresh)
    packed = load_packed(base.folder)
    adapted = with_adapter(packed, rank=rank, seed=seed, fresh=base.fresh)
    require_four_bits(adapted)
    return adapted


def with_adapter(model: PreTrainedModel, *, rank: int, seed: int, fresh: Sequence[int] = ()) -> PeftModel:
    """The frozen model with a fresh LoRA adapter, in float32, on each of its linear layers; made fast.

    The rows of the tokens in `fresh` learn, too: in the embeddings and in the output matrix, which may be the same.
    """
    torch.manual_seed(seed)
    language: Any = model
    ends = (language.get_input_embeddings(), language.get_output_embeddings())
    settings = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        trainable_token_indices={name: list(fresh) for name, layer in model.named_modules() if layer in ends}
        if fresh
        else None,
        task_type="CAUSAL_LM",
    )
    adapted = cast(PeftModel, get_peft_model(model, settings))
    for parameter in learning(adapted):
        parameter.data = parameter.data.float()
    speed_up(adapted)
    return adapted


def load_packed(folder: Path) -> PreTrainedModel:
    """The model of a folder with its linear layers in nf4, their scales quantized too; on the GPU if there is one."""
    settings: Any = BitsAndBytesConfig
    packing = settings(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=precision(),
    )
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=precision(), quantization_config=packing, device_map={"": device()}
    )
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return cast(PreTrainedModel, model)


def require_four_bits(model: PeftModel) -> None:
    """Check that each matrix under an adapter is packed, two weights to a byte, in nf4 with quantized scales.

    Raises:
        NotFourBit: one is not; libraries have been known to pass the wish on to nobody.
    """
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}
    wrong = [name for name, layer in layers.items() if not _is_packed(layer.get_base_layer())]
    if wrong or not layers:
        raise NotFourBit(
            f"QLoRA trains over 4-bit weights, but {len(wrong)} of {len(layers)} matrices are not in 4 bits"
            + (f", such as {wrong[0]}" if wrong else ""),
            fix="reinstall with pip install -e '.[train]', or set [train] method = \"lora\", which takes more memory",
        )


def _is_packed(layer: nn.Module) -> bool:
    if not isinstance(layer, Linear4bit):
        return False
    weight: Any = layer.weight
    state = weight.quant_state
    return (
        weight.dtype is torch.uint8
        and weight.numel() == math.ceil(layer.in_features * layer.out_features / 2)
        and state is not None
        and state.quant_type == "nf4"
        and state.nested
        and tuple(state.shape) == (layer.out_features, layer.in_features)
    )


def keep(model: Model, output: Path) -> None:
    """Write what was learned, as a folder: the adapter, or all weights as float16, which they are from then on.

    Of many processes each has to call this, and the first one writes.
    """
    if ranks.count() > 1:
        weights = shards.gathered(model)
        if ranks.first():
            model.save_pretrained(str(output), state_dict=weights)
        return
    if not isinstance(model, PeftModel):
        model.half()  # type: ignore[no-untyped-call]
    model.save_pretrained(str(output))


def as_published(model: Model, base: Base, learned: Path) -> Model:
    """The model as it will be published, for measuring: what was kept in `learned`, in 16 bits.

    Over 4-bit weights the loss is another than after the merge, so these are left for the base's own.
    """
    if ranks.count() > 1:
        whole = load_model(learned, precision(), _roomy(base))
        speed_up(whole)
        return whole
    if not isinstance(model, PeftModel):
        return cast(PreTrainedModel, cast(Any, model).to(precision()))
    if not getattr(causal(model), "is_loaded_in_4bit", False):  # which only a packed model has
        return model
    adapted = PeftModel.from_pretrained(load_model(base.folder, precision(), _roomy(base)), learned)
    speed_up(adapted)
    return adapted


@contextmanager
def untuned(model: Model, base: Base) -> Iterator[Model]:
    """The base as it was, for measuring."""
    if isinstance(model, PeftModel):
        with model.disable_adapter():
            yield model
    else:
        before = load_model(base.folder, precision(), _roomy(base))
        speed_up(before)
        yield before


def _roomy(base: Base) -> torch.device:
    """Where the base fits in 16 bits: a GPU that trains over 4 bits may have no room for it."""
    torch.cuda.empty_cache()
    if device().type == "cuda" and torch.cuda.mem_get_info()[0] < 1.2 * base.size:
        return torch.device("cpu")
    return device()


def in_bfloat16(method: Method) -> bool:
    """Whether float32 weights are multiplied in bfloat16."""
    return method == "full" and precision() is torch.bfloat16


def default_rate(model: Model, method: Method) -> float:
    """The learning rate for a model of this size: for LoRA 2e-3 at 135 million weights, 3e-4 at 6 billion."""
    return RATES[method] * math.sqrt(RATED / max(model.num_parameters(), RATED))
