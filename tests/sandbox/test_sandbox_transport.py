"""Packets: keys, framing, and bytes that no honest client would send."""

import asyncio
import contextlib
import gzip
import os
import struct

import pytest
import rsa
from hypothesis import given
from hypothesis import strategies as st
from telethon.tl import TLObject, functions

from sandbox.mtproto.keys import BadPacket, make_client_key, seal, unseal
from sandbox.mtproto.session import unpack


def test_a_fresh_rsa_key_is_sound(server_key):
    assert server_key.n == server_key.p * server_key.q
    assert server_key.n.bit_length() == 2048
    assert rsa.prime.is_prime(server_key.p) and rsa.prime.is_prime(server_key.q)
    assert pow(pow(5, server_key.e, server_key.n), server_key.d, server_key.n) == 5


def test_a_packet_that_was_altered_is_not_read():
    key = make_client_key()
    packet = bytearray(seal(key, bytes(64)))
    with pytest.raises(BadPacket):  # what the server seals is not what a client seals
        unseal(key, bytes(packet))
    with pytest.raises(BadPacket):
        unseal(key, bytes(packet[:30]))


@given(st.lists(st.binary(min_size=4, max_size=40).map(lambda tail: b"body" + tail), max_size=5), st.booleans())
def test_containers_and_zipped_bodies_come_apart(bodies, zipped):
    inner = [(4 * n, body) for n, body in enumerate(bodies)]
    packed = struct.pack("<Ii", 0x73F1F8DC, len(inner))
    packed += b"".join(struct.pack("<qii", number, 0, len(body)) + body for number, body in inner)
    if zipped:
        packed = struct.pack("<I", 0x3072CFA1) + TLObject.serialize_bytes(gzip.compress(packed))
    assert list(unpack(99, packed)) == inner


GARBAGE = {
    "nothing": b"",
    "abridged": b"\xef" + b"\x0a" + os.urandom(40),
    "intermediate": b"\xee" * 4 + struct.pack("<i", 40) + os.urandom(40),
    "intermediate, empty": b"\xee" * 4 + struct.pack("<i", 0),
    "full, wrong checksum": struct.pack("<ii", 40, 0) + os.urandom(32),
    "full, negative length": struct.pack("<iii", -1, -1, -1),
    "unencrypted, unknown": b"\xef\x08" + struct.pack("<qqi", 0, 4, 12) + b"12345678abcd",
    "unencrypted, out of order": b"\xef\x0b"
    + struct.pack("<qqi", 0, 4, 24)
    + bytes(functions.PingRequest(1))
    + bytes(12),
    "unencrypted, neither true nor false": b"\xef\x08"
    + struct.pack("<qqi", 0, 4, 12)
    + bytes(functions.account.UpdateStatusRequest(True))[:4]
    + bytes(8),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_ends_its_own_connection_only(sandbox, world, client_of, garbage):
    problems = []
    asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem))
    client = await client_of(world.person("Anna"))
    reader, writer = await asyncio.open_connection(sandbox.host, sandbox.port)
    writer.write(garbage)
    writer.write_eof()
    with contextlib.suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 2)
    writer.close()
    assert (await client.get_me()).first_name == "Anna"
    assert problems == []
