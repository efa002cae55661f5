"""Training on a CPU with each decoder layer compiled: half as long again for the same words.

A compiler joins what is done with a number before it goes back to memory. Compiled code reads one shape, so each pass
is filled up to the same number of tokens. Frozen matrices are multiplied in 8 bits (`trainer.learning.eight`), but
where a CPU has tiles for bfloat16 (AMX): there that is the faster one, and they stay as they are. Attention, whose
shapes are those of rows, is left to trainer.learning.kernel.
"""

import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel

from trainer.learning import eight, kernel
from trainer.learning.arithmetic import packed_bytes
from trainer.learning.attention import attend_packed
from trainer.learning.base import Model, causal, precision
from trainer.learning.fast import FastLinear
from trainer.shape import Shape

log = logging.getLogger(__name__)

COMPILED = "compiled"
"""The folder of compiled code."""
WORTH = 8e12
"""Weights times tokens from which compiling pays: for 135 million weights 60,000 tokens, two minutes on two cores."""
WORTH_MINUTES = 3.0
"""Of a training that is limited in time."""


def pays(model: Model, *, tokens: int, minutes: float | None) -> bool:
    """Whether a training on so many tokens, in so much time, is long enough here to compile for it.

    A function of what is trained alone, so that a resumed training does the same again.
    """
    return (
        isinstance(model, PeftModel)
        and model.device.type == "cpu"
        and _multiplies()
        and model.num_parameters() * tokens >= WORTH
        and (minutes is None or minutes >= WORTH_MINUTES)
        and any(type(layer) is FastLinear for layer in model.modules())
    )


def hands(peak: int, limit: int) -> int:
    """How many passes are made at once here, where one takes `peak` bytes of `limit`, weights included."""
    return 2 if torch.get_num_threads() > 1 and 2 * peak <= limit else 1


def _multiplies() -> bool:
    """Whether this CPU is fast at 8-bit integers, as all with tiles are, and there is a compiler."""
    return torch.cpu.get_capabilities().get("avx512_vnni", False) and shutil.which("c++") is not None


def in_eight_bits() -> bool:
    """Whether frozen matrices are multiplied in 8 bits here."""
    return not torch.cpu.get_capabilities().get("amx_bf16", False)


def more_bytes(shape: Shape) -> int:
    """What is kept besides, once layers are compiled."""
    return packed_bytes(shape) if in_eight_bits() else 0


def speed_up(model: Model, cache: Path) -> None:
    """Have layers compiled when first they train, and pack their matrices first; what it gives is kept in `cache`."""
    # by default it would be kept in a folder that anyone on the machine can make first
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache / COMPILED)
    if precision() is torch.bfloat16:
        try:
            attend_packed(causal(model), kernel.build(cache / COMPILED))
        except kernel.NoKernel as error:
            log.warning("train.no_kernel", extra={"error": str(error)})
    if in_eight_bits():
        for layer in model.modules():
            if type(layer) is FastLinear:
                eight.pack(layer)
    causal(model).enable_input_require_grads()  # or the first layer would be another program than the others
    for layer in _layers(model):
        layer.compile(dynamic=False, options={"cpp_wrapper": True})  # which lets go of the interpreter, for other hands


def slow_down(model: Model) -> None:
    """Train without what is compiled."""
    attend_packed(causal(model))
    for layer in _layers(model):
        layer._compiled_call_impl = None


def _layers(model: Model) -> Iterable[Any]:
    return cast(Iterable[Any], causal(model).get_decoder().layers)
