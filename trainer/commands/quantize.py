"""`quantize`: what each type of weights costs on the owner's words, and a double in another type."""

import json
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from exporter.cli import config_option, counted
from exporter.progress import progress
from exporter.settings import config as configuration
from exporter.storing.store import open_store
from trainer.commands.extra import loaded
from trainer.commands.run import print_verdict
from trainer.models import registry
from trainer.models.artifact import Artifact

if TYPE_CHECKING:
    from trainer.models.requantize import Measured

NOISE = 2.0
"""Standard errors within which a difference may be chance: 19 times in 20 it would be no larger."""
TYPES = ("F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M")


@click.command("quantize")
@click.argument("name", required=False)
@click.option("--compare", is_flag=True, help="Measure every type: bits per byte, size, speed.")
@click.option("--to", "kind", type=click.Choice(TYPES), help="Publish the double once more, as this type.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@config_option
def quantize_command(name: str | None, compare: bool, kind: str | None, as_json: bool, config_path: Path) -> None:
    """Compare the types a double can be kept in, or keep another.

    NAME is any part of a model's name that no other has; without it, the one in use is meant. What was learned is
    merged into the 16-bit weights of its base once more, so nothing is trained, and no type is made from another. Both
    are measured on your held-out replies, in llama.cpp. A double that is published so has to pass the same tests as
    one that was trained.
    """
    if compare == bool(kind):
        raise click.UsageError("say either --compare, or --to TYPE")
    config = configuration.load(config_path)
    config.make_state()
    work: Any = loaded("trainer.models.requantize")
    with open_store(config.database) as store, progress(Console(stderr=True)) as steps:
        if kind:
            artifact = work.requantize(config, store, kind, name, report=steps)
        else:
            artifact, found = work.compare(config, store, name, report=steps)
    if kind:
        _tell(artifact, as_json)
    elif as_json:
        click.echo(json.dumps(_figures(artifact, found)))
    else:
        _print(Console(), artifact, found)


def _tell(artifact: Artifact, as_json: bool) -> None:
    """What was published, and whether it is in use."""
    verdict = registry.verdict(artifact)
    size = artifact.gguf.stat().st_size
    if as_json:
        told = {"model": artifact.name, "type": artifact.card.quantization, "bytes": size}
        click.echo(json.dumps({**told, "promoted": verdict.passed, "why": verdict.why}))
        return
    click.echo(f"published {artifact.gguf} as {artifact.card.quantization}, {size / 1e6:,.0f} MB")
    print_verdict(Console(), artifact, verdict)


def _figures(artifact: Artifact, found: list["Measured"]) -> dict[str, Any]:
    return {
        "model": artifact.name,
        "base": artifact.card.base,
        "published": artifact.card.quantization,
        "exchanges": found[0].exchanges,
        "types": [
            {
                "type": one.quantization,
                "bits_per_byte": round(one.bits_per_byte, 4),
                "more_than_f16": round(one.bits_per_byte - found[0].bits_per_byte, 5),
                "standard_error": round(one.error, 5) if isfinite(one.error) else None,
                "bytes": one.size,
                "prompt_tokens_per_second": round(one.prompt_rate, 1),
                "reply_tokens_per_second": round(one.reply_rate, 1),
            }
            for one in found
        ],
    }


def _print(console: Console, artifact: Artifact, found: list["Measured"]) -> None:
    console.print(side_by_side(artifact, found))
    exchanges = counted(found[0].exchanges, "exchange")
    console.print(
        f"Bits per byte are of your held-out replies in {exchanges}; fewer are better. ± is the standard error"
    )
    console.print("of the difference. Choose by memory among those within noise. Speed is that of this machine now.")
    console.print(f"For another type: python -m trainer quantize {artifact.name} --to TYPE", soft_wrap=True)


def side_by_side(artifact: Artifact, found: list["Measured"]) -> Table:
    """One line a type; how much worse it is, beside the 16 bits that all are made from, which come first."""
    finest, published = found[0], artifact.card.quantization
    table = Table(title=f"{artifact.name}, made from {artifact.card.base}", title_justify="left")
    table.add_column("type")
    for column in ("bits per byte", "than F16", "MB", "prompt tokens/s", "reply tokens/s"):
        table.add_column(column, justify="right")
    table.add_column("")
    for one in found:
        table.add_row(
            one.quantization,
            f"{one.bits_per_byte:.4f}",
            "" if one is finest else f"{_more(one, finest):+.2%} ± {one.error / finest.bits_per_byte:.2%}",
            f"{one.size / 1e6:,.0f}",
            f"{one.prompt_rate:,.0f}",
            f"{one.reply_rate:,.0f}",
            ", ".join(said for said, so in _said(one, finest, published).items() if so),
        )
    return table


def _said(one: "Measured", finest: "Measured", published: str) -> dict[str, bool]:
    """What may be said of a type, and whether it holds."""
    noise = NOISE * one.error / finest.bits_per_byte
    return {
        "as it is": one.quantization == published,
        "within noise": one is not finest and abs(_more(one, finest)) <= noise,
    }


def _more(one: "Measured", finest: "Measured") -> float:
    return one.bits_per_byte / finest.bits_per_byte - 1
