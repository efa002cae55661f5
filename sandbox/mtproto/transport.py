"""Framing of packets on a TCP stream: abridged, intermediate or full, as the client's first bytes choose."""

import asyncio
import struct

from telethon.network.connection.connection import PacketCodec
from telethon.network.connection.tcpabridged import AbridgedPacketCodec
from telethon.network.connection.tcpfull import FullPacketCodec
from telethon.network.connection.tcpintermediate import IntermediatePacketCodec

from sandbox.faults import Faults

FLOOD = 429
LARGEST = 1 << 24
"""Bytes of one packet, as on Telegram's servers; who announces more speaks something else, HTTP perhaps."""


class Transport:
    """Whole packets in and out, in the framing that the client speaks.

    Telethon's codecs read and write alike, so both ends use the same ones.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: Faults) -> None:
        self._reader = reader
        self._writer = writer
        self._faults = faults
        self._outgoing: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        """Framed packets, each with the time by the loop's clock when it is through."""
        self._heard = 0.0
        """When the last packet came in, by the same clock."""
        self._read_ahead = b""
        self._codec: PacketCodec | None = None

    async def receive(self) -> bytes:
        """The next packet.

        Raises:
            EOFError, OSError: the client is gone.
            BufferError: what it sent is no packet.
        """
        if self._codec is None:
            self._codec = await self._choose()
        packet: bytes = await self._codec.read_packet(self)
        await self._faults.thawed.wait()
        if self._writer.is_closing():
            raise EOFError("cut while it was frozen")
        self._heard = asyncio.get_running_loop().time()
        return packet

    async def deliver(self) -> None:
        """Write what is sent, in its order, for as long as the network lets it through."""
        loop = asyncio.get_running_loop()
        while True:
            due, frame = await self._outgoing.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await self._faults.thawed.wait()
            if not self._writer.is_closing():
                self._writer.write(frame)

    def send(self, packet: bytes) -> None:
        """Send a packet; lost where the client is gone."""
        if self._codec is not None:
            self._send_frame(self._codec.encode_packet(packet))

    def send_error(self, code: int) -> None:
        """A transport error: 404 for a key that is not known, 429 for a flood.

        The latter was seen of Telegram without a frame, as the number three times (Telethon #4042).
        """
        number = struct.pack("<i", -code)
        if code == FLOOD and isinstance(self._codec, FullPacketCodec):
            self._send_frame(number * 3)
        else:
            self.send(number)

    def _send_frame(self, frame: bytes) -> None:
        latency, due = self._faults.latency, 0.0
        if latency:
            due = max(self._heard + latency, asyncio.get_running_loop().time() + latency / 2)
        self._outgoing.put_nowait((due, frame))

    def cut(self) -> None:
        """End the connection at once."""
        self._writer.transport.abort()

    async def readexactly(self, count: int) -> bytes:
        """What a codec reads from.

        Raises:
            BufferError: more than a packet may hold.
        """
        if count > LARGEST:
            raise BufferError(count)
        ahead, self._read_ahead = self._read_ahead[:count], self._read_ahead[count:]
        if len(ahead) == count:
            return ahead
        return ahead + await self._reader.readexactly(count - len(ahead))

    async def _choose(self) -> PacketCodec:
        first = await self._reader.readexactly(1)
        if first == AbridgedPacketCodec.tag:
            return AbridgedPacketCodec(None)
        first += await self._reader.readexactly(3)
        if first == IntermediatePacketCodec.tag:
            return IntermediatePacketCodec(None)
        self._read_ahead = first
        return FullPacketCodec(None)
