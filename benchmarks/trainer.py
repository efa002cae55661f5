"""How fast `trainer run` learns: beside the original's way and beside what the machine could do, in one run."""

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.fresh import fresh
from benchmarks.report import BUSY, Mark, marks_table
from exporter.imports import import_file
from exporter.progress import Step, progress
from exporter.rights.consent import Ledger
from exporter.settings.config import Config, Train
from exporter.storing.store import open_store
from sandbox.demo.play import CAST

OURS, ORIGINAL = "trainer run", "the original's way"
FASTER = 3.0
"""Times the learned tokens per second of the original's way."""
SHARE = 0.65
"""Of the rate of bfloat16 matrix products that training must reach."""
LARGEST = 3_000.0
"""MB that training may need."""
EXPORT = ("merge", "quantize", "verify")
QUICKEST = 12.0
"""Seconds that these stages may take for 135 million weights."""
SHAPES = ((576, 576), (576, 1536), (1536, 576))
"""Of SmolLM2-135M's matrices, (in, out)."""
MATRIX = 106_168_320
"""Weights of all its matrices but the output's."""
OUTPUT = 28_311_552


@dataclass(frozen=True, slots=True)
class Learned:
    """One training."""

    way: str
    seconds: float
    """Of training itself."""
    tokens_per_second: float
    learned_per_second: float
    before: float
    after: float
    """Bits per byte of what was held out, of the base and after training."""
    peak: float
    """MB (RSS)."""
    export: float | None = None
    """Seconds from the adapter to a proved GGUF."""


@click.command("trainer")
@click.option(
    "--world",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=CAST,
    help="A Telegram Desktop export; without it, the made-up cast.",
)
@click.option("--owner", default=None, help="Whose it is, where it does not say: user1000.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=4.0, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), help="Of the original's way; without it, a whole epoch.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def trainer_command(world: Path, owner: str | None, minutes: float, steps: int | None, json_file: Path | None) -> None:
    """Train on one history in two ways, each in a fresh process, and measure both on what was held out.

    \b
    What is compared:
      trainer run         the product, limited to --minutes
      the original's way  transformers' Trainer, padding, logits of every position, rank 32, for one epoch
      matrix products     what the machine multiplies in a second in bfloat16, before and after
    """
    load, *_ = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="doppelganger-") as folder, progress(Console(stderr=True)) as report:
        config = _config(Path(folder), minutes)
        config.make_state()
        with open_store(config.database) as store:
            import_file(store, world, me=owner, report=report)
        report(Step("matrix products", 0, 1))
        rates = [fresh(_matrix_rate)]
        report(Step("matrix products", 1, 1, f"{rates[0]:,.0f} GFLOP/s"))
        found = [fresh(_ours, config), fresh(_original, config, steps)]
        rates.append(fresh(_matrix_rate))
    ours, original = found
    marks = judge(ours, original, rate=sum(rates) / len(rates))
    console = Console()
    console.print(_table(found))
    if load > BUSY:
        console.print(f"[yellow]The machine had other work (load {load:.1f}): alone on it, all of this is faster.")
    console.print(marks_table(OURS, marks))
    if json_file:
        document = {"ways": [asdict(one) for one in found], "gflops": rates, "marks": [asdict(one) for one in marks]}
        json_file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def judge(ours: Learned, original: Learned, *, rate: float) -> list[Mark]:
    """What was to be reached; `rate` is of matrix products, in GFLOP/s."""
    ratio = ours.learned_per_second / original.learned_per_second
    share = ours.tokens_per_second * per_token(ours.learned_per_second / ours.tokens_per_second) / rate
    marks = [
        Mark("times the original's learned tokens/s", ratio, FASTER, met=ratio >= FASTER),
        Mark("bits per byte, at most the original's", ours.after, original.after, met=ours.after <= original.after),
        Mark("MB at its peak", ours.peak, LARGEST, met=ours.peak <= LARGEST),
        Mark("of the rate of matrix products", share, SHARE, met=share >= SHARE),
    ]
    if ours.export is not None:
        marks.append(Mark("seconds from adapter to proved GGUF", ours.export, QUICKEST, met=ours.export < QUICKEST))
    return marks


def per_token(learned: float) -> float:
    """GFLOP that one token costs at least, where a share of `learned` is learned.

    Forward and back to the activations; frozen weights need no gradient, and logits only learned tokens.
    """
    return 4 * (MATRIX + learned * OUTPUT) / 1e9


def _config(folder: Path, minutes: float) -> Config:
    return Config.model_validate(
        {
            "state": folder / "state",
            "telegram": {"api_id": 1, "api_hash": "none"},  # nobody logs in
            "consent": {"default": {"private": ["learn"], "group": ["learn"]}},
            "train": Train(max_minutes=minutes),
        }
    )


def _matrix_rate(size: int = 2048, repeat: int = 40) -> float:
    """GFLOP/s of bfloat16 products of `size` tokens with matrices of the model's shapes."""
    import torch

    done, seconds = 0.0, 0.0
    for width, out in SHAPES:
        tokens, weights = torch.randn(size, width).bfloat16(), torch.randn(out, width).bfloat16()
        for warm in (True, False):
            began = time.perf_counter()
            for _ in range(repeat):
                tokens @ weights.T
            if not warm:
                seconds += time.perf_counter() - began
                done += repeat * 2.0 * size * width * out
    return done / seconds / 1e9


def _ours(config: Config) -> Learned:
    from trainer import pipeline

    with open_store(config.database) as store, progress(Console(stderr=True)) as report:
        card = pipeline.run(config, store, report=report).card
    return Learned(
        OURS,
        seconds=card.seconds["train"],
        tokens_per_second=card.tokens_per_second,
        learned_per_second=card.tokens_per_second * card.learned_tokens / card.tokens,
        before=card.bits_per_byte.base,
        after=card.bits_per_byte.tuned,
        peak=card.peak_rss_mb,
        export=sum(card.seconds[stage] for stage in EXPORT),
    )


def _original(config: Config, steps: int | None) -> Learned:
    from benchmarks import original
    from trainer.data import dataset
    from trainer.data.split import split
    from trainer.learning.base import quiet
    from trainer.learning.loss import sample
    from trainer.teach import MEASURED, peak_rss_mb
    from trainer.training import prepare

    dataset.LEAD = sys.maxsize  # as it was written: sessions whole, and read from their beginning
    with open_store(config.database) as store, quiet(), progress(Console(stderr=True)) as report:
        history = split(store, Ledger(store.database, config.consent), config)
        training = prepare(history, config.train, config.state / "base")
        held_out = sample(training.data.held_out, tokens=MEASURED)
        fitted = original.fit(training, held_out, config.train, steps=steps, report=report)
    return Learned(
        ORIGINAL,
        seconds=fitted.seconds,
        tokens_per_second=fitted.tokens / fitted.seconds,
        learned_per_second=fitted.learned_tokens / fitted.seconds,
        before=fitted.before,
        after=fitted.after,
        peak=peak_rss_mb(),
    )


def _table(found: list[Learned]) -> Table:
    table = Table(title="Training on the same history", title_justify="left")
    table.add_column("way")
    for column in ("tokens/s", "learned/s", "seconds", "bits per byte", "MB"):
        table.add_column(column, justify="right")
    for one in found:
        table.add_row(
            one.way,
            f"{one.tokens_per_second:,.0f}",
            f"{one.learned_per_second:,.1f}",
            f"{one.seconds:,.0f}",
            f"{one.before:.3f} → {one.after:.3f}",
            f"{one.peak:,.0f}",
            style="bold" if one.way == OURS else None,
        )
    return table
