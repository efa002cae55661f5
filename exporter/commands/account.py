"""The commands on the account itself: what is asked in the terminal, and what is said there."""

import asyncio
import signal
import sys
from itertools import chain, repeat
from pathlib import Path

import click

from exporter import config as configuration
from exporter.cli import config_option
from exporter.errors import LoginError
from exporter.login import login


@click.command("login")
@config_option
def login_command(config_path: Path) -> None:
    """Log in with your phone number and Telegram's code.

    Telegram sends the code to your other devices, or as an SMS. The session is kept in the state folder;
    whoever has that file has your account.
    """
    config = configuration.load(config_path)
    codes = chain(["Code that Telegram sent you: "], repeat("That was not the code. Once more: "))
    owner = asyncio.run(
        login(
            config,
            ask_phone=lambda: _ask("Phone number, as in +351…: "),
            ask_code=lambda: _ask(next(codes)),
            ask_password=lambda: _ask("Password of two-step verification: ", hidden=True),
        )
    )
    click.echo(f"Logged in as {owner.name} ({owner.peer_id}).")


def _ask(question: str, *, hidden: bool = False) -> str:
    """One line from the terminal, or from whatever stands in its place. Ctrl-C works: asyncio would hold it back."""
    held_back = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if hidden and sys.stdin.isatty():
            return str(click.prompt(question, prompt_suffix="", hide_input=True, err=True))
        click.echo(question, err=True, nl=False)
        answer = sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, held_back)
    if not answer:
        click.echo(err=True)
        raise LoginError("a question of Telegram's was left without an answer", fix="run this in a terminal")
    return answer.strip()
