"""Keys: the server's RSA pair, the exchange that gives a client an authorisation key, and packets under it."""

import math
import os
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha1 as _sha1
from hashlib import sha256
from typing import Any

import rsa
from telethon import helpers
from telethon.crypto import AES, AuthKey
from telethon.crypto.rsa import _compute_fingerprint, get_byte_array
from telethon.extensions import BinaryReader
from telethon.network.mtprotostate import MTProtoState
from telethon.tl.functions import ReqDHParamsRequest, ReqPqMultiRequest, SetClientDHParamsRequest
from telethon.tl.types import (
    ClientDHInnerData,
    DhGenOk,
    PQInnerData,
    ResPQ,
    ServerDHInnerData,
    ServerDHParamsOk,
)

from sandbox.passwords import PRIME, G

P, Q = 2, 1_000_003
"""What the client has to factor as proof of work. Telethon halves an even number at once; of two odd primes of this
size its search gives up with 1 and P * Q in one of 1,500 tries, and the exchange fails."""
SMALL_PRIMES = math.prod(
    number for number in range(3, 2000) if all(number % d for d in range(2, math.isqrt(number) + 1))
)
RSA_EXPONENT = 65537
sha1 = partial(_sha1, usedforsecurity=False)
"""What the protocol's key exchange is built on."""


def make_rsa_key() -> rsa.PrivateKey:
    """A fresh 2048-bit pair in about half a second; the rsa package's own search, without a sieve, takes up to five."""
    while True:
        p, q = _prime(1024), _prime(1024)
        if p != q and math.gcd(RSA_EXPONENT, (p - 1) * (q - 1)) == 1:
            return rsa.PrivateKey(p * q, RSA_EXPONENT, pow(RSA_EXPONENT, -1, (p - 1) * (q - 1)), p, q)


def _prime(bits: int) -> int:
    while True:
        candidate = secrets.randbits(bits) | 3 << (bits - 2) | 1
        if (
            math.gcd(candidate, SMALL_PRIMES) == 1
            and pow(2, candidate - 1, candidate) == 1
            and rsa.prime.is_prime(candidate)
        ):
            return candidate


def public_pem(key: rsa.PrivateKey) -> str:
    """The public half, as clients are given it."""
    pem: bytes = rsa.PublicKey(key.n, key.e).save_pkcs1()
    return pem.decode()


@dataclass(frozen=True, slots=True)
class ClientKey:
    """What a client and we share."""

    auth: AuthKey
    salt: int

    @property
    def id(self) -> int:
        key_id: int = self.auth.key_id
        return key_id


def make_client_key() -> ClientKey:
    """A key that no exchange was needed for: a test puts it into a session file by itself."""
    return ClientKey(AuthKey(os.urandom(256)), secrets.randbits(62))


class BadPacket(Exception):
    """Bytes that no honest client would send; the connection is cut."""


class KeyExchange:
    """One connection's way to a key: three questions in order.

    Args:
        clock: gives seconds since 1970; the client sets its own by it.
    """

    def __init__(self, private: rsa.PrivateKey, clock: Callable[[], float]) -> None:
        self._private = private
        self._clock = clock
        self._secret = secrets.randbits(2040)
        self._nonce = self._server_nonce = self._new_nonce = 0

    def answer(self, question: Any) -> tuple[Any, ClientKey | None]:
        """The answer, and the key once it is agreed on.

        Raises:
            BadPacket: out of order, or not encrypted for us.
        """
        match question:
            case ReqPqMultiRequest():
                return self._begin(question), None
            case ReqDHParamsRequest() if question.nonce == self._nonce:
                return self._offer(question), None
            case SetClientDHParamsRequest() if question.nonce == self._nonce:
                return self._agree(question)
        raise BadPacket(type(question).__name__)

    def _begin(self, question: ReqPqMultiRequest) -> ResPQ:
        self._nonce = question.nonce
        self._server_nonce = int.from_bytes(os.urandom(16), "little", signed=True)
        return ResPQ(self._nonce, self._server_nonce, (P * Q).to_bytes(8, "big"), [_compute_fingerprint(self._private)])

    def _offer(self, question: ReqDHParamsRequest) -> ServerDHParamsOk:
        cipher = int.from_bytes(question.encrypted_data, "big")
        padded = pow(cipher, self._private.d, self._private.n).to_bytes(256, "big")[1:]
        inner = _read(padded[20:])
        if not isinstance(inner, PQInnerData) or sha1(bytes(inner)).digest() != padded[:20]:
            raise BadPacket("pq inner data")
        if {inner.p, inner.q} != {get_byte_array(P), get_byte_array(Q)}:
            raise BadPacket("wrong factors")
        self._new_nonce = inner.new_nonce
        g_a = get_byte_array(pow(G, self._secret, PRIME))
        data = bytes(
            ServerDHInnerData(self._nonce, self._server_nonce, G, get_byte_array(PRIME), g_a, int(self._clock()))
        )
        answer = sha1(data).digest() + data
        answer += os.urandom(-len(answer) % 16)
        return ServerDHParamsOk(self._nonce, self._server_nonce, AES.encrypt_ige(answer, *self._nonce_key()))

    def _agree(self, question: SetClientDHParamsRequest) -> tuple[DhGenOk, ClientKey]:
        plain = AES.decrypt_ige(question.encrypted_data, *self._nonce_key())
        inner = _read(plain[20:])
        if not isinstance(inner, ClientDHInnerData) or sha1(bytes(inner)).digest() != plain[:20]:
            raise BadPacket("client dh inner data")
        shared = pow(int.from_bytes(inner.g_b, "big"), self._secret, PRIME)
        auth = AuthKey(get_byte_array(shared))
        agreed = DhGenOk(self._nonce, self._server_nonce, auth.calc_new_nonce_hash(self._new_nonce, 1))
        return agreed, ClientKey(auth, self._first_salt())

    def _nonce_key(self) -> tuple[bytes, bytes]:
        key: tuple[bytes, bytes] = helpers.generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        return key

    def _first_salt(self) -> int:
        both = self._new_nonce ^ self._server_nonce
        return int.from_bytes((both & (2**64 - 1)).to_bytes(8, "little"), "little", signed=True)


def _read(data: bytes) -> Any:
    with BinaryReader(data) as reader:
        return reader.tgread_object()


def unseal(key: ClientKey, packet: bytes) -> bytes:
    """What a client encrypted: salt, session, message id, sequence number, length, body, padding.

    Raises:
        BadPacket: altered, or under another key.
    """
    secret, msg_key = key.auth.key, packet[8:24]
    if len(packet) < 24 or len(packet[24:]) % 16:
        raise BadPacket("length")
    plain: bytes = AES.decrypt_ige(packet[24:], *MTProtoState._calc_key(secret, msg_key, True))
    if sha256(secret[88:120] + plain).digest()[8:24] != msg_key:
        raise BadPacket("message key")
    return plain


def seal(key: ClientKey, plain: bytes) -> bytes:
    """Encrypt for the client."""
    secret = key.auth.key
    plain += os.urandom(-(len(plain) + 12) % 16 + 12)
    msg_key = sha256(secret[96:128] + plain).digest()[8:24]
    cipher: bytes = AES.encrypt_ige(plain, *MTProtoState._calc_key(secret, msg_key, False))
    return struct.pack("<Q", key.id) + msg_key + cipher
