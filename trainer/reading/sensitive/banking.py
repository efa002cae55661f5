"""Payment cards and bank accounts. Both carry a checksum, so an order number is hardly ever taken for one."""

import re
from collections.abc import Iterator

from trainer.reading.sensitive.spans import GAP, Group, Kind, Span, ascii_digits, groups, runs

_CARD_DIGITS = (12, 19)
"""ISO/IEC 7812-1: a primary account number has at most 19."""
LEAST_DIGITS = 10
"""Of an IBAN; the shortest, of Norway, has 13, but Malta's may have letters in place of most."""
_CHAIN = re.compile(rf"\d(?:{GAP}{{0,3}}\d){{{_CARD_DIGITS[0] - 1},}}")
_NETWORKS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}"  # Discover
    r"|62\d{14,17}"  # UnionPay
    r"|220[0-4]\d{12,15}"  # Mir
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
    r"|(?:60|81|82|508\d)\d{12,14}|9792\d{12}"  # RuPay, Troy
)
_IBAN = re.compile(rf"(?<![^\W_])[A-Z]{{2}}{GAP}?\d(?:{GAP}?[A-Z0-9]){{12,}}", re.IGNORECASE)
_REGISTRY = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 "
    "QA29 RO24 RS22 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
)
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _REGISTRY.split()}
"""Characters of an IBAN by country: SWIFT's IBAN registry, ISO 13616."""


def cards(text: str) -> Iterator[Span]:
    """Numbers of a known network's form whose last digit is right (Luhn), in groups as on the card or in one piece."""
    for found in _CHAIN.finditer(text):
        after = 0
        for run in runs(groups(text, *found.span()), least=_CARD_DIGITS[0], most=_CARD_DIGITS[1]):
            digits = "".join(group.digits for group in run)
            if run[0].start >= after and _as_on_a_card(run) and _NETWORKS.fullmatch(digits) and luhn(digits):
                after = run[-1].stop
                yield Span(run[0].start, after, Kind.CARD)


def ibans(text: str) -> Iterator[Span]:
    """International bank account numbers of their country's length whose check digits are right (mod 97)."""
    for found in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(found[0][:2].upper())
        signs = [at for at in range(*found.span()) if text[at].isalnum()]
        if length is None or len(signs) < length:
            continue
        stop = signs[length - 1] + 1
        glued = text[stop : stop + 1].isalnum()
        if not glued and _mod_97("".join(text[at] for at in signs[:length])) == 1:
            yield Span(found.start(), stop, Kind.IBAN)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others: ISO/IEC 7812-1, annex B."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _as_on_a_card(run: list[Group]) -> bool:
    """Groups of three digits or more, or each digit by itself; a list of small numbers is neither."""
    sizes = [len(group.digits) for group in run]
    return all(size >= 3 for size in sizes[:-1]) or set(sizes) == {1}


def _mod_97(iban: str) -> int:
    """ISO 7064: the first four signs go to the end, letters count from 10."""
    moved = ascii_digits(iban[4:] + iban[:4])
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97
