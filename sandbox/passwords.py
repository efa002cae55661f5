"""Two-step verification: what Telegram keeps of a password, and how someone proves to know it (SRP, RFC 5054's way).

The steps are those of core.telegram.org/api/srp; all numbers are 2048 bits long and hashed as 256 bytes. The same prime
serves the key exchange. Nothing here knows how any of it travels.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Self

G = 3
PRIME = int(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4db"
    "fa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64"
    "2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b41"
    "0dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf"
    "6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)
"""Telegram's published prime: clients know it to be good."""
ROUNDS = 100_000
"""Of PBKDF2-HMAC-SHA512, as the name of Telegram's algorithm says."""


@dataclass(frozen=True, slots=True)
class Password:
    """All that is kept: from the verifier nobody can tell the password."""

    hint: str
    salt1: bytes
    salt2: bytes
    verifier: int = field(repr=False)

    @classmethod
    def of(cls, text: str, hint: str = "") -> Self:
        """A password with fresh salts."""
        salt1, salt2 = secrets.token_bytes(8), secrets.token_bytes(16)
        inner = _hash(salt2, _hash(salt1, text.encode(), salt1), salt2)
        secret = _hash(salt2, hashlib.pbkdf2_hmac("sha512", inner, salt1, ROUNDS), salt2)
        return cls(hint, salt1, salt2, pow(G, int.from_bytes(secret, "big"), PRIME))


class Challenge:
    """One question for a password; it may be answered once."""

    def __init__(self, password: Password) -> None:
        self.id = secrets.randbits(62)
        self._password = password
        self._secret = secrets.randbits(2048)
        multiplier = int.from_bytes(_hash(_padded(PRIME), _padded(G)), "big")
        self.sent = _padded((multiplier * password.verifier + pow(G, self._secret, PRIME)) % PRIME)
        """B, 256 bytes."""

    def is_met(self, sent: bytes, proof: bytes) -> bool:
        """Whether A and M1 come from someone who knows the password."""
        theirs = int.from_bytes(sent, "big")
        if not 0 < theirs < PRIME:
            return False
        both = int.from_bytes(_hash(_padded(theirs), self.sent), "big")
        shared = pow(theirs * pow(self._password.verifier, both, PRIME), self._secret, PRIME)
        group = bytes(a ^ b for a, b in zip(_hash(_padded(PRIME)), _hash(_padded(G)), strict=True))
        salts = _hash(self._password.salt1), _hash(self._password.salt2)
        expected = _hash(group, *salts, _padded(theirs), self.sent, _hash(_padded(shared)))
        return hmac.compare_digest(expected, proof)


def _padded(number: int) -> bytes:
    return number.to_bytes(256, "big")


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
