"""Secrets that must not be learned, and numbers that are none."""

import binascii
import re
import time
from base64 import urlsafe_b64encode
from hashlib import sha256

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.reading.dialogue import Turn
from trainer.reading.prompt import Scene
from trainer.reading.redact import PLACEHOLDER, Redactor, find, placeholders
from trainer.reading.sensitive.banking import luhn
from trainer.reading.sensitive.phones import region_of
from trainer.reading.sensitive.spans import Kind

SECRETS = {
    "my card is 4111 1111 1111 1111 ok": "my card is [card 1] ok",
    "4111-1111-1111-1111": "[card 1]",
    "карта4111111111111111.": "карта[card 1].",
    "amex 3782 822463 10005": "amex [card 1]",
    "Мир 2200 1234 5678 9019": "Мир [card 1]",
    "5 1 0 5 1 0 5 1 0 5 1 0 5 1 0 0": "[card 1]",
    "in 2019 4111 1111 1111 1111 22": "in 2019 [card 1] 22",
    "٤١١١ ١١١١ ١١١١ ١١١١": "[card 1]",
    "DE89 3704 0044 0532 0130 00 thanks": "[iban 1] thanks",
    "gb82WEST12345698765432": "[iban 1]",
    "IBAN:NO93 8601 1117 947,": "IBAN:[iban 1],",
    "call me +7 916 123-45-67!": "call me [phone 1]!",
    "8 (916) 123-45-67": "[phone 1]",
    "(916) 123-45-67": "[phone 1]",
    "89161234567": "[phone 1]",
    "9161234567": "[phone 1]",
    "мой 8-916-123-45-67 2 раза": "мой [phone 1] 2 раза",
    "тел 123-45-67": "тел [phone 1]",
    "+44 20 7946 0958": "[phone 1]",
    "0049 30 901820": "[phone 1]",
    "+8881234567890": "[phone 1]",
    "https://wa.me/79161234567": "https://wa.me/[phone 1]",
    "me@example.com, you.two+x@mail.co.uk": "[email 1], [email 2]",
    "почта иван@почта.рф": "почта [email 1]",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": "[wallet 1]",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": "[wallet 1]",
    "0x52908400098527886E0F7030069857D2E4169EE7": "[wallet 1]",
    "EQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqB2N": "[wallet 1]",
    "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ": "[key 1]",
    "seed phrase: abandon ability able about above absent absorb abstract absurd abuse access accident":
        "seed phrase: [key 1]",
    "sk-proj-abcdefghijklmnopqrstuvwxyz012345": "[key 1]",
    "export T=ghp_abcdefghijklmnopqrstuvwxyz0123456789;": "export T=[key 1];",
    "123456789:AAabcdefghijklmnopqrstuvwxyz0123456": "[key 1]",
    "api_hash = 0123456789abcdef0123456789abcdef": "api_hash = [key 1]",
    "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----": "[key 1]",
    "Your code is 123456": "Your code is [code 1]",
    "код: 12345": "код: [code 1]",
    "Код подтверждения 1234. Никому не говорите": "Код подтверждения [code 1]. Никому не говорите",
    "G-123456 is your Google verification code": "G-[code 1] is your Google verification code",
    "123 456 — ваш код": "[code 1] — ваш код",
    "Login code: 12345. Do not give this code": "Login code: [code 1]. Do not give this code",
    "Ihr Bestätigungscode lautet 482913": "Ihr Bestätigungscode lautet [code 1]",
    "tu código de verificación es 482913": "tu código de verificación es [code 1]",
    "您的验证码是482913": "您的验证码是[code 1]",
    "код от домофона 4581": "код от домофона [code 1]",
    "pin: 1234": "pin: [code 1]",
    "CVV 123": "CVV [code 1]",
    "password: hunter2": "password: [password 1]",
    "Пароль : кошка": "Пароль : [password 1]",
    "пароль от вайфая qwerty123": "пароль от вайфая [password 1]",
    "the password is Xy7!abcd.": "the password is [password 1].",
    "user/pass: bob/secret": "user/pass: [password 1]",
    "postgres://bob:s3cr3t@localhost/x": "postgres://[password 1]@localhost/x",
    "+79161234567 and 8 916 123 45 68, again 8 (916) 123-45-67": "[phone 1] and [phone 2], again [phone 1]",
}  # fmt: skip

HARMLESS = [
    "it costs 1 234 567 руб, or 10 000 000 000",
    "1609459200",
    "in 2019-2020 21 people, 2001 2002 2003 2004 2005",
    "2020-01-02 10:20, 20.11.2026 17:00-18:30",
    "192.168.100.200 or 10.0.0.1:8080",
    "error code 404, exit code 13700, zip code 12345, code 2020, код 2024",
    "https://t.me/c/1234567890/55 and https://t.me/+AbCdEf123 t.me/durov",
    "@username99 @2023",
    "1000000000 people, order 9161234567, № 89161234567, $9161234567",
    "3.14159265358979, 0.25 0.5 0.75",
    "password is wrong, forgot my password again, пароль не помню, password reset on ubuntu",
    "no password?  the password just gets reset",
    "ubuntu-20.04.1-desktop-amd64.iso, version 5.15.0-91.101",
    "git@github.com:foo/bar.git",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "1920x1080, 12345678 kB, 100500, 9999999999 руб",
    "4111 1111 1111 1112",
    "DE88 3704 0044 0532 0130 00",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
    "12 15 18 22 31 40 45 46 48 50 51 53",
    "jaclyn@jaclyn:~$ sudo lshw",
    "a@b c @.@",
    "see you at 19:30, gate 12, seat 14C, 5 мин",
    "ok",
    "",
]


def redact(text: str, region: str | None = "RU") -> str:
    return Redactor(region).text(text)


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_becomes_a_placeholder(text):
    assert redact(text) == SECRETS[text]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    ("region", "phone", "number"),
    [
        ("US", "(212) 555-2368", "2019-2020 21"),
        ("DE", "0170 1234567", "1609459200"),
        ("PT", "912 345 678", "12 345 678 901 234"),
        ("GB", "020 7946 0958", "7946 0958 12"),
        ("FR", "06 12 34 56 78", "12 34 56 78 90"),
    ],
)
def test_numbers_are_read_as_one_dials_at_home(region, phone, number):
    assert redact(f"call {phone} now", region) == "call [phone 1] now"
    assert redact(f"what of {number} now", region) == f"what of {number} now"
    assert redact(f"it was {phone}", None) == f"it was {phone}"


def test_the_region_is_the_numbers_or_the_clocks():
    assert region_of("+4917012345678", "Europe/Lisbon") == "DE"
    assert region_of(None, "Europe/Lisbon") == region_of("+9996612345", "Europe/Lisbon") == "PT"
    assert region_of(None, "UTC") is None


def test_names_and_bursts_go_through_it_and_a_secret_keeps_its_number():
    redactor = Redactor("RU")
    assert redactor.scene(Scene("Ann", "+7 916 123-45-67")) == Scene("Ann", "[phone 1]")
    said = redactor.turns([
        Turn("Ann", True, ("пароль:", "hunter2", "ok")),
        Turn("+79161234567", False, ("+79161234568", "me@example.com")),
    ])  # fmt: skip
    assert said == (
        Turn("Ann", True, ("пароль:", "[password 1]", "ok")),
        Turn("[phone 1]", False, ("[phone 2]", "[email 1]")),
    )
    counted = placeholders(text for turn in said for text in turn.texts)
    assert counted == {Kind.PASSWORD: 1, Kind.PHONE: 1, Kind.EMAIL: 1}


BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(payload: bytes) -> str:
    number = int.from_bytes(payload + sha256(sha256(payload).digest()).digest()[:4])
    signs = ""
    while number:
        number, rest = divmod(number, 58)
        signs = BASE58[rest] + signs
    return "1" * (len(payload) - len(payload.lstrip(b"\0"))) + signs


def broken(digits: str, gap: str, *sizes: int) -> str:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(digits[at : at + size])
        at += size
    return gap.join(filter(None, [*pieces, digits[at:]]))


@st.composite
def card(draw: st.DrawFn) -> str:
    prefix = draw(st.sampled_from(["4", "51", "2221", "2200", "35285"]))
    digits = prefix + "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=15, max_size=15)))
    digits = next(full for full in (digits[:15] + last for last in "0123456789") if luhn(full))
    gap = draw(st.sampled_from([" ", "-", "\u00a0", "."]))
    return broken(digits, gap, *draw(st.sampled_from([(), (4, 4, 4), (8,), (6, 4), (1,) * 15])))


@st.composite
def iban(draw: st.DrawFn) -> str:
    country, size = draw(st.sampled_from([("DE", 18), ("NO", 11), ("RU", 0), ("PL", 24)]).filter(lambda one: one[1]))
    account = "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=size, max_size=size)))
    check = 98 - int(account + "".join(str(int(sign, 36)) for sign in country) + "00") % 97
    return broken(f"{country}{check:02}{account}", draw(st.sampled_from(["", " ", "-"])), 4, 4, 4, 4)


@st.composite
def phone(draw: st.DrawFn) -> str:
    region = draw(st.sampled_from(["RU", "US", "DE", "GB", "BR", "JP", "IN", "UA", "FR", "IL", "NG"]))
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    style = draw(st.sampled_from([phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.INTERNATIONAL]))
    gap = draw(st.sampled_from([" ", "-", ".", "\u2011"]))
    return phonenumbers.format_number(number, style).replace(" ", gap)


names = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=10)
kinds = {
    Kind.CARD: card(),
    Kind.IBAN: iban(),
    Kind.PHONE: phone(),
    Kind.EMAIL: st.builds("{}.{}@{}.org".format, names, names, names),
    Kind.WALLET: st.one_of(
        st.binary(min_size=20, max_size=20).map(lambda raw: base58check(b"\0" + raw)),
        st.binary(min_size=20, max_size=20).map(lambda raw: f"0x{raw.hex()}"),
        st.binary(min_size=32, max_size=32).map(
            lambda raw: urlsafe_b64encode((r := b"\x11\0" + raw) + binascii.crc_hqx(r, 0).to_bytes(2)).decode()
        ),
    ),
    Kind.KEY: st.one_of(
        st.text("abcXYZ0189", min_size=36, max_size=36).map("ghp_{}".format),
        st.text("abcXYZ0189_-", min_size=34, max_size=34).map("7654321098:A{}".format),
    ),
}


@settings(max_examples=60)
@given(st.sampled_from(sorted(kinds)).flatmap(lambda kind: st.tuples(st.just(kind), kinds[kind])), names, names)
def test_no_secret_survives_wherever_it_stands(secret, before, after):
    kind, value = secret
    for left, right in (("", ""), (f"{before} ", f" {after}"), (f"{before}: ", f", {after}"), ("(", ")"), ("«", "».")):
        out = redact(f"{left}{value}{right}", None)
        assert PLACEHOLDER.search(out)[1] == kind, out
        assert PLACEHOLDER.sub("", out) == left + right


@given(
    st.sampled_from(["password: {}", "пароль - {}", "pass={} ok", "Your code is {}", "pin {}"]),
    st.integers(10**3, 10**6),
)
def test_no_named_secret_survives(cue, value):
    assert str(value) not in PLACEHOLDER.sub("", redact(cue.format(f"{value}"), None)) or 1900 <= value < 2100


pieces = st.one_of(
    *kinds.values(), st.sampled_from([*SECRETS, *HARMLESS, "[phone 1]", "[card 22]"]), st.text(max_size=8)
)


@settings(max_examples=60)
@given(st.lists(pieces, max_size=5), st.sampled_from(["", " ", "\n", " 1", "7-"]))
def test_redacting_twice_is_redacting_once(some, between):
    once = redact(between.join(some))
    assert redact(once) == once and not find(once, "RU")


@given(st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@:="), max_size=60))
def test_words_stay_as_they_are(text):
    if not re.search(r"[\w+/.=-]{16}", text, re.ASCII):
        assert redact(text) == text


def test_a_message_takes_microseconds():
    texts = ["are you there? i will be at home in the evening, as always", "ok 5 min", "see https://t.me/c/123/4"] * 500
    redact("8 916 123 45 67")  # the plan of a country is read when it is first needed
    redactor, began = Redactor("RU"), time.process_time()
    for text in texts:
        redactor.text(text)
    assert (time.process_time() - began) / len(texts) < 100e-6


@pytest.mark.parametrize(
    "piece", ["1 ", "4111 ", "89161234567 ", "password ", "code ", "seed word ", "a", "@", "a.b@", "+1 (", "1a", "://:"]
)
def test_no_message_takes_long(piece):
    began = time.process_time()
    redact(piece * (4096 // len(piece)))
    assert time.process_time() - began < 1
