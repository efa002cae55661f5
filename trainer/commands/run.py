"""The command that trains a double and publishes it."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from exporter import config as configuration
from exporter.cli import config_option
from exporter.progress import progress
from exporter.store import open_store
from trainer import registry
from trainer.artifact import Artifact
from trainer.commands.extra import training_pipeline


@click.command("run")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def run_command(config_path: Path, as_json: bool) -> None:
    """Train a double, and put it to use.

    It is published once it is proven that llama.cpp speaks as training had it. It is put to use if it needs no more
    bits per byte for your held-out words than the one in use does, or, where none is, than its base; otherwise it
    stays among the models. A run may be stopped at any time: the next one goes on from the last checkpoint.
    """
    config = configuration.load(config_path)
    config.make_state()
    pipeline = training_pipeline()
    with open_store(config.database) as store, progress(Console(stderr=True)) as steps:
        artifact = pipeline.run(config, store, report=steps)
    if as_json:
        click.echo(json.dumps(report(artifact)))
    else:
        _print_report(Console(), artifact)


def report(artifact: Artifact) -> dict[str, Any]:
    """What training did, in plain values."""
    card, verdict = artifact.card, registry.verdict(artifact)
    return {
        "model": artifact.name,
        "promoted": verdict.passed,
        "why": verdict.why,
        "sessions": card.sessions,
        "tokens": card.tokens,
        "learned_tokens": card.learned_tokens,
        "ended": card.ended,
        "tokens_per_second": round(card.tokens_per_second, 1),
        "peak_rss_mb": round(card.peak_rss_mb),
        "bits_per_byte": {name: round(value, 4) for name, value in card.bits_per_byte},
        "gguf": {
            "type": card.quantization,
            "bytes": artifact.gguf.stat().st_size,
            "path": str(artifact.gguf),
        },
        "seconds": {stage: round(seconds, 1) for stage, seconds in card.seconds.items()},
    }


def _print_report(console: Console, artifact: Artifact) -> None:
    card = artifact.card
    base, tuned = card.bits_per_byte.base, card.bits_per_byte.tuned
    console.print(f"learned {card.learned_tokens:,} of {card.tokens:,} tokens in {card.sessions:,} sessions")
    console.print(f"training ended {card.ended}")
    console.print(f"bits per byte on what was held out: {base:.3f} before, {tuned:.3f} after ({tuned / base - 1:+.1%})")
    verdict = registry.verdict(artifact)
    console.print(f"published {artifact.gguf}", soft_wrap=True)
    if verdict.passed:
        console.print(f"in use from now on: {verdict.why}", soft_wrap=True)
    else:
        console.print(f"not put to use: {verdict.why}", soft_wrap=True)
        console.print(f"to use it all the same: python -m trainer models promote {artifact.name}", soft_wrap=True)
