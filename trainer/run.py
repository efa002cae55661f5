"""One training's own folder: stages that finished once are not done again, whatever killed the process since."""

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exporter import disk
from exporter.progress import PERCENT, Count, Report, Step, counting

FULL = 1_000_000
"""Bytes that a disk still has when it counts as full."""


class Run:
    """A folder named by what goes into the training; a stage's record in it means that the stage is finished."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self.seconds: dict[str, float] = {}
        """What each stage took, in whichever process."""
        self._report = report

    def counting(self, stage: str, things: str, *, start: int = 0, end: int = PERCENT) -> Count:
        """As exporter.progress has it, for whoever this run reports to."""
        return counting(self._report, stage, things, start=start, end=end)

    def stage(self, name: str, work: Callable[[], dict[str, Any]], *, uses_up: tuple[Path, ...] = ()) -> dict[str, Any]:
        """What `work` found out; read from the stage's record if it is finished. Then what it used up is removed."""
        record = self.folder / f"{name}.json"
        if not record.exists():
            self._report(Step(name, 0, PERCENT))
            began = time.monotonic()
            with _told_if_full(self.folder):
                found = work()
            with whole(record) as scratch:
                scratch.write_text(json.dumps({**found, "seconds": time.monotonic() - began}))
        self._report(Step(name, PERCENT, PERCENT))
        for path in uses_up:
            remove(path)
        values: dict[str, Any] = json.loads(record.read_text())
        self.seconds[name] = values.pop("seconds")
        return values


@contextmanager
def _told_if_full(folder: Path) -> Iterator[None]:
    """Tell a full disk in words, whatever broke on it: libraries call it a wrong position, or a failed conversion."""
    try:
        yield
    except Exception as error:
        full = disk.explain(OSError(errno.ENOSPC, ""), folder)
        if full and shutil.disk_usage(folder).free < FULL:
            raise full from error
        raise


@contextmanager
def whole(output: Path) -> Iterator[Path]:
    """A path to write a file or a folder at; it becomes `output` only when the block ends well, and goes otherwise."""
    scratch = output.with_name(f".{output.name}.partial")
    remove(scratch)
    try:
        yield scratch
    except BaseException:
        remove(scratch)
        raise
    if output.is_dir():
        remove(output)
    os.replace(scratch, output)  # noqa: PTH105 - either a file or a folder


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def open_run(runs: Path, digest: str, report: Report) -> Run:
    """The folder of this training, begun or fresh; those of trainings that nobody will finish are removed."""
    folder = runs / digest
    for stale in runs.iterdir():
        if stale.is_dir() and stale != folder:
            shutil.rmtree(stale)
    folder.mkdir(mode=0o700, exist_ok=True)
    return Run(folder, report)
