"""In how many bits a weight of the finished model is kept: what each type costs in loss and memory, and which to take.

The one place that says why. It knows llama.cpp's types by what they are made of; what makes them, trainer.convert.gguf
knows.
"""

from pathlib import Path

from exporter.settings.config import Train
from trainer import machine
from trainer.models.footprint import beside_weights
from trainer.shape import Shape, read_shape

LOSS: dict[str, float] = {"F16": 1.0002, "Q8_0": 1.0004, "Q6_K": 1.0035, "Q5_K_M": 1.0091, "Q4_K_M": 1.0282}
"""How many times the perplexity of the unquantized model, from the finest to the coarsest.

Of Llama 3 8B on Wikitext-2, without an importance matrix: llama.cpp, tools/perplexity/README.md. What it costs on one's
own words, `python -m trainer quantize --compare` measures.
"""
NEGLIGIBLE = 1.005
"""Of such a loss nobody takes notice: a hundredth of what an adapter gains on the owner's words."""
BLOCK = 256
"""Weights of a row that K-types pack together; other rows fall back to coarser types, one by one."""
SHARE = 0.5
"""Of a machine's memory, what a model may take there: other programs need the rest, and so do prompts."""

BITS: dict[str, float] = {"F16": 16, "Q8_0": 8.5, "Q6_K": 6.5625, "Q5_K_M": 5.5, "Q4_K_M": 4.5}
"""Of one weight, its share of the scales included; in the last two, of most weights: some are kept as Q6_K."""


def decided(settings: Train, base: Path, memory: int | None) -> Train:
    """The settings with a type, where they leave that open; `memory` as in `choose`, None: of this machine."""
    if settings.quantization != "auto":
        return settings
    chosen = choose(read_shape(base), machine.memory() if memory is None else memory)
    return settings.model_copy(update={"quantization": chosen})


def choose(shape: Shape | None, memory: int) -> str:
    """The type for a model that will speak on a machine with so many bytes of memory.

    The smallest of those whose loss is negligible: Q6_K, which is also read faster than Q8_0 (on one core of a server
    CPU, a model of 250 million weights: 377 tokens/s of prompt instead of 236, and 72 instead of 60 generated). Where
    it takes more than its share of memory, the finest that does not, or else the smallest. Where rows are no multiple
    of `BLOCK`, as SmolLM2-135M's, or of unknown length: Q8_0.
    """
    if shape is None or not packs(shape):
        return "Q8_0"
    usual = min((kind for kind in LOSS if LOSS[kind] <= NEGLIGIBLE), key=BITS.__getitem__)
    smaller = [kind for kind in LOSS if BITS[kind] <= BITS[usual]]
    return next((kind for kind in smaller if file_bytes(shape, kind) <= SHARE * memory), smaller[-1])


def packs(shape: Shape) -> bool:
    """Whether every row is whole blocks of a K-type."""
    return not any(into % BLOCK for _, into in shape.matrices.values())


def file_bytes(shape: Shape, quantization: str) -> int:
    """Of the matrices in a GGUF, where their rows are multiples of `BLOCK`; a vocabulary adds a few MB.

    Q4_K_M and Q5_K_M keep as Q6_K: the matrix through which tokens come out, and of half of the layers the values and
    the way down, which is where it helps most.
    """
    bits = BITS[quantization] * shape.weights
    if quantization in ("Q5_K_M", "Q4_K_M"):
        finer = sum(out * into for out, into in (shape.matrices["values"], shape.matrices["down"]))
        bits += (BITS["Q6_K"] - BITS[quantization]) * (shape.embedding + finer * _finer_layers(shape.layers))
    return round(bits / 8)


def _finer_layers(layers: int) -> int:
    """How many: the first eighth, the last, and every third in between."""
    eighth = layers // 8
    return sum(at < eighth or at >= 7 * layers // 8 or (at - eighth) % 3 == 2 for at in range(layers))


def spoken_bytes(shape: Shape, quantization: str, *, length: int) -> int:
    """Memory that a model takes where it speaks: weights, keys and values in 16 bits, and room to read a prompt.

    Q4_K_M takes more than half of its file besides, for llama.cpp keeps a copy of most of it in another order. The
    pages of the file itself may go then.
    """
    return file_bytes(shape, quantization) + beside_weights(
        layers=shape.layers,
        width=shape.width,
        inner=shape.inner,
        heads=shape.heads,
        groups=shape.groups,
        head=shape.head,
        length=length,
    )
