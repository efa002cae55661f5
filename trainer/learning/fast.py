"""The same arithmetic in fewer passes over memory: LoRA layers, norms, and trainer.learning.attention.

Layers keep what they are and change their class, so that what is saved, loaded and merged stays as it is. Measured on
SmolLM2-135M and one core, forth and back: a norm of 1,024 tokens takes 1.8 ms instead of 4.2.
"""

from functools import cache
from typing import Any, cast

import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn.modules import Params4bit
from peft.tuners.lora import Linear, Linear4bit
from torch import nn
from torch.nn.functional import rms_norm

from trainer.learning.attention import attend_packed
from trainer.learning.base import Model, causal


def speed_up(model: Model) -> None:
    """Make training `model` faster; what is saved, loaded, merged or switched off stays as it is.

    For one LoRA adapter without dropout, over matrices dense or of 4 bits, or for no adapter at all; matrices with
    biases are left to peft. Rows lie end to end.
    """
    attend_packed(causal(model))
    layer: Any
    for layer in model.modules():
        kind: Any = type(layer)
        if kind in FASTER and layer.get_base_layer().bias is None:
            layer.__class__ = FASTER[kind]
        elif _is_frozen_norm(layer):
            layer.__class__ = _faster_norm(kind)


class _Fast:
    def forward(self: Any, x: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        """x is (…, in), the result (…, out)."""
        if self.disable_adapters or self.merged:
            plain: Any = super()
            return cast(torch.Tensor, plain.forward(x, *rest, **named))
        apply: Any = _Adapted.apply
        return cast(torch.Tensor, apply(x, self.get_base_layer().weight, *adapter(self)))


class FastLinear(_Fast, Linear):
    """LoRA over a dense matrix."""


class FastLinear4bit(_Fast, Linear4bit):  # type: ignore[misc]
    """LoRA over a matrix of 4 bits."""


FASTER: dict[Any, Any] = {Linear: FastLinear, Linear4bit: FastLinear4bit}
"""peft's layers, and what becomes of them."""


def adapter(layer: Any) -> tuple[torch.Tensor, torch.Tensor, float]:
    """A (rank, in), B (out, rank), and the factor of their product."""
    (name,) = layer.active_adapters
    return layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name]


def dense(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The matrix of a linear layer, (out, in): unpacked afresh at each call if it is kept in 4 bits."""
    if isinstance(weight, Params4bit):
        return dequantize_4bit(weight.data, weight.quant_state).to(dtype)
    return weight


class _Adapted(torch.autograd.Function):
    """x is (…, in), the frozen matrix (out, in), down (rank, in) and up (out, rank); the result is (…, out)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, frozen: torch.Tensor, down: torch.Tensor, up: torch.Tensor, scaling: float
    ) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        down, up = down.to(x.dtype), (up * scaling).to(x.dtype)
        inner = flat @ down.T
        ctx.save_for_backward(flat, inner, down, up)
        ctx.frozen, ctx.scaling = frozen, scaling
        return _sum(flat @ dense(frozen, x.dtype).T, inner, up.T).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, inner, down, up = ctx.saved_tensors
        slope = outer[0].reshape(-1, up.shape[0])
        back = slope @ up
        to_x = None
        if ctx.needs_input_grad[0]:
            to_x = _sum(slope @ dense(ctx.frozen, slope.dtype), back, down).view(*outer[0].shape[:-1], -1)
        return to_x, None, (back.T @ flat).float(), (slope.T @ inner).float() * ctx.scaling, None


def _sum(product: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """`product` + `left` @ `right`: in place; a compiler is faster where it may choose."""
    if torch.compiler.is_compiling():
        return product + left @ right
    return product.addmm_(left, right)


def _is_frozen_norm(layer: nn.Module) -> bool:
    """Whether `_Norm` does what this layer does; families of models differ in what they call a norm."""
    weight = getattr(layer, "weight", None)
    if not (hasattr(layer, "variance_epsilon") and isinstance(weight, torch.Tensor)) or weight.requires_grad:
        return False
    probe = torch.linspace(-3, 3, 2 * len(weight), dtype=weight.dtype, device=weight.device).view(2, -1)
    return torch.allclose(layer(probe), _normed(layer, probe), rtol=0.02, atol=1e-3)


@cache
def _faster_norm(plain: Any) -> Any:
    """The class, with `_Norm` for its arithmetic; a compiler does as well with its own."""

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, plain.forward(self, x)) if torch.compiler.is_compiling() else _normed(self, x)

    return type(f"Fast{plain.__name__}", (plain,), {"forward": forward})


def _normed(layer: Any, x: torch.Tensor) -> torch.Tensor:
    apply: Any = _Norm.apply
    return cast(torch.Tensor, apply(x, layer.weight, layer.variance_epsilon))


class _Norm(torch.autograd.Function):
    """Root mean square normalization behind a frozen weight (width,); x is (…, width), and so is the result."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.epsilon = epsilon
        return rms_norm(x, weight.shape, weight, epsilon)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """With r = (mean x² + ε)^-½ and g = outer · weight: r g - x r³ mean(g x)."""
        x, weight = ctx.saved_tensors
        slope = outer[0] * weight
        scale = ((x * x).mean(-1, keepdim=True, dtype=torch.float32) + ctx.epsilon).rsqrt_()
        along = (slope * x).mean(-1, keepdim=True, dtype=torch.float32) * scale**3
        return slope.mul_(scale.to(x.dtype)).addcmul_(x, along.to(x.dtype), value=-1), None, None
