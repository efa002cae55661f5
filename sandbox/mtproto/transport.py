"""Framing of packets on a TCP stream: abridged, intermediate or full, as the client's first bytes choose."""

import asyncio
import struct

from telethon.network.connection.connection import PacketCodec
from telethon.network.connection.tcpabridged import AbridgedPacketCodec
from telethon.network.connection.tcpfull import FullPacketCodec
from telethon.network.connection.tcpintermediate import IntermediatePacketCodec


class Transport:
    """Whole packets in and out, in the framing that the client speaks.

    Telethon's codecs read and write alike, so both ends use the same ones.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
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
        return packet

    def send(self, packet: bytes) -> None:
        """Hand a packet to the socket; lost where the client is gone."""
        if self._codec is not None and not self._writer.is_closing():
            self._writer.write(self._codec.encode_packet(packet))

    def send_error(self, code: int) -> None:
        """A transport error, such as 404 for a key that is not known."""
        self.send(struct.pack("<i", -code))

    def cut(self) -> None:
        """End the connection at once."""
        self._writer.transport.abort()

    async def readexactly(self, count: int) -> bytes:
        """What a codec reads from."""
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
