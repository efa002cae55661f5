"""Addresses and keys of cryptocurrencies, by their checksums; and the words that a wallet is restored from."""

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from hashlib import sha256

from trainer.reading.sensitive.spans import Kind, Span

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_WORD = re.compile(rf"(?<![A-Za-z0-9])[{_BASE58}]{{26,112}}(?![A-Za-z0-9])")
_PRIVATE = 50
"""So many signs of Base58Check, or more, are a private key: addresses have 26 to 36."""
_SOLANA = (43, 44)
_MONERO = 95
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_WORD = re.compile(rf"(?<![A-Za-z0-9])(bc|tb|ltc)1([{_BECH32}]{{11,87}})(?![A-Za-z0-9])", re.IGNORECASE)
_BECH32_CONSTANTS = frozenset({1, 0x2BC830A3})
"""Of bech32 and of bech32m: BIP 173 and BIP 350."""
_ETHEREUM = re.compile(r"(?<![A-Za-z0-9])0x(?:[0-9a-f]{40}|([0-9a-f]{64}))(?![A-Za-z0-9])", re.IGNORECASE)
_TON = re.compile(r"(?<![\w-])[EUk0]Q[\w-]{46}(?![\w-])", re.ASCII)
_PHRASE = re.compile(
    r"(?:seed|recovery|secret|mnemonic|backup|сид|мнемоник\w*|секретн\w+)[\s-]*(?:phrase|words|seed|фраз\w*|слов\w*)?"
    r"[^\w\n]*(?:is|это)?[\s:=—-]*((?:\d{1,2}[.)]?\s+)?[^\W\d_]{3,8}(?:[\s,]+(?:\d{1,2}[.)]?\s+)?[^\W\d_]{3,8}){11,23})\b",
    re.IGNORECASE,
)
"""12 to 24 words, as BIP 39 has them, behind what they are called."""
_STEMS = ("seed", "recovery", "secret", "mnemonic", "backup", "сид", "мнемоник", "секретн")


def named(folded: str) -> bool:
    """Whether a text, in lower case, may name a seed phrase."""
    return any(stem in folded for stem in _STEMS)


def wallets(text: str) -> Iterator[Span]:
    """Addresses; what looks like one and has a wrong checksum is none."""
    for word in _BASE58_WORD.finditer(text):
        if (kind := _base58_kind(word[0])) is not None:
            yield Span(*word.span(), kind)
    for word in _BECH32_WORD.finditer(text):
        if _bech32_checks(word[1].lower(), word[2].lower()):
            yield Span(*word.span(), Kind.WALLET)
    for word in _ETHEREUM.finditer(text):
        yield Span(*word.span(), Kind.KEY if word[1] else Kind.WALLET)
    for word in _TON.finditer(text):
        raw = urlsafe_b64decode(word[0])
        if binascii.crc_hqx(raw[:34], 0) == int.from_bytes(raw[34:]):
            yield Span(*word.span(), Kind.WALLET)


def phrases(text: str) -> Iterator[Span]:
    """Seed phrases."""
    if not named(text.casefold()):
        return
    for found in _PHRASE.finditer(text):
        yield Span(*found.span(1), Kind.KEY)


def _base58_kind(word: str) -> Kind | None:
    """A checksum where the currency has one (Base58Check); where it has none, the length and the look."""
    number = 0
    for sign in word:
        number = number * 58 + _BASE58.index(sign)
    zeros = len(word) - len(word.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
    if sha256(sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]:
        return Kind.KEY if len(word) >= _PRIVATE else Kind.WALLET
    mixed = any(map(str.isupper, word)) and any(map(str.islower, word)) and any(map(str.isdigit, word))
    if mixed and ((len(word) in _SOLANA and len(raw) == 32) or (len(word) == _MONERO and word[0] in "48")):
        return Kind.WALLET
    return None


def _bech32_checks(prefix: str, data: str) -> bool:
    """The checksum of BIP 173, a BCH code over GF(32)."""
    values = [ord(sign) >> 5 for sign in prefix] + [0] + [ord(sign) & 31 for sign in prefix]
    checksum = 1
    for value in [*values, *map(_BECH32.index, data)]:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum in _BECH32_CONSTANTS
