"""The one SQLite file as a file: opened for its owner alone, brought up to date, written all or nothing.

It knows no table; whoever brings migrations owns theirs.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from exporter import disk
from exporter.errors import DoppelgangerError
from exporter.progress import Aloud, Report, Step

BUSY = 30.0
"""Seconds to wait for another process's write: the longest one makes the file compact."""
PATIENCE = 60.0
"""Seconds that others may keep the file from being made compact."""
AGAIN = 0.1
"""Seconds between two tries."""
INSTRUCTIONS = 100_000
"""Of SQLite's own, between two looks at how far it is: some milliseconds."""


class _Shared(Database):
    """A database that other processes write to, too. All transactions of sqlite-utils' own begin with `atomic`."""

    @contextmanager
    def atomic(self) -> Iterator[Database]:
        """All or nothing. The lock is taken first: to read, then write, fails at once where another wrote between.

        Nested blocks are savepoints.
        """
        if self.conn.in_transaction:
            with super().atomic():
                yield self
            return
        self.conn.execute("begin immediate")
        try:
            yield self
        except BaseException:
            self.rollback()
            raise
        self.conn.commit()


@contextmanager
def open_database(path: Path, *migrations: Migrations) -> Iterator[Database]:
    """Open the file and apply the migrations. What is deleted is overwritten, not only let go.

    Raises:
        DoppelgangerError: at any time while open: full disk, locked, damaged or no database.
    """
    try:
        path.touch(mode=0o600)  # SQLite gives -wal and -shm the mode of the file
    except OSError as error:
        raise disk.explain(error, path) or DoppelgangerError(
            f"{path} cannot be opened: {error.strerror}", fix="see that its folder exists and belongs to your user"
        ) from error
    database = _Shared(path)
    try:
        database.enable_wal()
        database.execute("pragma synchronous = normal")
        database.execute(f"pragma busy_timeout = {BUSY * 1000:.0f}")
        database.execute("pragma secure_delete = on")
        _upgrade(database, path, migrations)
        yield database
    except sqlite3.DatabaseError as error:
        refusal = disk.explain(error, path)
        if refusal is None:
            raise
        raise refusal from error
    finally:
        database.close()


def _upgrade(database: Database, path: Path, migrations: Sequence[Migrations]) -> None:
    """Bring all tables up to date, or none of them.

    Raises:
        DoppelgangerError: a newer version of this program has been here, whose tables this one would misread.
    """
    nothing = Database(memory=True)
    for one in migrations:
        known = {migration.name for migration in one.pending(nothing)}
        if not known.issuperset(migration.name for migration in one.applied(database)):
            raise DoppelgangerError(
                f"{path} was written by a newer version of doppelganger",
                fix="update this installation, or take a backup",
            )
    if any(one.pending(database) for one in migrations):
        with transaction(database):  # and whoever else opens it now waits, then finds nothing pending
            for one in migrations:
                one.apply(database)


@contextmanager
def transaction(database: Database) -> Iterator[None]:
    """All or nothing."""
    with database.atomic():
        yield


def compact(database: Database, path: Path, report: Report) -> None:
    """Write the file anew without what was deleted, and erase the log behind it: not a byte of it is left.

    Other processes may be at work; rows without a number of their own may get other rowids.

    Raises:
        DoppelgangerError: another process reads or writes for too long.
        KeyboardInterrupt: Ctrl-C; what is stored is whole.
    """
    log, total, aloud = path.with_name(f"{path.name}-wal"), path.stat().st_size, Aloud(report)

    def look() -> None:
        aloud(Step("compact", min(log.stat().st_size, total), total))

    directory = str(path.parent).replace("'", "''")
    database.execute(f"pragma temp_store_directory = '{directory}'")  # what is private lies nowhere else
    database.execute(f"pragma busy_timeout = {AGAIN * 1000:.0f}")
    database.conn.set_progress_handler(look, INSTRUCTIONS)
    try:
        _patiently(database, "vacuum", aloud)
        _patiently(database, "pragma wal_checkpoint(truncate)", aloud)
    except sqlite3.Error as error:
        if disk.sqlite_code(error) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None  # it came while `look` ran, and SQLite made an error of its own of it
        raise
    finally:
        database.conn.set_progress_handler(None, 0)
        database.execute(f"pragma busy_timeout = {BUSY * 1000:.0f}")
    report(Step("compact", total, total))


def _patiently(database: Database, statement: str, aloud: Aloud) -> None:
    """Execute it, and commit, once no other process is in the way."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            answer = database.conn.execute(statement).fetchone()
            database.conn.commit()
            if not (answer and answer[0]):  # a checkpoint says whether it was in somebody's way
                return
        except sqlite3.OperationalError as error:
            if disk.sqlite_code(error) != sqlite3.SQLITE_BUSY:
                raise
        aloud.note("waiting for another process")
        time.sleep(AGAIN)
    raise DoppelgangerError(
        "another process keeps the database for itself", fix="stop the bot and other commands, then run this again"
    )
