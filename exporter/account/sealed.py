"""A session under a passphrase: open in memory alone, sealed wherever it is written.

The key is made of the passphrase by scrypt (RFC 7914), so that each guess costs a second and 64 MB; what is sealed is
authenticated (AES-GCM), so that nobody changes it unnoticed. It knows SQLite's bytes, and nothing of Telegram.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from telethon.sessions import MemorySession

from exporter.account.sessionfile import NamelessSession, erase_names, remembered
from exporter.errors import LoginError

_MAGIC = b"doppelganger session 1\n"
_SALT, _NONCE = 16, 12
_HEAD = len(_MAGIC) + 1 + _SALT
COST = 16
"""Of scrypt, as a power of two, with blocks of 1 kB: 64 MB. A file tells the cost that it was sealed with."""
LOST = "if it is lost, delete the file, log in anew, and end the old session in one of Telegram's apps"


class NoPassphrase(LoginError):
    """The session is sealed, and nobody told its passphrase."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the session {path} is under a passphrase",
            fix="run this in a terminal, or set DOPPELGANGER_PASSPHRASE or DOPPELGANGER_PASSPHRASE_FILE",
        )


class WrongPassphrase(LoginError):
    """It is another one, or somebody changed the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"this is not the passphrase of {path}, or the file was changed", fix=f"try again; {LOST}")


@dataclass(frozen=True, slots=True)
class Seal:
    """A key with what a file tells of it."""

    head: bytes
    """In the clear before what is sealed, and authenticated with it."""
    key: bytes

    def close(self, content: bytes) -> bytes:
        """A file's bytes for this content; other ones each time."""
        nonce = os.urandom(_NONCE)
        return self.head + nonce + AESGCM(self.key).encrypt(nonce, content, self.head)

    def open(self, sealed: bytes) -> bytes:
        """The content of a file's bytes. Raises InvalidTag where it was sealed otherwise, or changed."""
        nonce, rest = sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        return AESGCM(self.key).decrypt(nonce, rest, self.head)


def is_sealed(path: Path) -> bool:
    """Whether a session is under a passphrase; one that is not there is not."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


class SealedSession(NamelessSession):
    """Telethon's session in memory. What it saves, every minute and at its end, replaces the file whole or not.

    A `path` that is not there yet begins with an empty session.

    Raises:
        WrongPassphrase: of a path that is there.
    """

    _conn: sqlite3.Connection | None

    def __init__(self, path: Path, passphrase: str) -> None:
        self._path = path
        sealed = path.read_bytes() if path.exists() else None
        self._seal = _made(passphrase) if sealed is None else _read(sealed, passphrase)
        try:
            self._saved = None if sealed is None else self._seal.open(sealed)
        except InvalidTag:
            raise WrongPassphrase(path) from None
        super().__init__()

    def save(self) -> None:
        """Write it down, if anything changed."""
        super().save()
        if self._conn is not None and (content := self._conn.serialize()) != self._saved:
            replace(self._path, self._seal.close(content))
            self._saved = content

    def close(self) -> None:
        """Write it down, and let go of it."""
        if self._conn is not None:
            self.save()
            self._conn.close()
            self._conn = None

    def copied(self) -> MemorySession:
        """Its key, and where it was made, without the file."""
        key = self.auth_key.key if self.auth_key else b""
        return remembered(self.dc_id, self.server_address, self.port, key)

    def erase_peers(self, peer_ids: Iterable[int]) -> None:
        """Erase all that it has of these peers."""
        cursor = self._cursor()
        cursor.executemany("delete from entities where id = ?", [(peer_id,) for peer_id in peer_ids])
        cursor.connection.commit()
        cursor.execute("vacuum")
        self.save()

    def _cursor(self) -> sqlite3.Cursor:
        """The hook by which Telethon opens a session."""
        if self._conn is None:
            self._conn = sqlite3.connect(":memory:", check_same_thread=False)
            if self._saved is not None:
                self._conn.deserialize(self._saved)
        return self._conn.cursor()


def seal(path: Path, passphrase: str, *, before: str | None = None) -> None:
    """Put a session under a passphrase; `before` is the one that it is under, if any.

    What stood in the clear is overwritten.

    Raises:
        WrongPassphrase: `before` is.
    """
    if before is None:
        erase_names(path)
    with path.open("r+b") as old:
        replace(path, _made(passphrase).close(_content(path, before)))
        old.write(os.urandom(os.fstat(old.fileno()).st_size))
        old.flush()
        os.fsync(old.fileno())


def unseal(path: Path, passphrase: str) -> None:
    """Put a session in the clear again.

    Raises:
        WrongPassphrase: of that file.
    """
    replace(path, _content(path, passphrase))


def _content(path: Path, passphrase: str | None) -> bytes:
    """A session as SQLite has it on a disk."""
    if passphrase is None:
        with closing(sqlite3.connect(path)) as database:
            return database.serialize()
    sealed = path.read_bytes()
    try:
        return _read(sealed, passphrase).open(sealed)
    except InvalidTag:
        raise WrongPassphrase(path) from None


def replace(path: Path, content: bytes) -> None:
    """Put this in the place of a file, for its owner's eyes only; whole or not at all."""
    growing = path.with_name(f".{path.name}.part")
    growing.unlink(missing_ok=True)
    growing.touch(mode=0o600)
    with growing.open("r+b") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    growing.replace(path)


def _made(passphrase: str) -> Seal:
    return _derived(_MAGIC + bytes([COST]) + os.urandom(_SALT), passphrase)


def _read(sealed: bytes, passphrase: str) -> Seal:
    return _derived(sealed[:_HEAD], passphrase)


def _derived(head: bytes, passphrase: str) -> Seal:
    cost, salt = head[len(_MAGIC)], head[len(_MAGIC) + 1 :]
    n = 1 << min(cost, 20)
    key = hashlib.scrypt(passphrase.encode(), salt=salt, n=n, r=8, p=1, maxmem=n * 1024 + 2**20, dklen=32)
    return Seal(head, key)
