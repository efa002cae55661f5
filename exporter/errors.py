"""What can go wrong for a user, each with its remedy and exit code. Bugs are not here: they keep their traceback."""

from datetime import datetime


class DoppelgangerError(Exception):
    """One line of problem and one of fix; commands print both and exit with `exit_code`."""

    exit_code = 1

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return self.problem


class ConfigError(DoppelgangerError):
    """The configuration is missing, mistyped or contradicts itself."""

    exit_code = 2


class LoginError(DoppelgangerError):
    """Telegram does not accept who we say we are: api_id, code, or a revoked session."""

    exit_code = 3


class NothingSynced(DoppelgangerError):
    """The store does not know yet whose account it is."""

    def __init__(self) -> None:
        super().__init__("nothing is synced yet", fix="run `python -m exporter sync` first")


class Passing(DoppelgangerError):
    """Nothing is wrong here: the same may work a little later."""


class ComeBackLater(Passing):
    """Telegram asks for a wait too long to sit through, until an aware moment."""

    exit_code = 4

    def __init__(self, problem: str, *, fix: str, until: datetime) -> None:
        super().__init__(problem, fix=fix)
        self.until = until
