"""Listens for MTProto clients: one Connection each, keys shared by all of them."""

import asyncio
import logging
import struct

import rsa
from telethon.errors import InvalidChecksumError, TypeNotFoundError
from telethon.extensions import BinaryReader

from sandbox.mtproto.keys import BadPacket, ClientKey, KeyExchange, make_client_key, unseal
from sandbox.mtproto.methods import all_methods
from sandbox.mtproto.session import Session
from sandbox.mtproto.transport import Transport
from sandbox.mtproto.written import WrittenMessages
from sandbox.values import User
from sandbox.world import World

log = logging.getLogger(__name__)

UNKNOWN_KEY = 404
BAD_PACKET = (
    BadPacket,
    BufferError,
    InvalidChecksumError,
    RuntimeError,  # of Telethon's reader, for a Bool that is none
    TypeNotFoundError,
    ValueError,
    struct.error,
)
"""What reading a packet that no honest client would send may raise."""


class MTProtoServer:
    """Everything that outlives one connection."""

    def __init__(self, world: World, private_key: rsa.PrivateKey) -> None:
        self.world = world
        self.private_key = private_key
        self.methods = all_methods()
        self.keys: dict[int, ClientKey] = {}
        self.sent: set[tuple[int, int]] = set()
        """(user id, random id) of everything sent: nothing is sent twice."""
        self.written = WrittenMessages()
        self.host = ""
        self.port = 0
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int = 0) -> None:
        """Listen; port 0 takes any that is free."""
        self._listener = await asyncio.start_server(self._accept, host, port)
        self.host, self.port = self._listener.sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """Stop listening and cut everyone off."""
        if self._listener is not None:
            self._listener.close()
        tasks = list(self._connections.values())
        self.drop_connections()
        self.world.faults.thawed.set()  # who is frozen would not notice that he was cut
        await asyncio.gather(*tasks, return_exceptions=True)

    def drop_connections(self) -> None:
        """Cut every client off, as a bad network does."""
        for connection in tuple(self._connections):
            connection.cut()

    def authorize(self, user: User) -> ClientKey:
        """A key that is already logged in: saves a test the exchange and the login code."""
        key = make_client_key()
        self.keys[key.id] = key
        self.world.logins.begin(key.id, user)
        return key

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, Transport(reader, writer, self.world.faults))
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served by a task")
        self._connections[connection] = task
        try:
            await connection.serve()
        finally:
            del self._connections[connection]
            writer.close()


class Connection:
    """One client's socket: first without encryption, for keys; then the session under its key."""

    def __init__(self, server: MTProtoServer, transport: Transport) -> None:
        self.server = server
        self.transport = transport
        self._exchange = KeyExchange(server.private_key, server.world.clock)
        self._session: Session | None = None
        self._last_plain_id = 0

    async def serve(self) -> None:
        """Until the client goes, or sends what it should not."""
        delivering = asyncio.create_task(self.transport.deliver())
        try:
            while True:
                self._receive(await self.transport.receive())
        except (EOFError, OSError):
            pass  # gone, as clients do
        except BAD_PACKET as error:
            log.warning("mtproto.bad_packet", extra={"error": type(error).__name__})
        finally:
            if self._session is not None:
                self._session.close()
            delivering.cancel()
            self.transport.cut()

    def cut(self) -> None:
        """End it at once, replies unsent."""
        self.transport.cut()

    def _receive(self, packet: bytes) -> None:
        (key_id,) = struct.unpack_from("<Q", packet)
        if key_id == 0:
            self._exchange_keys(packet)
            return
        key = self.server.keys.get(key_id)
        if key is None:
            self.transport.send_error(UNKNOWN_KEY)
            return
        plain = unseal(key, packet)
        salt, session_id, message_id, sequence, length = struct.unpack_from("<qqqii", plain)
        if self._session is None or (self._session.id, self._session.key_id) != (session_id, key_id):
            if self._session is not None:
                self._session.close()
            self._session = Session(self, key, session_id)
        self._session.receive(salt, message_id, sequence, plain[32 : 32 + length])

    def _exchange_keys(self, packet: bytes) -> None:
        message_id, length = struct.unpack_from("<qi", packet, 8)
        with BinaryReader(packet[20 : 20 + length]) as reader:
            answer, key = self._exchange.answer(reader.tgread_object())
        if key is not None:
            self.server.keys[key.id] = key
        body = bytes(answer)
        self._last_plain_id = max(message_id | 1, self._last_plain_id + 4)
        self.transport.send(struct.pack("<qqi", 0, self._last_plain_id, len(body)) + body)
