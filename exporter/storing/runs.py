"""The folder in which doubles are made, as a folder: for one process at a time, and empty once somebody is forgotten.

Whatever a training leaves there can be made again; what it is, only the trainer knows.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.errors import DoppelgangerError

_LOCK = ".lock"


class AlreadyTraining(DoppelgangerError):
    """Another process is at work in the same state folder."""


@contextmanager
def alone(runs: Path) -> Iterator[None]:
    """Keep other processes from training in `runs` meanwhile.

    Raises:
        AlreadyTraining: one does.
    """
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (runs / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyTraining(
                "another process is training in this state folder", fix="wait until it is done, or stop it"
            ) from None
        yield


def empty(runs: Path) -> None:
    """Remove what trainings left; for whoever is `alone` there."""
    for path in runs.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()
