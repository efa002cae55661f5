"""Which base for which machine: the table of the README, by the arithmetic that plans a training."""

from collections.abc import Iterator
from dataclasses import dataclass

from trainer.convert.quantization import choose, file_bytes, packs, spoken_bytes
from trainer.learning.arithmetic import Method, Pass, kept_bytes, step_bytes
from trainer.shape import Shape

GB = 10**9
LENGTH = 1024
"""Tokens of the longest row, learning or speaking: the default of [train] length."""
RANK = 16

SHAPES = {
    "SmolLM2-135M": Shape(30, 576, 1536, 9, 3, 64, 49_152, tied=True),
    "Qwen3-0.6B": Shape(28, 1024, 3072, 16, 8, 128, 151_936, tied=True),
    "Qwen3-1.7B": Shape(28, 2048, 6144, 16, 8, 128, 151_936, tied=True),
    "Mistral-7B-v0.3": Shape(32, 4096, 14_336, 32, 8, 128, 32_768, tied=False),
    "Llama-3.1-8B": Shape(32, 4096, 14_336, 32, 8, 128, 128_256, tied=False),
    "Qwen3-8B": Shape(36, 4096, 12_288, 32, 8, 128, 151_936, tied=False),
    "Qwen3-14B": Shape(40, 5120, 17_408, 40, 8, 128, 151_936, tied=False),
}
"""As their configurations on the hub have it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a base is trained, and where its double speaks."""

    name: str
    speaks: int
    """Bytes of memory of the machine on which the double speaks."""
    gpus: int = 0

    def training(self, shape: Shape, method: Method, *, checkpointing: bool) -> int:
        """Bytes of each GPU, or of memory; frozen weights are in float32 where a CPU cannot multiply in 16 bits."""
        frozen = 2 if self.gpus else 4
        read = Pass(LENGTH, LENGTH, cpu=not self.gpus, checkpointing=checkpointing)
        kept = kept_bytes(shape, method, rank=RANK, frozen=frozen)
        step = step_bytes(shape, method, read, frozen=frozen)
        shared = 2 * shape.weights if method == "full" else 0
        return (kept + shared) // max(self.gpus, 1) + step - shared


SMALL, LAPTOP = Machine("laptop, 8 GB", 8 * GB), Machine("laptop, 16 GB", 16 * GB)
GPU, EIGHT = Machine("GPU of 24 GB", 16 * GB, gpus=1), Machine("8 such GPUs, each", 16 * GB, gpus=8)
LARGE = Machine("8 GPUs of 80 GB, each", 32 * GB, gpus=8)

ADVICE: tuple[tuple[Machine, str, Method], ...] = (
    (SMALL, "SmolLM2-135M", "lora"),
    (SMALL, "Qwen3-0.6B", "lora"),
    (LAPTOP, "Qwen3-1.7B", "lora"),
    (GPU, "Mistral-7B-v0.3", "lora"),
    (GPU, "Qwen3-8B", "qlora"),
    (GPU, "Qwen3-14B", "qlora"),
    (EIGHT, "Llama-3.1-8B", "full"),
    (LARGE, "Qwen3-14B", "full"),
)

HEADER = (
    "| train on | base | by | GB to train | at the least | file | GB to speak: Q8_0 | Q6_K | Q4_K_M |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def table() -> str:
    """In Markdown."""
    return "\n".join([HEADER, *_lines()])


def _lines() -> Iterator[str]:
    for machine, name, method in ADVICE:
        shape = SHAPES[name]
        train = [machine.training(shape, method, checkpointing=twice) for twice in (False, True)]
        kind = choose(shape, machine.speaks)
        cells = (
            machine.name,
            name,
            f"`{method}`",
            *map(_told, train),
            f"{_told(file_bytes(shape, kind))}, {kind}",
            *(_speaking(shape, one) for one in ("Q8_0", "Q6_K", "Q4_K_M")),
        )
        yield f"| {' | '.join(cells)} |"


def _speaking(shape: Shape, kind: str) -> str:
    return _told(spoken_bytes(shape, kind, length=LENGTH)) if kind == "Q8_0" or packs(shape) else "–"


def _told(size: int) -> str:
    return f"{size / GB:.1f}"
