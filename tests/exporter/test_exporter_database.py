"""The file as several processes share it: who reads, then writes, is not thrown out by another who wrote between."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from exporter.disk import explain
from exporter.storing.database import open_database, transaction


def test_who_reads_then_writes_has_the_lock_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    with open_database(path) as database, closing(sqlite3.connect(path, timeout=0)) as other:
        table = database.table("choice").create({"number": int})
        with database.atomic(), transaction(database):
            assert table.count == 0
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("insert into choice values (2)")
            table.insert({"number": 1})
        other.execute("insert into choice values (2)")
        other.commit()
        assert [row["number"] for row in table.rows] == [1, 2]


def test_what_fails_leaves_nothing_behind_however_deep(tmp_path: Path) -> None:
    with open_database(tmp_path / "shared.db") as database:
        table = database.table("choice").create({"number": int})
        with pytest.raises(ZeroDivisionError), database.atomic():
            table.insert({"number": 1})
            with transaction(database):
                raise ZeroDivisionError
        assert table.count == 0


def test_a_disk_that_refuses_is_told_in_words() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR | 19 << 8  # the index of the log finds no room
    told = explain(error, Path("x.db"))
    assert told and told.problem == "x.db: its disk refuses to read or write it" and "full" in told.fix
