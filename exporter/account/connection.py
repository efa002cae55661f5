"""The Telethon edge: the account's connection, for one process at a time. It stores nothing but the session."""

import asyncio
import fcntl
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from ipaddress import ip_address

from pyasn1.error import PyAsn1Error  # type: ignore[import-untyped]
from telethon.crypto import rsa
from telethon.sessions import Session

from exporter import disk
from exporter.account.client import Client
from exporter.account.refusals import LOG_IN, explained
from exporter.account.sealed import NoPassphrase, SealedSession, is_sealed
from exporter.account.sessionfile import NamelessSession, erase_names, erase_peers, in_memory
from exporter.errors import ConfigError, DoppelgangerError, LoginError
from exporter.progress import Say, unsaid
from exporter.settings.config import Config, Server

SAY_AFTER = 2.0
"""Seconds that one looks at nothing."""
CONNECTION_TRIES = 5
CONNECT_WITHIN = 30.0
"""Seconds for the first connection: Telethon would wait for ever for a server that takes calls and says nothing."""


class AccountInUse(DoppelgangerError):
    """Another process has the account."""

    def __init__(self, by: str) -> None:
        super().__init__(f"the account is in use by {by}", fix="stop that one, or let it finish, then run this again")
        self.by = by
        """Which: `process 1234 (python -m bot run)`."""


@asynccontextmanager
async def connect(
    config: Config, *, lasting: bool = False, look: bool = False, say: Say = unsaid
) -> AsyncIterator[Client]:
    """The account, connected and accepted, for this process alone. Telegram's refusals come out explained.

    Waits and failed sends are the caller's to handle: nothing sleeps or is sent again behind its back. Updates begin
    now; what came while nobody was connected is a sync's to fetch. A `lasting` connection, once it stood, is made
    anew after a network outage of any length; any other gives up after a few tries. For a `look`, nothing is written
    into the session's file, and no updates come. `say` is told where that takes longer than one looks at nothing.

    Raises:
        LoginError: not logged in, or no longer.
        AccountInUse: another process has it.
        DoppelgangerError: Telegram cannot be reached.
    """
    if not config.session.exists():
        raise LoginError("this account is not logged in", fix=LOG_IN)
    with lock_account(config), explained():
        async with open_client(config, request_retries=0, lasting=lasting, look=look, say=say) as client:
            if await client.get_me() is None:
                raise LoginError("Telegram does not accept the session: never finished, or ended elsewhere", fix=LOG_IN)
            yield client


@asynccontextmanager
async def open_client(
    config: Config, *, request_retries: int, lasting: bool = False, look: bool = False, say: Say = unsaid
) -> AsyncIterator[Client]:
    """Connected with the account's session, whether or not Telegram accepts it; the rest as in `connect`."""
    tries = None if lasting else CONNECTION_TRIES
    client = _client(config, look=look, request_retries=request_retries, connection_retries=tries)
    slow = asyncio.get_running_loop().call_later(SAY_AFTER, say, "connecting to Telegram takes longer than usual …")
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            await client.connect()
        slow.cancel()
        yield client
    finally:
        slow.cancel()
        await client.disconnect()
        await asyncio.gather(client.disconnected, return_exceptions=True)  # or asyncio reports its error once more


def _client(config: Config, *, look: bool, **retries: int | None) -> Client:
    server = config.telegram.server
    if server:
        _trust(server.public_key)
    return Client(
        _session(config, look=look),
        config.telegram.api_id,
        config.telegram.api_hash.get_secret_value(),
        use_ipv6=server is not None and ":" in server.host,
        device_model="doppelganger",
        app_version=version("doppelganger"),
        flood_sleep_threshold=0,
        raise_last_call_error=True,
        sequential_updates=False,
        receive_updates=not look,
        **retries,
    )


def _trust(public_key: str) -> None:
    try:
        rsa.add_key(public_key, old=False)
    except (ValueError, PyAsn1Error):
        raise ConfigError("[telegram] server.public_key is no RSA key in PEM", fix="copy it whole") from None


def _session(config: Config, *, look: bool) -> Session:
    """The session file, for its owner's eyes only, with the server that it belongs to; for a `look`, what is in it.

    The address is set before the client is made, which would otherwise reach for Telegram's own.
    """
    path, server = config.session, config.telegram.server
    try:
        session = _opened(config, look=look)
    except sqlite3.DatabaseError as error:
        if disk.sqlite_code(error) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise LoginError(f"the session {path} is damaged", fix=f"delete it, then {LOG_IN}") from None
        raise disk.explain(error, path) or error from error
    elsewhere = _elsewhere(session, server)
    if elsewhere:
        session.close()
        raise ConfigError(
            f"the session {path} belongs to another Telegram, at {elsewhere}",
            fix="give every Telegram its own `state` folder",
        )
    if server:
        session.set_dc(server.dc_id, server.host, server.port)
    return session


def _opened(config: Config, *, look: bool) -> Session:
    """In the clear or sealed, as it is; a new one is sealed where there is a passphrase."""
    path, passphrase = config.session, config.telegram.passphrase
    if is_sealed(path) or (passphrase and not path.exists()):
        if passphrase is None:
            raise NoPassphrase(path)
        sealed = SealedSession(path, passphrase.get_secret_value())
        return sealed.copied() if look else sealed
    if look:
        return in_memory(path)
    path.touch(mode=0o600)  # SQLite gives its journal the mode of the file
    erase_names(path)
    return NamelessSession(str(path))


def _elsewhere(session: Session, server: Server | None) -> str | None:
    """Where a session with a key was made, if not at `server`: a key must not be shown to anyone else."""
    address: str | None = session.server_address
    if not address or not session.auth_key:
        return None
    here = address == server.host if server else _is_public(address)
    return None if here else address


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:  # a name: Telegram's own servers are numbers
        return False


def erase_from_session(config: Config, peer_ids: Iterable[int]) -> None:
    """Erase all that the session's file has of these peers, for a process that has the account.

    Raises:
        NoPassphrase, WrongPassphrase: it is sealed.
    """
    if is_sealed(config.session):
        session = _opened(config, look=False)
        session.erase_peers(peer_ids)
        session.close()
    else:
        erase_peers(config.session, peer_ids)


@contextmanager
def lock_account(config: Config) -> Iterator[None]:
    """The account for this process alone: a session used twice ends in a key that Telegram burns."""
    path = config.state / "account.lock"
    path.touch(mode=0o600)
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AccountInUse(file.read() or "another process") from None
        file.truncate()
        file.write(f"process {os.getpid()} ({' '.join(['python', *sys.orig_argv[1:4]])})")
        file.flush()
        yield


def is_in_use(config: Config) -> bool:
    """Whether another process has the account just now."""
    try:
        with lock_account(config):
            return False
    except AccountInUse:
        return True
