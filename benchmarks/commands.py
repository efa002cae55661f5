"""The group of all benchmarks. Each is one command, and says beside its figures what they were to be."""

import click

from benchmarks.exporter import exporter_command
from benchmarks.gpu import gpu_command
from benchmarks.hardware import hardware_command
from benchmarks.imports import import_command
from benchmarks.reply import reply_command
from benchmarks.retrain import retrain_command
from benchmarks.trainer import trainer_command
from exporter.cli import EXIT_CODES


@click.group(epilog=EXIT_CODES)
def main() -> None:
    """Measure how fast the parts of doppelganger are, on made-up chats and a Telegram of our own.

    Run it from the repository. Figures depend on the machine, so what counts are the ratios within one run, and a run
    on a machine that has nothing else to do.
    """


main.add_command(exporter_command)
main.add_command(gpu_command)
main.add_command(hardware_command)
main.add_command(import_command)
main.add_command(reply_command)
main.add_command(retrain_command)
main.add_command(trainer_command)
