"""What all commands of all packages do alike: find the config, print problem and fix, end on Ctrl-C."""

import importlib
import os
import shlex
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, get_args

import click
from rich.console import Console
from rich.text import Text

from exporter import disk
from exporter.errors import ConfigError, DoppelgangerError
from exporter.log import LogFormat, hide_words

EXIT_CODES = """\b
Exit codes:
  0    done
  1    failed; the problem and its fix are printed
  2    usage: a wrong option, or a wrong or missing configuration
  3    login: Telegram does not accept the account or its session
  4    come back later: Telegram asks for a longer wait
  130  interrupted; run the same command again to go on
"""

INTERRUPTED = "Interrupted. Run the same command again to go on"

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("config.toml"),
    envvar="DOPPELGANGER_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)


log_format_option = click.option(
    "--log-format",
    type=click.Choice(get_args(LogFormat)),
    default="text",
    show_default=True,
    help="How events are written: a line of text each, or a line of JSON.",
)


class DefaultGroup(click.Group):
    """A group whose first command is meant where none is named: `python -m exporter --json` is `… sync --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command's name in front of options, or of nothing; what is a word names a command."""
        if not args or (args[0].startswith("-") and args[0] not in self.get_help_option_names(ctx)):
            args = [*list(self.commands)[:1], *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of their definition: the default one first."""
        return list(self.commands)


def run(commands: str) -> NoReturn:
    """Run the group `main` of the module `commands` as a process: errors become two lines and their exit code.

    The module is loaded here, for that takes long enough to press Ctrl-C. Bugs keep their traceback,
    but not what errors say that may quote somebody.
    """
    os.umask(0o077)
    try:
        with loading():
            group = importlib.import_module(commands).main
            hide_words()
        group.main(standalone_mode=False)
    except DoppelgangerError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        asked = getattr(error, "ctx", None)
        _tell(ConfigError(error.format_message(), fix=f"see `{asked.command_path if asked else sys.argv[0]} --help`"))
        sys.exit(error.exit_code)
    except (OSError, sqlite3.Error) as error:
        refusal = disk.explain(error)
        if refusal is None:
            raise
        _tell(refusal)
        sys.exit(refusal.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo(_interrupted(), err=True)
        sys.exit(130)
    sys.exit(0)


def counted(number: int, thing: str) -> str:
    """`1 chat`, `2,636 chats`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


@contextmanager
def loading() -> Iterator[None]:
    """While modules are loaded, let Ctrl-C end the process at once.

    Nothing is at stake then, and compiled modules turn a KeyboardInterrupt into errors of their own. It comes to the
    main thread, so modules that another one loads know nothing of it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> NoReturn:
        click.echo(_interrupted(), err=True)
        os._exit(130)

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted() -> str:
    """What to do after Ctrl-C; with the command itself, where it is one that a user may have typed."""
    program, *arguments = sys.orig_argv
    typed = f": {shlex.join([Path(program).name, *arguments])}" if arguments[:1] == ["-m"] else ""
    return f"{INTERRUPTED}{typed}"


def _tell(error: DoppelgangerError) -> None:
    lines = (("problem: ", "bold red"), error.problem, ("\nfix: ", "bold green"), error.fix)
    Console(stderr=True, soft_wrap=True).print(Text.assemble(*lines))
