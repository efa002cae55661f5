"""`run`: train a double, on the history or on a bundle of it."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from exporter.cli import config_option
from exporter.errors import ConfigError
from exporter.progress import progress
from exporter.settings import config as configuration
from exporter.storing.store import open_store
from trainer import ranks
from trainer.commands.extra import loaded, training_pipeline
from trainer.data.bundle import read_bundle
from trainer.models import registry
from trainer.models.artifact import Artifact
from trainer.models.registry import Verdict

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(path_type=Path)


@click.command("run")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--bundle", type=EXISTING, metavar="FILE", help="Train on this instead of the history; needs no config.")
@click.option("--output", type=NEW, metavar="FOLDER", help="With --bundle: where the model goes. Without: `double`.")
@click.option("--base", metavar="NAME", help="With --bundle: the base as it is called on this machine.")
def run_command(config_path: Path, as_json: bool, bundle: Path | None, output: Path | None, base: str | None) -> None:
    """Train a double, and put it to use.

    It is published once it is proven that llama.cpp speaks as training had it. It is put to use if it needs no more
    bits per byte for your held-out words than the one in use does, or, where none is, than its base; otherwise it
    stays among the models. A run may be stopped at any time: the next one goes on from the last checkpoint.

    \b
    On another machine, what `bundle` wrote becomes a folder for `models add`:
      python -m trainer run --bundle me.bundle --output double
    Several GPUs fine-tune all weights of a large base together:
      torchrun --nproc-per-node 8 -m trainer run
    """
    if not ranks.first():
        _assist()
        return
    if bundle:
        tell(_run_bundle(bundle, output or Path("double"), base), None, as_json)
        return
    if output or base:
        raise click.UsageError("--output and --base go with --bundle")
    config = configuration.load(config_path)
    config.make_state()
    pipeline = training_pipeline()
    with open_store(config.database) as store, progress(Console(stderr=True)) as steps:
        artifact = pipeline.run(config, store, report=steps)
    tell(artifact, registry.verdict(artifact), as_json)


def _assist() -> None:
    """Be one of many processes, and leave it to the first one to speak."""
    teaching = loaded("trainer.teach")
    try:
        teaching.follow()
    except KeyboardInterrupt:
        sys.exit(130)


def _run_bundle(path: Path, output: Path, base: str | None) -> Artifact:
    """Raises ConfigError where there is something at `output`."""
    if output.exists():
        raise ConfigError(f"{output} exists already", fix="name another folder with --output: nothing is overwritten")
    bundle = read_bundle(path)
    pipeline = training_pipeline()
    with progress(Console(stderr=True)) as steps:
        artifact: Artifact = pipeline.run_bundle(bundle.on(base) if base else bundle, output, report=steps)
    return artifact


def tell(artifact: Artifact, verdict: Verdict | None, as_json: bool) -> None:
    """Report what came out of a training."""
    if as_json:
        click.echo(json.dumps(report(artifact, verdict)))
        return
    _print_report(Console(), artifact)
    if kept := artifact.adapter_bytes:
        click.echo(f"kept {kept / 1e6:.0f} MB beside it, from which `python -m trainer continue` goes on")
    if verdict:
        print_verdict(Console(), artifact, verdict)
    else:
        click.echo(f"Copy {artifact.folder} back, and run there: python -m trainer models add {artifact.name}")


def report(artifact: Artifact, verdict: Verdict | None) -> dict[str, Any]:
    """What training did, in plain values; a model that is to be carried elsewhere has no verdict yet."""
    card = artifact.card
    judged = {"promoted": verdict.passed, "why": verdict.why} if verdict else {}
    return {
        "model": artifact.name,
        **judged,
        "sessions": card.sessions,
        "tokens": card.tokens,
        "learned_tokens": card.learned_tokens,
        "redacted": card.redacted,
        "left_out": card.left_out,
        "ended": card.ended,
        "tokens_per_second": round(card.tokens_per_second, 1),
        "peak_rss_mb": round(card.peak_rss_mb),
        "bits_per_byte": {name: round(value, 4) for name, value in card.bits_per_byte},
        "gguf": {
            "type": card.quantization,
            "bytes": artifact.gguf.stat().st_size,
            "path": str(artifact.gguf),
        },
        "adapter_bytes": artifact.adapter_bytes,
        "seconds": {stage: round(seconds, 1) for stage, seconds in card.seconds.items()},
    }


def _print_report(console: Console, artifact: Artifact) -> None:
    card = artifact.card
    base, tuned = card.bits_per_byte.base, card.bits_per_byte.tuned
    console.print(f"learned {card.learned_tokens:,} of {card.tokens:,} tokens in {card.sessions:,} sessions")
    console.print(f"training ended {card.ended}")
    console.print(f"bits per byte on what was held out: {base:.3f} before, {tuned:.3f} after ({tuned / base - 1:+.1%})")
    console.print(f"published {artifact.gguf}", soft_wrap=True)


def print_verdict(console: Console, artifact: Artifact, verdict: Verdict) -> None:
    """Whether it is in use from now on, and why."""
    if verdict.passed:
        console.print(f"in use from now on: {verdict.why}", soft_wrap=True)
    else:
        console.print(f"not put to use: {verdict.why}", soft_wrap=True)
        console.print(f"to use it all the same: python -m trainer models promote {artifact.name}", soft_wrap=True)
