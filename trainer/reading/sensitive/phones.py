"""Telephone numbers, as phonenumbers knows the plans of all countries. Prices, dates and order numbers are none."""

import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import TZPATH

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberType

from trainer.reading.sensitive.spans import Group, Kind, Span, groups, runs

_BETWEEN = "[ \t\u00a0\u2009\u202f.()/\u2010-\u2015-]"
_PLUS = re.compile(
    rf"[+\uff0b]{_BETWEEN}{{0,2}}\d(?:{_BETWEEN}{{0,3}}\d){{6,}}|(?<![\w.,])00\d(?:{_BETWEEN}{{0,3}}\d){{8,}}"
)
"""International: behind a plus, or two zeros."""
_NATIONAL = re.compile(rf"(?<![^\W_])(?<![\d.,:=#№$€£₽])\(?\d(?:{_BETWEEN}{{0,3}}\d){{6,}}(?![^\W_])(?![.,:]\d)")
_NAMED = re.compile(
    r"(?:\b(?:phone|telephone|tel|cell|mobile|whatsapp|viber|signal|sms|call me|text me|ring me|handy|telefon\w*|móvil|"
    r"celular|portable|cellulare|komórka)|\bтел(?:ефон\w*)?|\bмоб\w*|\bномер телефона|\bв[ао]тсап\w*|\bвайбер\w*|"
    rf"\bзвони\w*|\bпозвони\w*)(?:[\s:.#№=-]|\b(?:is|on|at|no|number|это|на|по|номер)\b){{1,8}}(\(?\d(?:{_BETWEEN}{{0,2}}\d){{5,14}})"
    r"(?![^\W_])",
    re.IGNORECASE,
)
"""Behind what it is called, even one that is only valid in its own town."""
_NUMBER_OF = re.compile(
    r"(?:\b(?:order|invoice|id|uid|pid|ticket|issue|bug|tracking|isbn|inn|port|size|bytes|imei|serial)|\bзаказ\w*|"
    r"\bсч[её]т\w*|\bинн|\bснилс|\bогрн|\bтрек\w*|\bнакладн\w*|[$€£₽№#])[\s:.#№=-]{0,4}$",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\s?(?:[%$€£₽°]|(?:руб\w*|р|usd|eur|gbp|rub|долл\w*|евро|тыс\w*|млн|млрд|тонн\w*|шт|kb|mb|gb|tb|bytes?|байт\w*|ms|sec\w*|"
    r"сек\w*|years?|лет|people|человек|kg|кг|km|км|m)\b)",
    re.IGNORECASE,
)
_NO_NUMBER = re.compile(
    r"\b(?:\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d)\b|\b\d{1,3}(?:\.\d{1,3}){3}\b"
    r"|\b(?:19|20)\d\d\s?[-\u2010-\u2015/]\s?(?:19|20)\d\d\b|\b\d+\.\d+(?!\.?\d)"
)
"""Dates, addresses of the Internet, years from and to, decimal fractions."""
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
LEAST_DIGITS = 6
"""Of a number that is said to be one."""
_LEAST, _MOST = 9, 15
"""Digits of a number without a plus: fewer say too little. E.164 has at most 15."""
_GROUPS = 8
"""That people cut a number into."""
_STEMS = (
    *(
        "phone",
        "tel",
        "cell",
        "mobile",
        "whatsapp",
        "viber",
        "signal",
        "sms",
        "me",
        "handy",
        "móvil",
        "celular",
        "portable",
    ),
    *("komórka", "тел", "моб", "вотсап", "ватсап", "вайбер", "звони"),
)


def phones(text: str, masked: str, region: str | None) -> Iterator[Span]:
    """Valid international numbers; those of `region` also as they are dialled at home.

    `masked` is the same text without addresses of pages, where digits are no telephone numbers.
    """
    for found in _PLUS.finditer(text):
        yield from _international(groups(text, *found.span()), plus=found.start())
    folded = masked.casefold()
    for found in _NAMED.finditer(masked) if any(stem in folded for stem in _STEMS) else ():
        yield Span(*found.span(1), Kind.PHONE)
    if region:
        plain = _NO_NUMBER.sub(lambda found: "\0" * len(found[0]), masked)
        for found in _NATIONAL.finditer(plain):
            if not _NUMBER_OF.search(plain, max(found.start() - 16, 0), found.start()):
                yield from _at_home(plain, groups(plain, *found.span()), region)


def region_of(phone: str | None, timezone: str) -> str | None:
    """The country whose numbers are meant where none is named: of the owner's own number, else of his clock.

    An ISO 3166 code. Where neither says it (a clock in UTC), None: then only international numbers are known.
    """
    if phone:
        try:
            if region := phonenumbers.region_code_for_number(phonenumbers.parse(phone)):
                return str(region)
        except NumberParseException:
            pass  # a number of Telegram's own test servers is of no country
    for table in (Path(folder) / "zone.tab" for folder in TZPATH):
        if table.exists():
            rows = (line.split("\t") for line in table.read_text("utf-8").splitlines() if not line.startswith("#"))
            return next((country for country, _, zone, *_ in rows if zone == timezone), None)
    return None


def _international(chain: list[Group], *, plus: int) -> Iterator[Span]:
    """From the plus to the last group with which it is valid; a long one in one piece need not be known."""
    for length in range(len(chain), 0, -1):
        digits = "".join(group.digits for group in chain[:length]).removeprefix("00")
        if 7 <= len(digits) <= _MOST and _parsed(f"+{digits}", None):
            yield Span(plus, chain[length - 1].stop, Kind.PHONE)
            return
    if 11 <= len(chain[0].digits) <= _MOST:
        yield Span(plus, chain[0].stop, Kind.PHONE)


def _at_home(text: str, chain: list[Group], region: str) -> Iterator[Span]:
    after = 0
    for run in runs(chain, least=_LEAST, most=_MOST):
        if run[0].start < after or len(run) > _GROUPS or _UNIT.match(text, run[-1].stop):
            continue
        digits = "".join(group.digits for group in run)
        number = _parsed(digits, region)
        if number and _dialled(digits, number, region) and (len(run) > 1 or _bare(digits, number, region)):
            after = run[-1].stop
            before = run[0].start
            yield Span(before - (text[before - 1 : before] == "("), after, Kind.PHONE)


def _parsed(digits: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _dialled(digits: str, number: phonenumbers.PhoneNumber, region: str) -> bool:
    """Written as one dials it: where a 0 leads, it is written, unless the country's code is."""
    metadata = PhoneMetadata.metadata_for_region(region)
    return (metadata and metadata.national_prefix) != "0" or digits.startswith(("0", str(number.country_code)))


def _bare(digits: str, number: phonenumbers.PhoneNumber, region: str) -> bool:
    """In one piece it may be any number, unless it is a mobile phone's or begins as one dials."""
    return digits[0] == "0" or phonenumbers.number_type(number) in _MOBILE
