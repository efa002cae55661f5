"""The command that prints which base suits which machine."""

import click

from trainer.commands.extra import loaded


@click.command("hardware")
def hardware_command() -> None:
    """Print which base suits which machine, by arithmetic.

    As the README has it; nothing is measured.
    """
    click.echo(loaded("benchmarks.bases").table())
