"""What only the words around it give away: passwords, one-time codes, PINs; in the languages that people write here."""

import re
from collections.abc import Iterator

from trainer.reading.sensitive.spans import Kind, Span

PASSWORD_WORDS = (
    *("password", "passwd", "passphrase", "pass phrase", "passcode", "pwd"),
    *("пароль", "пароля", "паролем", "пасс", "пассворд", "парол"),  # Russian, Ukrainian, Bulgarian
    *("passwort", "kennwort", "contraseña", "mot de passe", "mdp", "senha", "palavra-passe", "parola", "parolă"),
    *("hasło", "heslo", "wachtwoord", "lösenord", "salasana", "jelszó", "şifre", "lozinka", "κωδικός"),
    *("密码", "密碼", "パスワード", "비밀번호", "סיסמה", "סיסמא", "كلمة السر", "كلمة المرور", "mật khẩu", "kata sandi"),
)
_STEMS = (
    *("pass", "pwd", "mdp", "парол", "пасс", "kennwort", "contrase", "senha", "parol", "hasło", "heslo", "wachtwoord"),
    *(
        "lösenord",
        "salasana",
        "jelszó",
        "şifre",
        "lozinka",
        "κωδικό",
        "密码",
        "密碼",
        "パスワード",
        "비밀번호",
        "סיסמ",
        "كلمة",
    ),
    *("mật khẩu", "kata sandi"),
)
"""One of these is in every word for a password; looking for them is far faster than for all forms."""
_CODE_STEMS = (
    *("code", "код", "kod", "otp", "2fa", "pin", "пин", "cvv", "cvc", "password", "парол", "домофон", "tan", "passwor"),
    *("kennwort", "código", "codigo", "codice", "mã ", "验证码", "驗證碼", "校验码", "コード", "인증", "קוד", "رمز"),
)
_FORMS = "|".join(map(re.escape, sorted(PASSWORD_WORDS, key=len, reverse=True)))
_WORD = rf"(?<![^\W_])(?:{_FORMS}|pass(?=\s*[:=]))(?![^\W_])"
_QUOTED = r"[\"'«“`][^\"'»”`\n]{3,}[\"'»”`]"
_PASSWORD = re.compile(
    rf"{_WORD}[^\S\n]*(?:[:=]|[\u2010-\u2015-]>?(?=\s)|[-=]>)[^\S\n]*(?P<named>{_QUOTED}|[^\s\0]{{3,}})"
    rf"|{_WORD}[^\S\n]+(?:is|was|это|ist|est|es|est[áà]|é|je|jest|to)[^\S\n]+(?P<told>[^\s\0]+)"
    rf"|{_WORD}(?:[^\S\n]+[^\s\0]+){{0,4}}?[^\S\n]+(?P<last>[^\s\0]+)[^\S\n]*(?:$|\n)",
    re.IGNORECASE,
)
"""Behind a colon anything is one; behind `is`, or as the last word, only what nobody would take for a word."""
_ASKED = re.compile(rf"{_WORD}(?:[^\S\n]+(?:is|это|ist|est|es|é))?[^\S\n]*[:=-]*[^\S\n]*$", re.IGNORECASE)
_NO_WORD = re.compile(r"(?=\S*\d)(?=\S*[^\W\d_])\S{6,}|\S*[^\W_][#$%^&*!@+=]+[^\W_]\S{3,}|\d{4,}(?=[.,!;]?$)")
_HARMLESS = re.compile(
    r"@[A-Za-z]\w*$|\w+://|t\.me/|\[\w+ \d+\]|\d+[- ]?(?:min|sec|day|hour|char|bit)\w*$", re.IGNORECASE
)

_NUMBER = (
    r"(?<![0-9A-Za-zÀ-ÿА-яЁё_.,+$€£₽#№-])(?:[A-Z]{{1,3}}-)?"
    r"(?P<{0}>\d{{3}}[ \u00a0-]\d{{3,4}}|\d{{2}}[ -]\d{{2}}[ -]\d{{2}}|\d{{4,8}})(?![\w%$€£₽]|[.,:/-]\d)"
)
_STRONG = "|".join(
    (
        r"(?:verification|confirmation|security|login|log-in|sign-in|access|auth(?:entication)?|one[- ]time|sms|2fa|"
        r"entry|door|gate|unlock|activation|recovery|reset)[ -](?:code|pin|passcode|password)|\b(?:otp|2fa)\b",
        r"код\w* (?:подтвержд|для входа|входа|доступа|безопасности|активации|авторизации|восстановления)\w*",
        r"код\w* (?:из (?:смс|sms)|от (?:двери|подъезда|домофона|калитки|сейфа)|домофона|подъезда)",
        r"(?:проверочн|одноразов|секретн|смс|sms)[\w-]*[ -](?:код|парол)\w*|домофон\w*",
        r"код\w* (?:перевірки|підтвердження)",
        r"(?:bestätigungs|sicherheits|zugangs|anmelde|prüf|einmal|tür)-?(?:code|passwort|kennwort)\w*|\bm?tan\b",
        r"c[óo]digo (?:de|do) (?:verifica|confirma|segur|acces)\w*|código de acesso",
        r"code (?:de|d') ?(?:v[ée]rif|confirm|s[ée]cur|acc[èe]s)\w*",
        r"codice (?:di )?(?:verifica|conferma|sicurezza|accesso)|kod\w* (?:weryfik|potwierdz|dost[ęe]p)\w*",
        r"(?:doğrulama|onay|güvenlik) kodu|verificatiecode|bevestigingscode|verifieringskod",
        r"mã (?:xác|otp)\w*|kode (?:verifikasi|otp)|验证码|驗證碼|校验码|認証コード|確認コード|인증 ?번호",
        r"קוד (?:אימות|כניסה)|رمز (?:التحقق|الدخول)",
    )
)
_OTHER = "error exit return status http zip postal post area country source qr bar region promo response почтовый промо"
"""Codes that let nobody in."""
_WEAK = "".join(f"(?<!{word}[ -])" for word in _OTHER.split()) + r"\b(?:code|код|kode?|c[óo]digo|codice|コード|קוד|رمز)"
_YOURS = r"\b(?:your|ваш|твой|мой|my|the|dein|ihr|votre|ton|tu|su|tuo|seu|twój|sizin)\b"
_IS = r"[^\S\n]*(?:[:=-]|\u2014|\bis\b|это|\bist\b|\best\b|\bes\b|\bé\b)?[^\S\n]*"
_CODE = re.compile(
    rf"(?:{_STRONG})[^\d\n\0]{{0,40}}{_NUMBER.format('strong')}"
    rf"|{_NUMBER.format('before')}[^\d\n\0]{{0,30}}(?:{_STRONG})"
    rf"|{_NUMBER.format('yours')}\W{{1,4}}(?:is|это|ist|est|es|é)?\W{{0,2}}{_YOURS}[^\d\n\0]{{0,30}}(?:code|код|kod|c[óo]d)"
    rf"|{_WEAK}{_IS}(?!(?:19|20)\d\d(?!\d)){_NUMBER.format('weak')}",
    re.IGNORECASE,
)
_PIN = re.compile(
    r"(?<![^\W_])(?:pin(?:[ -]?code)?|пин(?:[ -]?код)?|cvv2?|cvc2?)(?![^\W_])[\s:=#-]*"
    r"(?:is|это|ist|est|es|от карты)?[\s:=-]*(\d{3,8})(?![\w]|[.,]\d)",
    re.IGNORECASE,
)


def named(folded: str) -> bool:
    """Whether a text, in lower case, may name a password."""
    return any(stem in folded for stem in _STEMS)


def passwords(text: str) -> Iterator[Span]:
    """What stands behind such a word."""
    if not named(text.casefold()):
        return
    for found in _PASSWORD.finditer(text):
        name = found.lastgroup or ""
        value = found[name].rstrip(".,;!?)") if name != "named" else found[name]
        if not value or _HARMLESS.match(value):
            continue
        if name == "named" or _NO_WORD.match(value):
            start = found.start(name)
            yield Span(start, start + len(value), Kind.PASSWORD)


def asks(text: str) -> bool:
    """Whether the next message may be nothing but a password: this one ends with the word."""
    return _ASKED.search(text) is not None


def codes(text: str) -> Iterator[Span]:
    """Codes that let somebody in: named as such, not error codes, postal codes or years."""
    folded = text.casefold()
    if not any(stem in folded for stem in _CODE_STEMS):
        return
    for found in _CODE.finditer(text):
        name = next(key for key in ("strong", "before", "yours", "weak") if found[key])
        yield Span(*found.span(name), Kind.CODE)
    for found in _PIN.finditer(text):
        yield Span(*found.span(1), Kind.CODE)
