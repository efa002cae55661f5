"""The whole examination, in the order of its report; what cannot be looked at keeps nothing else from being."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlite_utils import Database

from bot.desks.control.link import linked_bot
from bot.doctor import choices, machine, telegram
from bot.doctor.findings import Finding, Verdict, ok, problem, unseen
from bot.doctor.model import examine_model
from exporter import disk
from exporter.errors import DoppelgangerError
from exporter.messages import Peer
from exporter.progress import Report, Step, counting
from exporter.settings.config import Config
from exporter.storing.store import Store
from trainer.models.registry import current

STAGE = "doctor"
_HASHED, _READ, _ASKED = 60, 80, 100
"""Per cent of the examination at the end of each of its longer parts."""


async def examine(config: Config, file: Path, *, clock: Callable[[], datetime], report: Report) -> list[Finding]:
    """Look at everything, and change nothing; beside a running bot, at everything but the account, which it has."""
    report(Step(STAGE, 0, _ASKED, "files"))
    held = machine.lock(config)
    artifact, forgotten, owner, control = None, frozenset[int](), None, None
    findings = [choices.configuration(config, file, clock()), machine.permissions(config), machine.session(config)]
    read: list[Finding] = []
    try:
        with _looking_into(config) as store:
            if store:
                forgotten, owner = frozenset(store.forgotten.ids()), store.owner()
                control = linked_bot(store.database, owner.peer_id) if owner else None
            read = list(_stored(config, store, clock))
    except DoppelgangerError as error:
        read = [problem("history", error)]
    try:
        with _explained():
            artifact = current(config.models)
            count = counting(report, STAGE, "bytes of the model", end=_HASHED)
            zone = ZoneInfo(config.timezone)
            findings += examine_model(artifact, forgotten, zone, count, loaded=isinstance(held, str))
    except DoppelgangerError as error:
        findings.append(problem("model", error))
    findings += [machine.disk(config, artifact), *read]
    report(Step(STAGE, _READ, _ASKED, "asking Telegram"))
    findings += await _asked(config, owner, held, control, clock)
    report(Step(STAGE, _ASKED, _ASKED))
    return findings


def _stored(config: Config, store: Store | None, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """What the database and the configuration say together."""
    if store is None:
        yield choices.NOTHING
        return
    yield choices.history(store, clock())
    if store.owner():
        yield from _named(config, store, clock)
    yield from choices.stops(config, store, clock)


def _named(config: Config, store: Store, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Whom the configuration names, as far as anybody is known."""
    unclear = False
    for finding in choices.names(config, store, clock):
        unclear |= finding.verdict is not Verdict.OK
        yield finding
    if unclear:
        yield unseen("contacts", "the names above come first")
    else:
        yield from choices.contacts(config, store, clock)


async def _asked(
    config: Config, owner: Peer | None, held: Finding | str, control: int | None, clock: Callable[[], datetime]
) -> list[Finding]:
    """Telegram's side; a session must not be opened twice, so whoever has it keeps it. `control` is the linked bot."""
    found = await telegram.examine_control(config, control)
    if isinstance(held, str):
        in_use = ok("lock", f"the account is in use by {held}")
        return [in_use, unseen("account", "whoever uses it alone may open its session"), found]
    return [held, *await telegram.examine_account(config, owner, clock), found]


@contextmanager
def _explained() -> Iterator[None]:
    """Let what the disk refuses come out as what is wrong with it, and how to mend that."""
    try:
        yield
    except OSError as error:
        raise disk.explain(error) or error from error


@contextmanager
def _looking_into(config: Config) -> Iterator[Store | None]:
    """The database as it stands, not brought up to date, and not even opened for writing; None where there is none.

    Raises:
        DoppelgangerError: it cannot be read, or is of another version.
    """
    path = config.database
    if not path.exists():
        yield None
        return
    in_use = path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro" if in_use else "mode=ro&immutable=1"  # which leaves no files beside it
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True)) as connection:
            yield Store(Database(connection))
    except sqlite3.Error as error:
        raise disk.explain(error, path) or DoppelgangerError(
            f"{path} was written by another version of doppelganger",
            fix="`python -m bot status` brings an older one up to date; for a newer one, update this installation",
        ) from error
