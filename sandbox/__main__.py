"""`python -m sandbox`: errors become two lines and exit code 2, Ctrl-C is a clean end, bugs keep their traceback."""

import importlib
import logging
import os
import sys

import click
from rich.console import Console
from rich.text import Text

from sandbox.errors import SandboxError


def run() -> None:
    """Run the commands, which are loaded here: that takes long enough to press Ctrl-C.

    What they write is for nobody else: a world may be somebody's own export.
    """
    os.umask(0o077)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        importlib.import_module("sandbox.commands").main.main(standalone_mode=False)
    except SandboxError as error:
        _tell(error.problem, error.fix)
        sys.exit(2)
    except click.ClickException as error:
        asked = getattr(error, "ctx", None)
        _tell(error.format_message(), f"see `{asked.command_path if asked else sys.argv[0]} --help`")
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        sys.exit(130)


def _tell(problem: str, fix: str) -> None:
    lines = (("problem: ", "bold red"), problem, ("\nfix: ", "bold green"), fix)
    Console(stderr=True, soft_wrap=True).print(Text.assemble(*lines))


if __name__ == "__main__":
    run()
