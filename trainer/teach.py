"""Teaching one model: it is made ready, trained on its rows, kept, and measured on what was held out.

It knows in which order that goes, and nothing of where rows come from or what is published.
"""

import resource
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch

from exporter.config import Train
from exporter.progress import Report
from trainer import gguf, methods, refresh, train
from trainer.base import Base, precision
from trainer.batches import plan, tokens_of
from trainer.dataset import Dataset
from trainer.examine import choose, examine
from trainer.export import LEARNED
from trainer.loss import bits_per_byte, sample
from trainer.passes import Room
from trainer.proof import PROVED
from trainer.run import whole

MEASURED = 6_000
"""Held-out tokens on which base and double are compared: seconds on two cores."""
CHECKPOINTS = "checkpoints"
"""The folder, inside a run, of what training goes on from."""


def teach(
    base: Base,
    data: Dataset,
    settings: Train,
    frame: frozenset[int],
    folder: Path,
    *,
    begun: refresh.Start | None,
    report: Report,
    free_space: gguf.FreeSpace,
) -> dict[str, Any]:
    """Train by the method of `settings`, write `LEARNED` into `folder`, and tell what was gained and how it ended.

    Training begins at the base, or where `begun` had come to.
    `frame` holds control tokens inside a reply, which bits per byte leave out.
    """
    model = methods.learner(base, settings.method, rank=settings.rank, seed=settings.seed)
    rate = settings.learning_rate or methods.default_rate(model, settings.method)
    if begun:
        refresh.begin_from(model, begun)
        rate *= refresh.GENTLER
    gguf.require_space(folder, train.checkpoints_size(model), free_space)
    batches = plan(data.learned, batch_tokens=settings.batch_tokens, epochs=settings.epochs, seed=settings.seed)
    measured = sample(data.held_out, tokens=MEASURED)
    chosen = choose(data, measured=measured, frame=frame, trained=tokens_of(batches))
    pace, ending = train.fit(
        model,
        batches,
        folder / CHECKPOINTS,
        learning_rate=rate,
        max_seconds=settings.max_minutes * 60 if settings.max_minutes else None,
        report=report,
        room=Room(checkpointing=settings.checkpointing),
        autocast=settings.method == "full" and precision() is torch.bfloat16,
        examine=partial(examine, model, chosen, batch_tokens=settings.batch_tokens) if settings.early_stop else None,
        patience=settings.early_stop,
    )
    with whole(folder / LEARNED) as output:
        methods.keep(model, output)
    double = methods.as_published(model, base, folder / LEARNED)
    bits = partial(bits_per_byte, frame=frame, batch_tokens=settings.batch_tokens)
    found = {"tuned": bits(double, measured), "proved": bits(double, sample(data.held_out, tokens=PROVED))}
    with methods.untuned(double, base) as before:
        found["base"] = bits(before, measured)
    return {**found, "ended": ending.told, "tokens_per_second": pace.tokens_per_second, "peak_rss_mb": _peak_rss_mb()}


def _peak_rss_mb() -> float:
    """The most memory that this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
