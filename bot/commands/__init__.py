"""The bot's commands, as `python -m bot` runs them: one module a topic, joined here."""

import click

from bot.commands.chat import chat_command
from bot.commands.compare import compare_command
from bot.commands.doctor import doctor_command
from bot.commands.run import run_command
from bot.commands.status import status_command
from bot.commands.stop import resume_command, stop_command
from exporter.cli import EXIT_CODES, DefaultGroup


@click.group(cls=DefaultGroup, epilog=EXIT_CODES)
def main() -> None:
    """Let your double draft your replies, or send them by itself, to the contacts that you name under [reply].

    Without a command it runs.
    """


for command in (
    run_command,
    chat_command,
    status_command,
    doctor_command,
    stop_command,
    resume_command,
    compare_command,
):
    main.add_command(command)
