"""How `init` asks: what an option answers is not asked, what cannot be right is asked again. It knows no question."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from exporter.commands.terminal import ask, tell
from exporter.errors import ConfigError

T = TypeVar("T")


class Interview:
    """With somebody at the terminal, unless `silent`: then defaults are the answers.

    `given` are the answers that options gave.
    """

    def __init__(self, given: Mapping[str, str | None], *, silent: bool) -> None:
        self._given = given
        self._silent = silent
        self._console = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Paragraphs, as wide as the terminal; nothing of them is markup."""
        self._console.print(Text(text))

    def explain(self, text: str) -> None:
        """The same, where there is somebody to read what a question means."""
        if not self._silent:
            self.say(text)

    def confirms(self, question: str) -> bool:
        """Whether the answer is yes."""
        return ask(f"{question} [y/N] ").casefold() in ("y", "yes")

    def answer(
        self, name: str, question: str, check: Callable[[str], T], *, default: str | None = None, hidden: bool = False
    ) -> T:
        """The answer as `check` makes a value of it; a ValueError of its says what is wrong with it.

        `name` is the option that answers it, or the variable in the environment.

        Raises:
            ConfigError: the option says something wrong, or nobody says anything.
        """
        said_by = name if name.isupper() else f"--{name.replace('_', '-')}"
        known = self._given.get(name)
        if known is None and self._silent:
            known = default
        if known is not None:
            try:
                return check(known)
            except ValueError as wrong:
                raise ConfigError(f"{said_by}: {wrong}", fix="mend it, or leave it out to be asked") from None
        if self._silent:
            raise ConfigError(f"{name} is not known", fix=f"say it by {said_by}, or leave out --yes to be asked")
        shown = f" [{default}]" if default else ""
        while True:
            typed = ask(f"{question}{shown}: ", hidden=hidden)
            try:
                return check(typed or default or "")
            except ValueError as wrong:
                tell(f"  {wrong}.")
