"""What every command of every package does alike: find the config, print problem and fix, end on Ctrl-C."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.text import Text

from exporter.errors import DoppelgangerError

EXIT_CODES = """\b
Exit codes:
  0    done
  1    failed; the problem and its fix are printed
  2    usage: a wrong option, or a wrong or missing configuration
  3    login: Telegram does not accept the account or its session
  4    come back later: Telegram asks for a longer wait
  130  interrupted; run the same command again to go on
"""

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


class DefaultGroup(click.Group):
    """A group whose first command is meant where none is named: `python -m exporter --json` is `… sync --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command's name in front, unless a command or the group's help is asked for."""
        named = bool(args) and (args[0] in self.commands or args[0] in self.get_help_option_names(ctx))
        if not named and self.commands:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of their definition: the default one first."""
        return list(self.commands)


def run(group: click.Group) -> NoReturn:
    """Run a command group as a process: errors become two lines and their exit code, bugs keep their traceback."""
    os.umask(0o077)
    console = Console(stderr=True, soft_wrap=True)
    try:
        group.main(standalone_mode=False)
    except DoppelgangerError as error:
        console.print(Text.assemble(("problem: ", "bold red"), error.problem, ("\nfix: ", "bold green"), error.fix))
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        console.print("Interrupted. Run the same command again to go on.")
        sys.exit(130)
    sys.exit(0)
