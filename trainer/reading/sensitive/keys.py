"""Keys and tokens, known by the form that their makers gave them; and e-mail addresses."""

import re
from collections.abc import Iterator

from trainer.reading.sensitive.spans import Kind, Span

_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*-----|\Z)")
PREFIXES = (
    *("sk-", "sk_live_", "sk_test_", "rk_live_", "pk_live_", "whsec_"),  # OpenAI, Anthropic, Stripe
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"),  # GitHub, GitLab
    *("xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "xapp-"),  # Slack
    *("AIza", "ya29.", "AKIA", "ASIA", "dop_v1_", "SG.", "hf_", "npm_", "pypi-", "AGE-SECRET-KEY-1"),
)
"""What issued keys begin with."""
_ISSUED = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, PREFIXES))})[\w.-]{{15,}}[\w-]", re.ASCII)
_BOT = re.compile(r"(?<![A-Za-z0-9])\d{6,11}:[\w-]{35}(?![\w-])", re.ASCII)
"""A Telegram bot's token."""
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*", re.ASCII)
_NAMED = re.compile(
    r"(?:api[ _-]?key|api[ _-]?hash|access[ _-]?key|secret[ _-]?key|client[ _-]?secret|secret|token|bearer|токен|ключ)"
    r"[\"']?\s*(?:[:=]|\bis\b|это|\s)\s*[\"']?((?=[\w.~+/-]*\d)(?=[\w.~+/-]*[A-Za-z])[\w.~+/-]{16,}=*)",
    re.IGNORECASE | re.ASCII,
)
"""Behind what it is called: letters and digits, 16 or more."""
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_][^\W_]{1,62}(?![\w@])")
_SERVICE = frozenset({"git", "hg", "svn"})
"""git@github.com is nobody's address."""


def keys(text: str) -> Iterator[Span]:
    """Private keys, tokens, and what stands behind such a word."""
    for pattern in (_BLOCK, _ISSUED, _BOT, _JWT):
        for found in pattern.finditer(text):
            yield Span(*found.span(), Kind.KEY)
    for found in _NAMED.finditer(text):
        yield Span(*found.span(1), Kind.KEY)
    for found in _IN_ADDRESS.finditer(text):
        yield Span(*found.span(), Kind.PASSWORD)


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses; an @name has nothing before it."""
    for found in _EMAIL.finditer(text):
        if found[0].partition("@")[0].lower() not in _SERVICE:
            yield Span(*found.span(), Kind.EMAIL)
