"""What the commands ask in a terminal, and what they draw there."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO

import click
import segno
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from exporter.account.connection import is_in_use
from exporter.account.sealed import is_sealed
from exporter.errors import DoppelgangerError
from exporter.settings.config import Config

BLACK_AND_WHITE = "#ffffff on #000000"
"""Whatever colours the terminal has: a phone does not read a code whose light and dark are swapped."""

_CONTROLS = dict.fromkeys(
    (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), " "
)
"""What would move the cursor, colour the terminal or turn the direction of what follows."""

tell = partial(click.echo, err=True)
"""A line for the user that is not the result."""


def one_line(text: str) -> str:
    """What people wrote, fit for a terminal: a space in place of each line break or control character."""
    return text.translate(_CONTROLS)


def ask(question: str, *, hidden: bool = False) -> str:
    """One line from the terminal, or from whatever stands in its place. Ctrl-C works: asyncio would hold it back.

    Raises:
        DoppelgangerError: there is nobody to ask.
    """
    held_back = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if hidden and sys.stdin.isatty():
            return str(
                click.prompt(question, prompt_suffix="", hide_input=True, default="", show_default=False, err=True)
            )
        click.echo(question, err=True, nl=False)
        answer = sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, held_back)
    if not answer:
        click.echo(err=True)
        raise DoppelgangerError("a question was left without an answer", fix="run this in a terminal")
    return answer.strip()


def unlocked(config: Config) -> Config:
    """With the passphrase of its session: asked for where nothing else tells it, and somebody is there to ask.

    Not while another process has the account, for then nobody else opens the session.
    """
    if config.telegram.passphrase or not is_sealed(config.session) or not sys.stdin.isatty() or is_in_use(config):
        return config
    return config.unlocked_by(ask("Passphrase of the session: ", hidden=True))


@contextmanager
def links(how: str) -> Iterator[Callable[[str | None], None]]:
    """Show addresses as QR codes, each in place of the one before, with a line that says how to use them.

    None takes the code away. Where stdout is no terminal, addresses are printed as they are.
    """
    console = Console()
    if not console.is_terminal:
        yield lambda link: click.echo(link) if link else None
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def show(link: str | None) -> None:
            if link:
                live.update(Group(qr_code(link), Text(how)), refresh=True)
            else:
                live.stop()

        yield show


def qr_code(link: str) -> Text:
    """The address as a QR code of half blocks, two rows to a line."""
    drawn = StringIO()
    segno.make(link, error="l", micro=False).terminal(drawn, border=2, compact=True)
    return Text(drawn.getvalue().rstrip("\n"), BLACK_AND_WHITE, no_wrap=True, overflow="crop")
