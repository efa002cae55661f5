"""Telethon's session on disk: the key, and under which ids and hashes Telegram's peers are asked for.

Telethon would keep the name, username and phone number of everybody whom the account ever saw. We ask for nobody by
those, so they are not kept.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from telethon.crypto import AuthKey
from telethon.sessions import MemorySession, SQLiteSession

_NAMED = "coalesce(username, phone, name) is not null"


class NamelessSession(SQLiteSession):  # type: ignore[misc]
    """A session whose file knows nobody by name."""

    def _entity_values_to_row(
        self, peer_id: int, access_hash: int, username: str | None, phone: str | None, name: str | None
    ) -> tuple[int, int, None, None, None]:
        """The hook that Telethon leaves for other ways to keep people."""
        return peer_id, access_hash, None, None, None


def erase_names(path: Path) -> None:
    """Erase the names that were written by an earlier version, or by others; a file without any is left alone."""
    _erase(path, f"update entities set username = null, phone = null, name = null where {_NAMED}", [()])  # noqa: S608


def erase_peers(path: Path, peer_ids: Iterable[int]) -> None:
    """Erase all that the file has of these peers, for a process that has the account."""
    if path.exists():
        _erase(path, "delete from entities where id = ?", [(peer_id,) for peer_id in peer_ids])


def in_memory(path: Path) -> MemorySession:
    """A session's key, and where it was made; the file is only read.

    Raises:
        sqlite3.Error: it is no session.
    """
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
        row = database.execute("select dc_id, server_address, port, auth_key from sessions").fetchone()
    return remembered(*row) if row else MemorySession()


def remembered(dc_id: int, address: str, port: int, key: bytes) -> MemorySession:
    """A session that keeps nothing."""
    session = MemorySession()
    session.set_dc(dc_id, address, port)
    session.auth_key = AuthKey(key)
    return session


def _erase(path: Path, statement: str, values: list[tuple[int, ...]]) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma secure_delete = on")
        database.execute("pragma temp_store = memory")  # a copy of the key belongs into no other file
        if database.execute("select 1 from sqlite_master where name = 'entities'").fetchone() is None:
            return
        if database.executemany(statement, values).rowcount > 0:
            database.commit()
            database.execute("vacuum")
