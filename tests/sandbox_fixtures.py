"""A Telegram of our own for any test: a world to fill, a server for it, and clients that are already logged in."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import pytest
import pytest_asyncio
import rsa
from telethon import TelegramClient
from telethon.crypto import AuthKey
from telethon.crypto.rsa import add_key
from telethon.network import ConnectionTcpFull
from telethon.sessions import MemorySession, Session

from exporter.rights.consent import SCOPES, Ledger
from exporter.settings.config import Consent, Kind
from exporter.storing.store import Store
from sandbox.mtproto.keys import make_rsa_key
from sandbox.server import Sandbox
from sandbox.values import User
from sandbox.world import API_HASH, API_ID, World

AGREED_BY_ALL = """
[consent.default]
private = ["store", "learn", "reply"]
group = ["store", "learn", "reply"]
channel = ["store", "learn", "reply"]
bot = ["store", "learn", "reply"]
"""
"""A configuration's section by which everybody agrees to everything: nobody in a sandbox can be asked."""

EVERYBODY_AGREES = Consent(default=dict.fromkeys(get_args(Kind), frozenset(SCOPES)))
"""The same as a value."""

ClientOf = Callable[..., Awaitable[TelegramClient]]


@pytest.fixture(scope="session")
def server_key() -> rsa.PrivateKey:
    """One RSA pair for all tests: making it takes half a second."""
    return make_rsa_key()


@pytest.fixture
def world() -> World:
    """An empty world; a test that wants another one overrides this."""
    return World()


@pytest_asyncio.fixture
async def sandbox(world: World, server_key: rsa.PrivateKey) -> AsyncIterator[Sandbox]:
    """The world, served."""
    async with Sandbox(world, private_key=server_key) as serving:
        add_key(serving.public_key, old=False)
        yield serving


def make_client(sandbox: Sandbox, session: Session | None = None, **options: object) -> TelegramClient:
    """An unmodified client of this sandbox, not connected; any option of Telethon's, any session."""
    session = session or MemorySession()
    session.set_dc(sandbox.dc_id, sandbox.host, sandbox.port)
    defaults = {"connection": ConnectionTcpFull, "flood_sleep_threshold": 0, "retry_delay": 0, "request_retries": 1}
    return TelegramClient(session, API_ID, API_HASH, **{**defaults, **options})


def account_settings(sandbox: Sandbox, state: Path) -> str:
    """The beginning of a configuration for the owner's account on this sandbox, in TOML: everybody agrees to all."""
    return f"""
state = {json.dumps(str(state))}
[telegram]
api_id = {API_ID}
api_hash = "{API_HASH}"
phone = "{sandbox.world.owner.phone}"
[telegram.server]
host = "{sandbox.host}"
port = {sandbox.port}
public_key = {json.dumps(sandbox.public_key)}
{AGREED_BY_ALL}
"""


def agreed(store: Store) -> Ledger:
    """A store's ledger where everybody agrees of whom it says nothing."""
    return Ledger(store.database, EVERYBODY_AGREES)


@asynccontextmanager
async def connected(client: TelegramClient) -> AsyncIterator[TelegramClient]:
    """Connect without logging in, and disconnect at the end."""
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


@pytest_asyncio.fixture
async def client_of(sandbox: Sandbox) -> AsyncIterator[ClientOf]:
    """`await client_of(person)`: a client logged in as that person, in some 10 ms; disconnected at the end."""
    clients: list[TelegramClient] = []

    async def make(person: User, **options: object) -> TelegramClient:
        session = MemorySession()
        key = sandbox.authorize(person)
        session.auth_key = AuthKey(key.auth.key)
        client = make_client(sandbox, session, **options)
        clients.append(client)
        await client.connect()
        return client

    yield make
    for client in clients:
        await client.disconnect()
