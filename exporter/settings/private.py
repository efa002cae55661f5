"""What must be the owner's alone, as files: whether others on this machine could read it. It changes nothing.

As with ssh's keys, nothing is mended silently: whoever could read a session has the account, and its owner has to know.
"""

import shlex
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exporter.errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Exposed:
    """A file or folder that others may read, write or enter."""

    path: Path
    mode: int
    """Its permissions: 0o644."""


def exposed(paths: Iterable[Path]) -> list[Exposed]:
    """Those of them that are open to others; what is not there is not."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & _OTHERS:
                found.append(Exposed(path, mode))
    return found


def refuse(found: Sequence[Exposed]) -> None:
    """Go on only where nothing is.

    Raises:
        ConfigError: something is open to others.
    """
    if found:
        raise ConfigError(f"others on this machine could read what is yours alone: {named(found)}", fix=remedy(found))


def named(found: Sequence[Exposed]) -> str:
    """`/a/doppelganger.db (mode 0644)`, all of them."""
    return ", ".join(f"{one.path} (mode {one.mode:04o})" for one in found)


def remedy(found: Sequence[Exposed]) -> str:
    """The command that mends it."""
    return f"run `chmod go= {shlex.join(str(one.path) for one in found)}`, if nobody else had the time to look"
