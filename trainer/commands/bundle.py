"""`bundle`: pack the training set, to train on another machine."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from exporter.cli import config_option, counted
from exporter.errors import ConfigError
from exporter.progress import PERCENT, Step, counting, progress
from exporter.rights.consent import Ledger
from exporter.rights.kept import voices
from exporter.settings import config as configuration
from exporter.storing.store import open_store
from trainer.data.bundle import learned_chats, write_bundle
from trainer.data.split import split


@click.command("bundle")
@click.argument("output", type=click.Path(path_type=Path))
@config_option
@click.option("--base", metavar="NAME", help="The base to train on there, instead of `base` under [train].")
def bundle_command(output: Path, config_path: Path, base: str | None) -> None:
    """Write what would be learned into one file.

    That is OUTPUT, to train on a machine with a GPU. It holds dialogues, how they are split, and the settings under
    [train]. That machine needs neither this history nor a configuration, only the same release of this program:

    \b
      python -m trainer bundle me.bundle --base Qwen/Qwen3-8B      here
      python -m trainer run --bundle me.bundle --output double      there
      python -m trainer models add double                           here
    """
    config = configuration.load(config_path)
    config.make_state()
    if output.resolve().is_relative_to(config.state.resolve()):
        raise ConfigError(
            f"{output} lies in the state folder, where `forget` could not erase anybody from it",
            fix="name a file elsewhere",
        )
    settings = config.train.model_copy(update={"base": base}) if base else config.train
    with open_store(config.database) as store, progress(Console(stderr=True)) as steps:
        history = split(
            store, Ledger(store.database, config.consent), config, count=counting(steps, "data", "messages")
        )
        steps(Step("data", PERCENT, PERCENT))
        people = voices(store.database, learned_chats(history))
    header = write_bundle(history, settings, output, datetime.now(UTC), people=people)
    sessions, chats = counted(header.sessions, "session"), counted(len(header.chats), "chat")
    click.echo(f"{output}: {output.stat().st_size / 1e6:,.1f} MB, {sessions} of {chats}, to train on {settings.base}")
    click.echo("It holds what you and others wrote, in the clear. Delete it, on both machines, once the model is back.")
