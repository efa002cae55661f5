"""`models`: which doubles there are, which is in use, which may go."""

from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.cli import DefaultGroup, config_option, counted
from exporter.progress import progress
from exporter.settings import config as configuration
from exporter.settings.config import Config
from exporter.storing.store import open_store
from trainer.commands.run import print_verdict
from trainer.models import registry
from trainer.models.arrival import add
from trainer.models.registry import Listed

HEARD = "A bot that is running speaks with it from the next message on."


@click.group("models", cls=DefaultGroup)
def models_command() -> None:
    """List, promote and remove the doubles that were trained.

    Without a command it lists them. NAME may be any part of a model's name that no other has.
    """


@models_command.command("list")
@config_option
def list_command(config_path: Path) -> None:
    """Show all models, newest first.

    Which is in use, and why another is not.
    """
    config = _config(config_path)
    found = registry.listed(config.models, forgotten=_forgotten(config))
    if not found:
        click.echo("No double is trained yet: run `python -m trainer run`.")
        return
    Console().print(_table(found))
    click.echo(f"They lie in {config.models}")


@models_command.command("promote")
@click.argument("name")
@config_option
def promote_command(config_path: Path, name: str) -> None:
    """Put the model NAME to use, whatever the gate said."""
    config = _config(config_path)
    artifact = registry.promote(config.models, name, forgotten=_forgotten(config))
    click.echo(f"{artifact.name} is in use. {HEARD}")


@models_command.command("rollback")
@config_option
def rollback_command(config_path: Path) -> None:
    """Go back to the model that was in use before."""
    config = _config(config_path)
    artifact = registry.rollback(
        config.models,
        skipped=lambda name, why: click.echo(f"skipped {name}: {why}", err=True),
        forgotten=_forgotten(config),
    )
    click.echo(f"{artifact.name} is in use again. {HEARD}")


@models_command.command("add")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@config_option
def add_command(config_path: Path, folder: Path) -> None:
    """Take in a model that was trained from a bundle, elsewhere.

    FOLDER is what `run --bundle` left. The model is copied with its adapter, checked, and put to use as one that was
    trained here.
    """
    config = configuration.load(config_path)
    config.make_state()
    with open_store(config.database) as store, progress(Console(stderr=True)) as steps:
        artifact = add(config, store, folder, steps)
    click.echo(f"added {artifact.name}{', from which `continue` can go on' if artifact.adapter_bytes else ''}")
    print_verdict(Console(), artifact, registry.verdict(artifact))


@models_command.command("remove")
@click.argument("name")
@config_option
def remove_command(config_path: Path, name: str) -> None:
    """Erase the model NAME; never the one in use."""
    click.echo(f"removed {registry.remove(_config(config_path).models, name)}")


@models_command.command("keep")
@click.argument("count", type=click.IntRange(min=1))
@config_option
def keep_command(config_path: Path, count: int) -> None:
    """Erase all but the newest COUNT models.

    The one in use stays, and the one that a rollback leads to. `keep` under [train] does the same after each training.
    """
    removed = registry.thin(_config(config_path).models, count)
    click.echo(f"removed {counted(len(removed), 'model')}{': ' if removed else ''}{', '.join(removed)}")


def _config(config_path: Path) -> Config:
    config = configuration.load(config_path)
    config.make_state()
    return config


def _forgotten(config: Config) -> frozenset[int]:
    """Ids of who was forgotten since a model was made, perhaps."""
    with open_store(config.database) as store:
        return store.forgotten.ids()


def _table(found: list[Listed]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("base", overflow="fold")
    for name in ("bits per byte", "as", "MB"):
        table.add_column(name, no_wrap=True)
    table.add_column("in use, or why not")
    for one in found:
        why = Text("; ".join(filter(None, ("in use" if one.in_use else "", one.why_not))))
        if one.artifact is None:
            table.add_row(one.name, "", "", "", "", why)
            continue
        card = one.artifact.card
        table.add_row(
            one.name,
            card.base,
            f"{card.bits_per_byte.base:.3f} → {card.bits_per_byte.tuned:.3f}",
            card.quantization,
            f"{one.artifact.gguf.stat().st_size / 1e6:.0f}",
            why,
            style=None if one.usable else "dim",
        )
    return table
