"""Seven billion random weights and made-up sessions: what training takes, from the product's own plan.

It knows the article's figures, and no Telegram.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, MistralConfig

from exporter.progress import Report, Step
from exporter.settings.config import Train
from trainer.convert.gguf import require_space
from trainer.data.dataset import Row
from trainer.learning.base import Base, device, quiet
from trainer.learning.forecast import Forecast, forecast, require_memory
from trainer.learning.meter import Meter
from trainer.learning.methods import Method, learner
from trainer.learning.passes import NoMemory

MISTRAL = MistralConfig(sliding_window=None)
"""transformers' defaults are those of Mistral 7B; no row is as long as its window."""
TINY = MistralConfig(
    vocab_size=512,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    sliding_window=None,
)
BYTES = 15e9
"""On disk, of 7.2 billion weights of 16 bits."""
RANK = 32
"""About one weight in a hundred learns, as in the article."""
LENGTH = 1024
MESSAGES = 8.51
"""Of a session, on average; the article's figure."""
HEADER, WORDS = 12, 18
"""Tokens before the first message, and of a message with its frame, on average: assumed, as the article is silent."""
METHODS: tuple[Method, ...] = ("lora", "qlora")


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to train."""

    way: str
    forecast: Forecast | None
    """None: it does not fit."""


def gpu() -> bool:
    """Whether there is one."""
    return torch.cuda.is_available()


def about() -> str:
    """What it runs on."""
    where = torch.cuda.get_device_name() if gpu() else "CPU"
    return f"{where}, torch {torch.__version__}, transformers {transformers.__version__}"


def trials(folder: Path, *, sessions: int, batch_tokens: int, memory: float, tiny: bool, report: Report) -> list[Trial]:
    """Both methods, each with all memory there is and within `memory` GB. `folder` takes the weights meanwhile.

    Raises:
        DiskFull: it cannot.
    """
    rows = made_up(sessions, vocabulary=(TINY if tiny else MISTRAL).vocab_size)
    with quiet():
        report(Step("random weights", 0, 1))
        base = _base(folder, tiny=tiny)
        report(Step("random weights", 1, 1))
        found: list[Trial] = []
        for method in METHODS:
            report(Step("measure", len(found), 2 * len(METHODS), method))
            settings = Train(method=method, rank=RANK, length=LENGTH, batch_tokens=batch_tokens, epochs=3)
            found += _tried(base, rows, settings, memory)
        report(Step("measure", len(found), len(found)))
    return found


def made_up(sessions: int, *, vocabulary: int, seed: int = 1) -> list[Row]:
    """Random tokens in rows of the article's number and length of sessions; of two messages the second is learned."""
    chance = random.Random(seed)  # noqa: S311 - made-up chats hold no secret
    return [_row(chance, vocabulary) for _ in range(sessions)]


def _row(chance: random.Random, vocabulary: int) -> Row:
    learned = [False] * HEADER
    for message in range(1 + round(chance.expovariate(1 / (MESSAGES - 1)))):
        learned += [message % 2 == 1] * (2 + round(chance.expovariate(1 / (WORDS - 2))))
    learned = learned[:LENGTH]
    ids = tuple(chance.choices(range(3, vocabulary), k=len(learned)))
    return Row(ids, tuple(learned), 0, datetime(2026, 1, 1, tzinfo=UTC), 0, 0)


def _base(folder: Path, *, tiny: bool) -> Base:
    if not tiny:
        require_space(folder, int(BYTES))
    random_model: Any = AutoModelForCausalLM
    with torch.device(device()):
        model = random_model.from_config(TINY if tiny else MISTRAL, dtype=torch.bfloat16)
    model.save_pretrained(folder / "base")
    return Base(folder / "base")


def _tried(base: Base, rows: Sequence[Row], settings: Train, memory: float) -> Iterator[Trial]:
    meter = Meter(device())
    everything = meter.limit(None)
    try:
        require_memory(base, settings, everything)
        model = learner(base, settings.method, rank=settings.rank, seed=settings.seed)
    except (NoMemory, torch.OutOfMemoryError):
        yield Trial(settings.method, None)
        return
    for way, limit in ((settings.method, everything), (f"{settings.method} within {memory:g} GB", int(memory * 1e9))):
        try:
            yield Trial(way, forecast(model, rows, settings, meter=meter, limit=limit))
        except NoMemory:
            yield Trial(way, None)
