"""Copies of the database, taken while somebody writes; and databases of other versions."""

import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from exporter.errors import DoppelgangerError
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.progress import Step
from exporter.storing.backup import back_up
from exporter.storing.schema import migrations
from exporter.storing.store import Store, open_store

from .conftest import Command

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
VERSIONS = [migration.name for migration in migrations.pending(Database(memory=True))]


def said(count: int) -> list[Message]:
    return [Message(7, number, 7, NOON, outgoing=False, text=f"message {number}") for number in range(1, count + 1)]


def texts(file: Path) -> list[str]:
    with open_store(file) as store:
        return [message.text for message in store.messages(7)]


def test_a_copy_is_of_one_moment_while_somebody_writes(store: Store, tmp_path: Path) -> None:
    path = Path(store.database.execute("pragma database_list").fetchone()[2])
    store.add(said(3000))
    store.database.execute("begin immediate")
    store.database.execute("delete from messages where message_id > 1000")
    steps: list[Step] = []
    copy = tmp_path / "copy.db"
    size = back_up(path, copy, report=steps.append)
    store.database.rollback()
    assert texts(copy) == texts(path)
    assert (size > 100_000, steps[-1].done, stat.S_IMODE(copy.stat().st_mode)) == (True, steps[-1].total, 0o600)
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".part")] == []


def test_nothing_is_overwritten_and_nothing_is_made_of_nothing(store: Store, tmp_path: Path) -> None:
    path = Path(store.database.execute("pragma database_list").fetchone()[2])
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(DoppelgangerError, match="exists already"):
        back_up(path, tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "precious"
    with pytest.raises(DoppelgangerError, match="nothing is stored yet"):
        back_up(tmp_path / "nowhere.db", tmp_path / "copy.db")
    with pytest.raises(DoppelgangerError, match="no folder"):
        back_up(path, tmp_path / "no" / "such" / "folder" / "copy.db")


async def test_backup_on_the_command_line(store: Store, command: Command, tmp_path: Path) -> None:
    store.add(said(3))
    ended = await command("backup", str(tmp_path / "copy.db"))
    assert (ended.code, ended.out.startswith(str(tmp_path / "copy.db"))) == (0, True)
    assert texts(tmp_path / "copy.db") == ["message 1", "message 2", "message 3"]


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_a_database_of_every_earlier_version_opens(tmp_path: Path, version: str) -> None:
    file = tmp_path / "old.db"
    old = Database(file)
    migrations.apply(old, stop_before=version)
    old.execute("insert into peers (peer_id, kind, name) values (7, 'user', 'Anna')")
    old.execute(
        "insert into messages (chat_id, message_id, sender_id, sent_at, outgoing, text, kind, forwarded, via_bot) "
        "values (7, 1, 7, ?, 0, 'message 1', 'text', 0, 0)",
        [int(NOON.timestamp())],
    )
    old.conn.commit()
    old.close()
    with open_store(file) as store:
        assert store.peers() == {7: Peer(7, PeerKind.USER, "Anna")}
        assert list(store.messages(7)) == [
            Message(7, 1, 7, NOON, outgoing=False, text="message 1", kind=MessageKind.TEXT)
        ]


def test_an_upgrade_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    migrations.apply(Database(file), stop_before=VERSIONS[2])
    broken = Migrations("broken")

    @broken()
    def m001_of_no_use(db: Database) -> None:
        db.execute("insert into nowhere values (1)")

    with pytest.raises(sqlite3.OperationalError), open_store(file, broken):
        pass
    assert [one.name for one in migrations.applied(Database(file))] == VERSIONS[:2]
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("select count(*) from sqlite_master where name = 'dialog'").fetchone() == (0,)


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    with open_store(file) as store:
        store.add(said(1))
        store.database.table("_sqlite_migrations").insert(
            {"migration_set": "exporter", "name": "m999_the_future", "applied_at": "2099-01-01"}
        )
    with pytest.raises(DoppelgangerError, match="newer version") as refused, open_store(file):
        pass
    assert "update" in refused.value.fix
