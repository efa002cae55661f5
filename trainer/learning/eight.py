"""Training on a CPU with frozen matrices in 8 bits, each decoder layer compiled: half as long again for the same words.

A CPU multiplies 8-bit integers twice as fast as bfloat16. What comes to a frozen matrix is rounded row by row, as what
goes back through it is (after SwitchBack: Wortsman and others, Stable and low-precision training, NeurIPS 2023). What
learns is not rounded, nor is what a model is measured on: only steps are made so. Rounding takes passes over memory
that only a compiler can fuse; compiled code reads one shape, so each pass is filled up to the same number of tokens.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel

from trainer.learning.base import Model, causal
from trainer.learning.fast import FastLinear, adapter, dense

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
    """Whether this CPU is fast at 8-bit integers, and there is a compiler."""
    return torch.cpu.get_capabilities().get("avx512_vnni", False) and shutil.which("c++") is not None


def speed_up(model: Model, cache: Path) -> None:
    """Pack the frozen matrices, and have layers compiled when first they train; what it gives is kept in `cache`."""
    # by default it would be kept in a folder that anyone on the machine can make first
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache / COMPILED)
    for layer in model.modules():
        if type(layer) is FastLinear:
            layer.__class__ = EightLinear
            packed, scales = _rounded(dense(layer.get_base_layer(), torch.float32))
            layer.register_buffer("packed", packed, persistent=False)
            layer.register_buffer("scales", scales[:, 0].contiguous(), persistent=False)
    causal(model).enable_input_require_grads()  # or the first layer would be another program than the others
    for layer in _layers(model):
        layer.compile(dynamic=False, options={"cpp_wrapper": True})  # which lets go of the interpreter, for other hands


def slow_down(model: Model) -> None:
    """Train without what is compiled."""
    for layer in _layers(model):
        layer._compiled_call_impl = None


def _layers(model: Model) -> Iterable[Any]:
    return cast(Iterable[Any], causal(model).get_decoder().layers)


class EightLinear(FastLinear):
    """LoRA over a matrix that is kept twice: as it was, and in 8 bits for what is compiled."""

    packed: torch.Tensor
    """(out, in), int8."""
    scales: torch.Tensor
    """(out,), float32."""

    def forward(self, x: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        """x is (…, in), the result (…, out)."""
        if not torch.compiler.is_compiling():
            return super().forward(x, *rest, **named)
        apply: Any = _Eight.apply
        return cast(torch.Tensor, apply(x, self.packed, self.scales, *adapter(self)))


class _Eight(torch.autograd.Function):
    """x is (…, in), packed (out, in), scales (out,), down (rank, in) and up (out, rank); the result is (…, out)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        packed: torch.Tensor,
        scales: torch.Tensor,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        down, up = down.to(x.dtype), (up * scaling).to(x.dtype)
        inner = flat @ down.T
        ctx.save_for_backward(flat, inner, packed, scales, down, up)
        ctx.scaling = scaling
        rounded, steps = _rounded(flat)
        product = torch._int_mm(rounded, packed.T).float() * steps * scales
        return (product + (inner @ up.T).float()).to(x.dtype).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, inner, packed, scales, down, up = ctx.saved_tensors
        slope = outer[0].reshape(-1, up.shape[0])
        back = slope @ up
        rounded, steps = _rounded(slope.float() * scales)
        to_x = (torch._int_mm(rounded, packed).float() * steps + (back @ down).float()).to(slope.dtype)
        to_down, to_up = (back.T @ flat).float(), (slope.T @ inner).float() * ctx.scaling
        return to_x.view(*outer[0].shape[:-1], -1), None, None, to_down, to_up, None


def _rounded(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows (n, width) as int8, and the step of each, (n, 1) in float32: a row is its integers times its step."""
    exact = rows.float()
    steps = exact.abs().amax(-1, keepdim=True).clamp_min(1e-12) / 127
    return torch.round(exact / steps).to(torch.int8), steps
