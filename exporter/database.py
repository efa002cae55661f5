"""The one SQLite file as a file: opened for its owner alone, brought up to date, written all or nothing.

It knows no table; whoever brings migrations owns theirs.
"""

import sqlite3
from collections.abc import Iterator
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
        for migration in migrations:
            migration.apply(database)
        yield database
    except sqlite3.DatabaseError as error:
        refusal = disk.explain(error, path)
        if refusal is None:
            raise
        raise refusal from error
    finally:
        database.close()


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
