"""What a look found: all is well, something to know, a problem with its fix, or that one could not look. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from exporter.errors import DoppelgangerError

WIDTH = 9
"""Columns of the first word of a line."""


class Verdict(StrEnum):
    """How things stand, as the line begins."""

    OK = "ok"
    NOTE = "note"
    """Not as usual, but as the owner may want it."""
    PROBLEM = "problem"
    UNSEEN = "unseen"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line, and what to do about it."""

    about: str
    verdict: Verdict
    says: str
    fix: str = ""


def ok(about: str, says: str) -> Finding:
    """All is well."""
    return Finding(about, Verdict.OK, says)


def note(about: str, says: str, fix: str = "") -> Finding:
    """Something to know; `fix` for whom it is not as he wants it."""
    return Finding(about, Verdict.NOTE, says, fix)


def wrong(about: str, says: str, fix: str) -> Finding:
    """A problem that nobody raised."""
    return Finding(about, Verdict.PROBLEM, says, fix)


def problem(about: str, error: DoppelgangerError) -> Finding:
    """What any other command would end with."""
    return Finding(about, Verdict.PROBLEM, error.problem, error.fix)


def unseen(about: str, why: str) -> Finding:
    """Nobody could look, and why."""
    return Finding(about, Verdict.UNSEEN, f"not looked at: {why}")


def size(count: float) -> str:
    """Bytes as people say them: `640 MB`, `5.1 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def summary(findings: Sequence[Finding]) -> str:
    """The last line of a report."""
    counts = {verdict: sum(one.verdict is verdict for one in findings) for verdict in Verdict}
    problems = counts[Verdict.PROBLEM]
    said = "no problem" if not problems else "1 problem" if problems == 1 else f"{problems} problems"
    rest = [f"{counts[Verdict.NOTE]} to know"] if counts[Verdict.NOTE] else []
    rest += [f"{counts[Verdict.UNSEEN]} not looked at"] if counts[Verdict.UNSEEN] else []
    return ", ".join([said, *rest])
