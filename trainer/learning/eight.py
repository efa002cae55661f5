"""Training with frozen matrices in 8 bits: a CPU without AMX makes twice as many products a second as in bfloat16.

What comes to a frozen matrix is rounded row by row, as what goes back through it is (after SwitchBack: Wortsman and
others, Stable and low-precision training, NeurIPS 2023). What learns is not rounded, nor is what a model is measured
on: only steps are made so. Rounding takes passes over memory that only a compiler can fuse: see
trainer.learning.compiling.
"""

from typing import Any, cast

import torch

from trainer.learning.fast import FastLinear, adapter


def pack(layer: FastLinear) -> None:
    """Keep its matrix in 8 bits, too, and multiply with that in what is compiled."""
    frozen: Any = layer.get_base_layer()
    packed, scales = _rounded(frozen.weight)
    layer.register_buffer("packed", packed, persistent=False)
    layer.register_buffer("scales", scales[:, 0].contiguous(), persistent=False)
    layer.__class__ = EightLinear


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
