"""The trainer's commands, as `python -m trainer` runs them: one module a topic, joined here."""

import click

from exporter.cli import EXIT_CODES, DefaultGroup
from exporter.log import log_to_stderr
from trainer.commands.bundle import bundle_command
from trainer.commands.models import models_command
from trainer.commands.preview import preview_command
from trainer.commands.quantize import quantize_command
from trainer.commands.refresh import continue_command
from trainer.commands.run import run_command


@click.group(cls=DefaultGroup, epilog=EXIT_CODES)
def main() -> None:
    """Teach a language model to write like you, from the history that is stored.

    Without a command it trains.
    """
    log_to_stderr()


for command in (run_command, continue_command, preview_command, models_command, quantize_command, bundle_command):
    main.add_command(command)
