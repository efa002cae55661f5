"""The machine under a double: who could read its files, room on the disk, and who has the account."""

import os
import shutil

from bot.doctor.findings import Finding, ok, problem, size, wrong
from exporter.account.connection import AccountInUse, lock_account
from exporter.account.sealed import is_sealed
from exporter.disk import explain
from exporter.errors import ConfigError
from exporter.settings import private
from exporter.settings.config import Config
from trainer.models.artifact import Artifact

SPARE = 500e6
"""Bytes that a disk should have left besides what is known to be written: a day's messages, logs, others' needs."""


def permissions(config: Config) -> Finding:
    """Whether others on this machine could read what is the owner's alone."""
    if not config.state.exists():
        return ok("permissions", f"{config.state} is not there yet, and will be made for you alone")
    if not config.state.is_dir():
        return wrong("permissions", f"{config.state} is a file, not a folder", "move it away, or name another `state`")
    if not os.access(config.state, os.R_OK | os.W_OK | os.X_OK):
        return wrong("permissions", f"{config.state} is not yours to write", "give it to your user, or name another")
    try:
        private.refuse(private.exposed(config.secret))
    except ConfigError as error:
        return problem("permissions", error)
    return ok("permissions", f"{config.state} is for you alone")


def session(config: Config) -> Finding:
    """Whether the session's file is under the passphrase that there is for it."""
    if is_sealed(config.session):
        return ok("session", "under a passphrase")
    if config.telegram.passphrase and config.session.exists():
        says = "there is a passphrase for the session, but it is in the clear"
        return wrong("session", says, "run `python -m exporter passphrase`")
    return ok("session", "in the clear; `python -m exporter passphrase` puts it under one")


def disk(config: Config, artifact: Artifact | None) -> Finding:
    """Whether there is room for the history to be made compact, and for one more model."""
    there = next(path for path in (config.state, *config.state.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    stored = config.database.stat().st_size if config.database.exists() else 0
    model = artifact.gguf.stat().st_size if artifact else 0
    says = f"{size(free)} free; the history takes {size(stored)}, the model in use {size(model)}"
    if free < SPARE + stored + model:
        fix = f"free some: forgetting and training write both once more ({size(SPARE + stored + model)} with a reserve)"
        return wrong("disk", says, fix)
    return ok("disk", says)


def lock(config: Config) -> Finding | str:
    """That nobody has the account, or that nobody can; else by whom it is in use."""
    if not config.state.exists():
        return ok("lock", "nobody has the account")
    try:
        with lock_account(config):
            return ok("lock", "nobody has the account: the bot is not running")
    except AccountInUse as error:
        return error.by
    except OSError as error:
        if refusal := explain(error):
            return problem("lock", refusal)
        raise
