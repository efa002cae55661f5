"""The one SQLite file as a file: opened for its owner alone, brought up to date, written all or nothing.

It knows no table; whoever brings migrations owns theirs.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from exporter import disk
from exporter.errors import DoppelgangerError


@contextmanager
def open_database(path: Path, *migrations: Migrations) -> Iterator[Database]:
    """Open the file and apply the migrations. What is deleted is overwritten, not only let go.

    Raises:
        DoppelgangerError: at any time while open: full disk, locked, damaged or no database.
    """
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)  # SQLite gives -wal and -shm the mode of the file
    except OSError as error:
        raise DoppelgangerError(
            f"{path} cannot be opened: {error.strerror}", fix="see that its folder exists and belongs to your user"
        ) from error
    database = Database(path)
    try:
        database.enable_wal()
        database.execute("pragma synchronous = normal")
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
    """All or nothing. The lock is taken first: to read, then write, would fail beside another process."""
    database.execute("begin immediate")
    try:
        yield
    except BaseException:
        database.rollback()
        raise
    database.commit()
