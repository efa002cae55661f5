"""One client's session over one connection: what is in its packets, replies to it, and updates pushed to it."""

import asyncio
import inspect
import logging
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import TLRequest, functions, types
from telethon.tl.core.gzippacked import GzipPacked
from telethon.tl.core.messagecontainer import MessageContainer
from telethon.tl.core.rpcresult import RpcResult

from sandbox.errors import Refused
from sandbox.events import Event
from sandbox.faults import Call, Fault
from sandbox.logins import Device
from sandbox.mtproto.keys import BadPacket, ClientKey, seal
from sandbox.mtproto.registry import Caller, name_of
from sandbox.mtproto.render import Renderer
from sandbox.values import User

if TYPE_CHECKING:
    from sandbox.mtproto.server import Connection

log = logging.getLogger(__name__)

VECTOR = 0x1CB5C415
BOOL = {True: 0x997275B5, False: 0xBC799737}
BAD_SALT = 48
ID_TOO_LOW, ID_TOO_HIGH = 16, 17
OLDEST, NEWEST = 300, 30
"""Seconds that a client's clock may be behind and ahead: message ids are times. It learns the right one from the id of
the notice."""
NO_CONSTRUCTOR = b"none"
"""Four bytes that no type of TL begins with."""
WRAPPERS = (
    functions.InvokeWithLayerRequest,
    functions.InitConnectionRequest,
    functions.InvokeAfterMsgRequest,
    functions.InvokeAfterMsgsRequest,
    functions.InvokeWithTakeoutRequest,
    functions.InvokeWithMessagesRangeRequest,
    functions.InvokeWithoutUpdatesRequest,
)


class Session:
    """A session begins with its first packet and ends with the connection."""

    def __init__(self, connection: "Connection", key: ClientKey, session_id: int) -> None:
        self._connection = connection
        self._world = connection.server.world
        self._key = key
        self.id = session_id
        self.key_id = key.id
        self._last_id = 0
        self._content_sent = 0
        self._followed: User | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._late: list[bytes] = []
        """Pushes that wait for the one that follows them."""

    def receive(self, salt: int, message_id: int, sequence: int, body: bytes) -> None:
        """One decrypted packet.

        Raises:
            BadPacket: no TL inside.
        """
        behind = self._world.clock() - message_id / 2**32
        if not -NEWEST <= behind <= OLDEST:
            code = ID_TOO_LOW if behind > 0 else ID_TOO_HIGH
            self._send(bytes(types.BadMsgNotification(message_id, sequence, code)), reply=True)
            return
        if salt != self._key.salt:
            self._send(bytes(types.BadServerSalt(message_id, sequence, BAD_SALT, self._key.salt)), reply=True)
            return
        for inner_id, inner in unpack(message_id, body):
            self._read(inner_id, inner)

    def close(self) -> None:
        """The connection is gone: nothing more is pushed, what still runs is stopped."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        for task in self._tasks:
            task.cancel()

    def _read(self, message_id: int, body: bytes) -> None:
        try:
            with BinaryReader(body) as reader:
                request = reader.tgread_object()
        except TypeNotFoundError:
            log.warning("mtproto.unknown", extra={"constructor": body[:4].hex()})
            self._reply_error(message_id, Refused(400, "INPUT_CONSTRUCTOR_INVALID"))
            return
        match request:
            case functions.PingRequest() | functions.PingDelayDisconnectRequest():
                self._send(bytes(types.Pong(message_id, request.ping_id)), reply=True)
            case functions.GetFutureSaltsRequest():
                now = int(self._world.clock())
                salt = types.FutureSalt(now, now + 86400, self._key.salt)
                self._send(bytes(types.FutureSalts(message_id, now, [salt])), reply=True)
            case functions.DestroySessionRequest():
                self._send(bytes(types.DestroySessionNone(request.session_id)), reply=True)
            case TLRequest():
                self._call(message_id, request)
            case _:
                pass  # acknowledgements and states of messages: nothing is ever sent twice here

    def _call(self, message_id: int, request: TLRequest) -> None:
        follow, takeout = True, None
        while isinstance(request, WRAPPERS):
            match request:
                case functions.InvokeWithoutUpdatesRequest():
                    follow = False
                case functions.InvokeWithTakeoutRequest():
                    takeout = request.takeout_id
                case functions.InitConnectionRequest():
                    self._world.logins.devices[self.key_id] = _device(request)
            request = request.query
        user = self._world.logins.seen(self.key_id)
        caller = Caller(self._world, self._connection.server, self.key_id, self, user, takeout)
        call = Call(name_of(request), None if user is None else user.id, request, takeout, self._world.clock())
        fault = self._world.faults.meet(call)
        if fault is not None and fault.delay:
            self._start(self._later(fault, message_id, request, caller))
        else:
            self._run(fault, message_id, request, caller)
        if follow:
            self._follow()

    async def _later(self, fault: Fault, message_id: int, request: TLRequest, caller: Caller) -> None:
        await asyncio.sleep(fault.delay)
        self._run(fault, message_id, request, caller)

    def _run(self, fault: Fault | None, message_id: int, request: TLRequest, caller: Caller) -> None:
        match fault:
            case Fault(drop="before"):
                self._connection.cut()
                return
            case Fault(transport=int(code)):
                self._connection.transport.send_error(code)
                return
            case Fault(error=(code, text)):
                self._reply_error(message_id, Refused(code, text))
                return
        try:
            result = caller.server.methods.run(caller, request)
            if inspect.isawaitable(result):
                self._start(self._finish(fault, message_id, request, result))
            else:
                self._answer(fault, message_id, result)
        except Exception as error:  # noqa: BLE001  (a bug here must not look like a server that is down)
            self._reply_failure(message_id, request, error)

    async def _finish(self, fault: Fault | None, message_id: int, request: TLRequest, result: Awaitable[Any]) -> None:
        try:
            self._answer(fault, message_id, await result)
        except Exception as error:  # noqa: BLE001
            self._reply_failure(message_id, request, error)

    def _answer(self, fault: Fault | None, message_id: int, result: Any) -> None:
        reply = encode(result)
        match fault:
            case Fault(drop="after"):
                self._connection.cut()
            case Fault(reply="never"):
                pass
            case Fault(reply="corrupt"):
                self._reply(message_id, NO_CONSTRUCTOR + reply)
            case Fault(reply="truncated"):
                self._reply(message_id, reply[: len(reply) // 8 * 4])
            case Fault(reply="damaged"):
                self._reply(message_id, reply, damaged=True)
            case _:
                self._reply(message_id, reply)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _reply_failure(self, message_id: int, request: TLRequest, error: Exception) -> None:
        """400 for a bug too: clients repeat what was answered 500."""
        if not isinstance(error, Refused):
            log.error("mtproto.bug", extra={"method": name_of(request)}, exc_info=error)
            error = Refused(400, "SANDBOX_BUG")
        elif error.text == "METHOD_NOT_SIMULATED":
            log.warning("mtproto.not_simulated", extra={"method": name_of(request)})
        self._reply_error(message_id, error)

    def _reply_error(self, message_id: int, error: Refused) -> None:
        self._reply(message_id, bytes(types.RpcError(error.code, error.text)))

    def _reply(self, message_id: int, result: bytes, *, damaged: bool = False) -> None:
        self._send(struct.pack("<Iq", RpcResult.CONSTRUCTOR_ID, message_id) + result, reply=True, damaged=damaged)

    def _follow(self) -> None:
        """Push updates to whoever is logged in now; before that, the news that its QR code was scanned."""
        user = self._world.logins.user(self.key_id)
        if self._unsubscribe is not None:
            if self._followed == user:
                return
            self._unsubscribe()
        self._followed = user
        if user is None:
            self._unsubscribe = self._world.logins.watch(self.key_id, self._push_scanned)
        else:
            self._unsubscribe = self._world.subscribe(user, self._push)

    def _push_scanned(self) -> None:
        self._send(bytes(types.UpdateShort(types.UpdateLoginToken(), int(self._world.clock()))), reply=False)

    def _push(self, event: Event, pts: int, origin: object) -> None:
        user = self._followed
        if origin is self or user is None or self._world.logins.user(self.key_id) != user:
            return
        updates = Renderer(self._world, user).pushed(event, pts)
        if updates is None:
            return
        match self._world.faults.next_push():
            case "lost":
                return
            case "late":
                self._late.append(updates)
                return
            case "twice":
                self._send(updates, reply=False)
        self._send(updates, reply=False)
        while self._late:
            self._send(self._late.pop(), reply=False)

    def _send(self, body: bytes, *, reply: bool, damaged: bool = False) -> None:
        """Odd ids that always rise with the world's time: 1 mod 4 for replies, 3 mod 4 for the rest."""
        wanted = int(self._world.clock() * 2**32) & ~3 | (1 if reply else 3)
        while wanted <= self._last_id:
            wanted = (self._last_id // 4 + 1) * 4 + (1 if reply else 3)
        self._last_id = wanted
        sequence = self._content_sent * 2 + 1
        self._content_sent += 1
        head = struct.pack("<qqqii", self._key.salt, self.id, wanted, sequence, len(body))
        packet = seal(self._key, head + body)
        if damaged:
            packet = packet[:-1] + bytes([packet[-1] ^ 1])
        self._connection.transport.send(packet)


def _device(request: functions.InitConnectionRequest) -> Device:
    return Device(request.device_model, request.system_version, request.app_version, request.api_id)


def unpack(message_id: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """(message id, body) of what a packet holds: containers split by length, zipped ones unzipped.

    Raises:
        BadPacket: shorter than it says.
    """
    if len(body) < 4:
        raise BadPacket("body")
    (constructor,) = struct.unpack_from("<I", body)
    if constructor == GzipPacked.CONSTRUCTOR_ID:
        with BinaryReader(body) as reader:
            yield from unpack(message_id, GzipPacked.read(reader))
    elif constructor == MessageContainer.CONSTRUCTOR_ID:
        (count,) = struct.unpack_from("<i", body, 4)
        offset = 8
        for _ in range(count):
            inner_id, _, length = struct.unpack_from("<qii", body, offset)
            yield from unpack(inner_id, body[offset + 16 : offset + 16 + length])
            offset += 16 + length
    else:
        yield message_id, body


def encode(result: Any) -> bytes:
    """A handler's result as TL: an object, a Bool, or a vector of objects."""
    if isinstance(result, bytes):
        return result
    if isinstance(result, bool):
        return struct.pack("<I", BOOL[result])
    if isinstance(result, list):
        return struct.pack("<Ii", VECTOR, len(result)) + b"".join(bytes(item) for item in result)
    return bytes(result)
