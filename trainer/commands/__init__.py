"""The trainer's commands, as `python -m trainer` runs them: one module a topic, joined here."""

import sys

import click

from exporter.cli import EXIT_CODES, DefaultGroup
from exporter.errors import ConfigError
from exporter.log import log_to_stderr
from trainer import ranks
from trainer.commands.bundle import bundle_command
from trainer.commands.models import models_command
from trainer.commands.preview import preview_command
from trainer.commands.quantize import quantize_command
from trainer.commands.refresh import continue_command
from trainer.commands.run import run_command


@click.group(cls=DefaultGroup, epilog=EXIT_CODES)
@click.pass_context
def main(context: click.Context) -> None:
    """Teach a language model to write like you, from the history that is stored.

    Without a command it trains.
    """
    log_to_stderr()
    if ranks.count() > 1 and context.invoked_subcommand != run_command.name:
        _refuse_many(str(context.invoked_subcommand))


def _refuse_many(command: str) -> None:
    """Of all processes but the one that speaks, nothing is heard. Raises ConfigError."""
    if not ranks.first():
        sys.exit(ConfigError.exit_code)
    raise ConfigError(
        f"torchrun started {ranks.count()} processes, and `{command}` is done by one",
        fix=f"without torchrun: python -m trainer {command}",
    )


for command in (run_command, continue_command, preview_command, models_command, quantize_command, bundle_command):
    main.add_command(command)
