"""`passphrase`: put the session under one, or take it off."""

from functools import partial
from pathlib import Path

import click

from exporter.account.connection import lock_account
from exporter.account.refusals import LOG_IN
from exporter.account.sealed import NoPassphrase, is_sealed, seal, unseal
from exporter.cli import config_option
from exporter.commands.terminal import ask, unlocked
from exporter.errors import ConfigError, LoginError
from exporter.settings import config as configuration

LEAST = 8
"""Characters. Guessing costs a second each, so the longer the better: several words."""


@click.command("passphrase")
@config_option
@click.option("--remove", is_flag=True, help="Put the session in the clear again.")
def passphrase_command(config_path: Path, remove: bool) -> None:
    """Put the session under a passphrase, or under another one.

    Whoever gets hold of the session's file has your account; sealed, the file alone is of no use. Every command that
    connects asks for the passphrase then, or takes it from DOPPELGANGER_PASSPHRASE, from the file that
    DOPPELGANGER_PASSPHRASE_FILE names, from the credential `passphrase` of systemd, or from [telegram] passphrase. You
    stay logged in. A passphrase that is lost cannot be found: you would log in anew.

    It keeps the session alone: encrypt the disk to keep history and models, too.
    """
    config = unlocked(configuration.load(config_path))
    config.make_state()
    if not config.session.exists():
        raise LoginError("this account is not logged in", fix=LOG_IN)
    given = config.telegram.passphrase
    before = given.get_secret_value() if given and is_sealed(config.session) else None
    with lock_account(config):
        if before is None and is_sealed(config.session):
            raise NoPassphrase(config.session)
        if remove:
            if before is not None:
                unseal(config.session, before)
            click.echo("The session is in the clear.")
            return
        seal(config.session, given.get_secret_value() if given and before is None else _new(), before=before)
    click.echo("The session is under the passphrase from now on.")


def _new() -> str:
    hidden = partial(ask, hidden=True)
    passphrase = hidden("New passphrase: ")
    if len(passphrase) < LEAST:
        raise ConfigError(f"a passphrase has at least {LEAST} characters", fix="take several words")
    if hidden("Once more: ") != passphrase:
        raise ConfigError("the two are not the same", fix="run this again; nothing was changed")
    return passphrase
