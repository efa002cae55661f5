"""What a disk or SQLite refuses, and what the user can do about it. It knows no file of ours and no table."""

import errno
import sqlite3
from pathlib import Path

from exporter.errors import DoppelgangerError

_FULL = ("the disk is full", "free some space and run the same command again; nothing is lost")
_NOT_YOURS = ("it may not be read or written", "give the file and its folder back to your user")
_DAMAGED = ("it is damaged", "move the file away; sync and import make a new one")

_IN_THE_WAY = ("a file lies where a folder has to be", "move that file away and run the same command again")

_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: ("another program keeps it locked", "let the other one finish, then run this again"),
    sqlite3.SQLITE_READONLY: _NOT_YOURS,
    sqlite3.SQLITE_IOERR: (
        "its disk refuses to read or write it",
        "see whether the disk is full or broken, then run the same command again",
    ),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "see that its folder exists and belongs to your user"),
    sqlite3.SQLITE_NOTADB: ("it is no SQLite database", _DAMAGED[1]),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
}
_SYSTEM = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _NOT_YOURS,
    errno.EPERM: _NOT_YOURS,
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EROFS: ("it lies on a disk that may only be read", "move `state` in the configuration to another disk"),
}


def explain(error: OSError | sqlite3.Error, path: Path | None = None) -> DoppelgangerError | None:
    """The refusal in words; None where it is no refusal but a bug. `path` says which file where the error does not."""
    if isinstance(error, OSError):
        known, where = _SYSTEM.get(error.errno or 0), error.filename or path
    else:
        known, where = _SQLITE.get(sqlite_code(error)), path
    if known is None:
        return None
    problem, fix = known
    return DoppelgangerError(f"{where or 'the state folder'}: {problem}", fix=fix)


def sqlite_code(error: sqlite3.Error) -> int:
    """The primary result code, such as sqlite3.SQLITE_FULL; 0 where Python raised the error itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
