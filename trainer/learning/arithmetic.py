"""What a training takes of memory, by arithmetic: for a base that is not on this disk, or a machine that is not here.

Where both are, trainer.learning.forecast measures instead. It knows shapes, and nothing of models, rows or devices.
"""

from dataclasses import dataclass
from typing import Literal

from trainer.shape import Shape

Method = Literal["lora", "qlora", "full"]

LEARNED = 16
"""Bytes of each weight that learns: float32, with its slope and AdamW's two."""
PACKED = (4 + 8 / 64 + 32 / 64 / 256) / 8
"""Bytes of a weight in nf4: 64 share a scale of 8 bits, and 256 scales one of 32."""
LOGITS = 128
"""Tokens whose logits exist at the same time, and the bytes that one of these numbers takes on its way."""
LOGIT = 10
HEAP = 1.4
"""Times what is made in a step that a process holds for it: on a CPU, what is freed is not at once there for others.

Measured on SmolLM2-135M: a step on a row of 512 tokens took 936 MB in all, on one of 256 it took 666.
"""
SEEN = 96
"""Tokens by which attention looks further than it has to, at the most: it is computed in blocks."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What is read at once, and how."""

    tokens: int
    row: int
    """Tokens of one row: they see each other."""
    cpu: bool = True
    """There attention keeps its scores, unless by a kernel; a GPU's computes them twice, too."""
    checkpointing: bool = False
    """So is everything inside a layer."""


def kept_bytes(shape: Shape, method: Method, *, rank: int, frozen: int = 2) -> int:
    """Of weights, and of what learning keeps between two steps; a frozen weight has `frozen` bytes, or is packed."""
    if method == "full":
        return LEARNED * shape.weights
    layered = PACKED if method == "qlora" else frozen
    return round(layered * shape.layered) + frozen * (shape.weights - shape.layered) + LEARNED * shape.adapter(rank)


def packed_bytes(shape: Shape) -> int:
    """What trainer.learning.eight keeps besides, where it makes steps in 8 bits: a byte of each weight in a layer."""
    return shape.layered


def step_bytes(shape: Shape, method: Method, read: Pass, *, frozen: int = 2) -> int:
    """Besides, while a step is made: what the way back needs of each token and layer, and the logits of some tokens.

    An adapter's layers keep what comes in and what is between their norms; norms that learn keep more, in float32.
    Where all weights learn, they have a copy in 16 bits, too, with which is multiplied.
    """
    full = method == "full"
    each = 2 if full else frozen
    stream = 30 if full else 4 * frozen
    token = stream * shape.width + each * (2 * shape.head * (shape.heads + shape.groups) + 4 * shape.inner)
    if read.cpu:
        token += each * shape.heads * (read.row + SEEN) // 2
    layers = token + shape.layers * each * shape.width if read.checkpointing else shape.layers * token
    logits = LOGIT * LOGITS * shape.vocabulary
    made = read.tokens * layers + logits
    return round(made * (HEAP if read.cpu else 1)) + (2 * shape.weights if full else 0)
