"""The exporter's commands, as `python -m exporter` runs them: one module a topic, joined here."""

import click

from exporter.cli import EXIT_CODES, DefaultGroup
from exporter.commands.account import logout_command, sessions_command
from exporter.commands.backup import backup_command
from exporter.commands.chats import chats_command
from exporter.commands.consent import consent_command
from exporter.commands.contacts import export_command, forget_command
from exporter.commands.follow import follow_command
from exporter.commands.imports import import_command
from exporter.commands.init import init_command
from exporter.commands.login import login_command
from exporter.commands.passphrase import passphrase_command
from exporter.commands.search import search_command
from exporter.commands.stats import stats_command
from exporter.commands.sync import sync_command
from exporter.log import log_to_stderr


@click.group(cls=DefaultGroup, epilog=EXIT_CODES)
def main() -> None:
    """Pull your own Telegram history into one SQLite file, and keep it up to date.

    Without a command it syncs.
    """
    log_to_stderr()


for command in (
    sync_command,
    follow_command,
    init_command,
    login_command,
    logout_command,
    sessions_command,
    passphrase_command,
    chats_command,
    consent_command,
    import_command,
    backup_command,
    search_command,
    stats_command,
    export_command,
    forget_command,
):
    main.add_command(command)
