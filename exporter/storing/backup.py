"""A copy of the one SQLite file as it is at one moment, whoever writes to it meanwhile. It knows no table."""

import sqlite3
from contextlib import closing
from pathlib import Path

from exporter import disk
from exporter.errors import DoppelgangerError
from exporter.progress import Report, Step, silent

INSTRUCTIONS = 100_000
"""Of SQLite's own, between two looks at how far it is: some milliseconds."""


def back_up(database: Path, copy: Path, *, report: Report = silent) -> int:
    """Copy the database, for its owner's eyes only; the copy appears whole or not at all. Its size in bytes.

    It is one read of one moment, in which writers are not held up, and leaves out what was deleted.

    Raises:
        DoppelgangerError: there is no database yet, `copy` exists, or cannot be written.
    """
    if not database.exists():
        raise DoppelgangerError("nothing is stored yet", fix="run `python -m exporter sync` or `… import FILE` first")
    if copy.exists():
        raise DoppelgangerError(f"{copy} exists already", fix="name a file that does not: nothing is overwritten")
    if not copy.parent.is_dir():
        raise DoppelgangerError(f"there is no folder {copy.parent}", fix="make it first, or name another one")
    growing = copy.with_name(f".{copy.name}.part")
    total = database.stat().st_size

    def look() -> None:
        report(Step("backup", min(growing.stat().st_size, total), total))

    try:
        growing.unlink(missing_ok=True)
        growing.touch(mode=0o600)
        with closing(sqlite3.connect(database)) as source:
            source.set_progress_handler(look, INSTRUCTIONS)
            source.execute("vacuum into ?", [str(growing)])
        size = growing.rename(copy).stat().st_size
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, sqlite3.Error) and disk.sqlite_code(error) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None  # it came while `look` ran, and SQLite made an error of its own of it
        raise disk.explain(error, copy) or error from error
    finally:
        growing.unlink(missing_ok=True)
    report(Step("backup", total, total))
    return size
