"""Checkpoints on disk: sealed when they are whole, and proved sound before a training goes on from one.

It knows folders of files, and nothing of what is in them.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "checkpoint-"
"""As transformers names them; the step follows."""

SEAL = "whole.json"
"""Written last: without it, a checkpoint is the remains of a killed process."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One that was found sound."""

    folder: Path
    facts: dict[str, Any]
    """What the training noted when it sealed it."""

    @property
    def step(self) -> int:
        """Steps that led to it."""
        return step_of(self.folder)


def at(folder: Path, step: int) -> Path:
    """Where the checkpoint of this step lies."""
    return folder / f"{PREFIX}{step}"


def step_of(checkpoint: Path) -> int:
    """The step in a checkpoint's name."""
    return int(checkpoint.name.removeprefix(PREFIX))


def seal(checkpoint: Path, facts: dict[str, Any]) -> None:
    """Say that the checkpoint is whole, with a digest of each file.

    Its files reach the disk before the seal does, so not even a power cut leaves a seal over half a checkpoint.
    """
    digests = _digests(checkpoint)
    for path in (*_files(checkpoint), *filter(Path.is_dir, checkpoint.rglob("*")), checkpoint):
        settle(path)
    scratch = checkpoint / f".{SEAL}"
    scratch.write_text(json.dumps({"facts": facts, "files": digests}))
    settle(scratch)
    scratch.replace(checkpoint / SEAL)
    settle(checkpoint)
    settle(checkpoint.parent)


def newest(folder: Path) -> Checkpoint | None:
    """The newest sound checkpoint. Those that are not are removed, and a warning names their steps."""
    for found in sorted(folder.glob(f"{PREFIX}*"), key=step_of, reverse=True):
        if checkpoint := read(found):
            return checkpoint
        shutil.rmtree(found)
    return None


def read(checkpoint: Path) -> Checkpoint | None:
    """The checkpoint in this folder, if every byte of it is as it was sealed."""
    if not (checkpoint / SEAL).is_file():
        return None
    try:
        seal = json.loads((checkpoint / SEAL).read_text())
        sound = _digests(checkpoint) == seal["files"]
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        log.warning("train.checkpoint_damaged", extra={"step": step_of(checkpoint)})
        return None
    return Checkpoint(checkpoint, seal["facts"])


def settle(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _files(checkpoint: Path) -> Iterator[Path]:
    return (file for file in sorted(checkpoint.rglob("*")) if file.is_file() and file.name.lstrip(".") != SEAL)


def _digests(checkpoint: Path) -> dict[str, str]:
    return {str(file.relative_to(checkpoint)): _digest(file) for file in _files(checkpoint)}


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
