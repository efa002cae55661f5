"""Everything that is kept about somebody, as JSON: written row by row, of one moment, in bounded memory.

Rows are the database's own, with its columns; only times are written as people read them.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TextIO

from exporter import disk
from exporter.errors import DoppelgangerError
from exporter.progress import Report, Step, silent
from exporter.rights.kept import Person, snapshot
from exporter.storing.store import Store

_EVERY = 1_000
"""Rows between two steps."""


def write_dossier(store: Store, person: Person, file: IO[str], *, report: Report = silent) -> int:
    """Write what is kept about somebody; how many rows that were."""
    done = 0
    with snapshot(store.database, person) as kept:
        counts = kept.counts()
        total = sum(counts.values())
        file.write(f'{{"contact_id": {person.contact_id}')
        for table in counts:
            file.write(f',\n"{table}": [')
            for number, row in enumerate(kept.rows(table)):
                file.write((",\n" if number else "\n") + _json(row))
                done += 1
                if done % _EVERY == 0:
                    report(Step("export", done, total))
            file.write("\n]")
        file.write("\n}\n")
    report(Step("export", done, max(total, 1)))
    return done


@contextmanager
def private(output: Path) -> Iterator[TextIO]:
    """A file to write, for its owner's eyes only, that appears whole or not at all.

    Raises:
        DoppelgangerError: it exists, its folder does not, or it cannot be written.
    """
    if output.exists():
        raise DoppelgangerError(f"{output} exists already", fix="name a file that does not: nothing is overwritten")
    if not output.absolute().parent.is_dir():
        raise DoppelgangerError(f"there is no folder {output.parent}", fix="make it, or name a file elsewhere")
    growing = output.with_name(f".{output.name}.part")
    try:
        growing.unlink(missing_ok=True)
        growing.touch(mode=0o600)
        with growing.open("w", encoding="utf-8") as file:
            yield file
        growing.rename(output)
    except (OSError, sqlite3.Error) as error:
        raise disk.explain(error, output) or error from error
    finally:
        growing.unlink(missing_ok=True)


def _json(row: dict[str, Any]) -> str:
    return json.dumps({column: _told(column, value) for column, value in row.items()}, ensure_ascii=False)


def _told(column: str, value: Any) -> Any:
    is_time = column.endswith("_at") and isinstance(value, int)
    return datetime.fromtimestamp(value, UTC).isoformat() if is_time else value
