"""The Telethon edge: connecting and logging in as the account, one process at a time.

It knows how Telegram's refusals read and gives each a problem and a fix. It stores nothing but the session.
"""

import asyncio
import fcntl
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pyasn1.error import PyAsn1Error  # type: ignore[import-untyped]
from telethon import TelegramClient, errors
from telethon.crypto import rsa
from telethon.sessions import SQLiteSession
from telethon.utils import parse_phone

from exporter import disk
from exporter.config import Config, Server
from exporter.errors import ComeBackLater, ConfigError, DoppelgangerError, LoginError
from exporter.messages import Peer
from exporter.selection import resolve_contact, select_chats
from exporter.translate import to_message, to_peer

__all__ = [
    "FLOODS",
    "come_back_later",
    "connect",
    "explain",
    "login",
    "resolve_contact",
    "select_chats",
    "to_message",
    "to_peer",
]

FLOODS = (errors.FloodWaitError, errors.FloodPremiumWaitError)
CODE_TRIES = 3
CONNECTION_TRIES = 5
LOGIN_RETRIES = 5
"""Telethon's own, as it follows an account to its server: nothing of a login must not be repeated."""
LOG_IN = "run `python -m exporter login`; nothing that is stored is lost"
_OWN_API_ID = "make your own at my.telegram.org and copy both into [telegram]"
_OTHER_PHONE = "correct [telegram] phone: with the country's code, as in +351…"
_REFUSALS: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    (
        (errors.ApiIdInvalidError, errors.ConnectionApiIdInvalidError),
        "Telegram does not know this api_id with this api_hash",
        _OWN_API_ID,
    ),
    ((errors.ApiIdPublishedFloodError,), "this api_id was published, and Telegram refuses it", _OWN_API_ID),
    ((errors.PhoneNumberInvalidError,), "this is not a phone number to Telegram", _OTHER_PHONE),
    ((errors.PhoneNumberUnoccupiedError,), "no Telegram account has this phone number", _OTHER_PHONE),
    ((errors.PhoneNumberBannedError,), "Telegram has banned this phone number", "write to recover@telegram.org"),
    ((errors.PhoneCodeExpiredError,), "the code has expired", LOG_IN),
    ((errors.PasswordHashInvalidError,), "this is not the password of the account", LOG_IN),
    ((errors.UnauthorizedError,), "Telegram no longer accepts the session: it was ended elsewhere", LOG_IN),
    (
        (errors.AuthKeyDuplicatedError, errors.AuthKeyNotFound),
        "Telegram no longer knows the session's key",
        LOG_IN,
    ),
)


@asynccontextmanager
async def connect(config: Config) -> AsyncIterator[TelegramClient]:
    """The account, connected and accepted, for this process alone. Telegram's refusals come out explained.

    Waits and failed sends are the caller's to handle: nothing sleeps or is sent again behind its back. Updates begin
    now; what came while nobody was connected is a sync's to fetch.

    Raises:
        LoginError: not logged in, or no longer.
        DoppelgangerError: another process has the account, or Telegram cannot be reached.
    """
    if not config.session.exists():
        raise LoginError("this account is not logged in", fix=LOG_IN)
    with _locked(config), _explained():
        async with _connected(config, request_retries=0) as client:
            if await client.get_me() is None:
                raise LoginError("Telegram does not accept the session: never finished, or ended elsewhere", fix=LOG_IN)
            yield client


async def login(
    config: Config,
    *,
    ask_phone: Callable[[], str],
    ask_code: Callable[[], str],
    ask_password: Callable[[], str],
) -> Peer:
    """Log in by the code that Telegram sends to the phone, and say as whom; a session that works is kept.

    Raises:
        LoginError: Telegram does not know the application, the phone or the code.
        DoppelgangerError: another process has the account, or Telegram cannot be reached.
    """
    config.make_state()
    with _locked(config), _explained():
        user = await _logged_in(config) if config.session.exists() else None
        if user is None:
            config.session.unlink(missing_ok=True)  # Telegram refuses its key: a new one is needed
            async with _connected(config, request_retries=LOGIN_RETRIES) as client:
                phone = parse_phone(config.telegram.phone or ask_phone())
                if not phone:
                    raise errors.PhoneNumberInvalidError(request=None)
                await client.send_code_request(phone)
                user = await _sign_in(client, phone, ask_code, ask_password)
        return to_peer(user)


async def _logged_in(config: Config) -> Any | None:
    """The account whose session this is; None where Telegram does not accept it."""
    try:
        async with _connected(config, request_retries=LOGIN_RETRIES) as client:
            return await client.get_me()
    except (errors.AuthKeyDuplicatedError, errors.AuthKeyNotFound):
        return None


@asynccontextmanager
async def _connected(config: Config, *, request_retries: int) -> AsyncIterator[TelegramClient]:
    client = _client(config, request_retries=request_retries)
    try:
        await client.connect()
        yield client
    finally:
        await client.disconnect()
        await asyncio.gather(client.disconnected, return_exceptions=True)  # or asyncio reports its error once more


async def _sign_in(
    client: TelegramClient, phone: str, ask_code: Callable[[], str], ask_password: Callable[[], str]
) -> Any:
    for _ in range(CODE_TRIES):
        try:
            return await client.sign_in(phone, ask_code())
        except (errors.PhoneCodeInvalidError, errors.PhoneCodeEmptyError):
            continue
        except errors.SessionPasswordNeededError:
            return await client.sign_in(password=ask_password())
    raise LoginError(f"the code was wrong {CODE_TRIES} times", fix=LOG_IN)


def _client(config: Config, *, request_retries: int) -> TelegramClient:
    server = config.telegram.server
    if server:
        _trust(server.public_key)
    return TelegramClient(
        _session(config.session, server),
        config.telegram.api_id,
        config.telegram.api_hash.get_secret_value(),
        use_ipv6=server is not None and ":" in server.host,
        device_model="doppelganger",
        flood_sleep_threshold=0,
        request_retries=request_retries,
        raise_last_call_error=True,
        connection_retries=CONNECTION_TRIES,
        sequential_updates=False,
    )


def _trust(public_key: str) -> None:
    try:
        rsa.add_key(public_key, old=False)
    except (ValueError, PyAsn1Error):
        raise ConfigError("[telegram] server.public_key is no RSA key in PEM", fix="copy it whole") from None


def _session(path: Path, server: Server | None) -> SQLiteSession:
    """The session file, for its owner's eyes only, with the server that it belongs to.

    The address is set before the client is made, which would otherwise reach for Telegram's own.
    """
    path.touch(mode=0o600)
    path.chmod(0o600)  # SQLite gives its journal the mode of the file
    try:
        session = SQLiteSession(str(path))
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


def _elsewhere(session: SQLiteSession, server: Server | None) -> str | None:
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


@contextmanager
def _locked(config: Config) -> Iterator[None]:
    """The account for this process alone: a session used twice ends in a key that Telegram burns."""
    path = config.state / "account.lock"
    path.touch(mode=0o600)
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DoppelgangerError(
                f"the account is in use by {file.read() or 'another process'}",
                fix="stop that one, or let it finish, then run this again",
            ) from None
        file.truncate()
        file.write(f"process {os.getpid()} ({' '.join(sys.orig_argv[1:4])})")
        file.flush()
        yield


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        explanation = explain(error)
        if explanation is None:
            raise
        raise explanation from error


def explain(error: Exception) -> DoppelgangerError | None:
    """What a refusal of Telegram's means to the user; None where it is no refusal but a bug."""
    for kinds, problem, fix in _REFUSALS:
        if isinstance(error, kinds):
            return LoginError(problem, fix=fix)
    if isinstance(error, FLOODS):
        return come_back_later(datetime.now(UTC) + timedelta(seconds=error.seconds))
    if isinstance(error, (errors.ServerError, errors.TimedOutError)):
        return DoppelgangerError("Telegram has trouble of its own", fix="run the same command again later")
    if isinstance(error, ConnectionError):
        return DoppelgangerError(
            "Telegram cannot be reached", fix="look at the network, then run the same command again to go on"
        )
    return None


def come_back_later(until: datetime) -> ComeBackLater:
    """Telegram's wait, for the user. `until` is aware."""
    return ComeBackLater(
        f"Telegram asks to wait until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        fix="run the same command again after that; trying earlier makes the wait longer",
    )
