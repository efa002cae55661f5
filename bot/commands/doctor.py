"""`doctor`: look at all that a running double needs, and say what is wrong with it."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from bot.doctor.examine import examine
from bot.doctor.findings import WIDTH, Finding, Verdict, problem, summary
from exporter.cli import config_option
from exporter.commands.terminal import unlocked
from exporter.errors import ConfigError
from exporter.log import log_to_stderr
from exporter.progress import progress
from exporter.settings import config as configuration

STYLES = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.PROBLEM: "bold red", Verdict.UNSEEN: "dim"}


@click.command("doctor")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON: about, verdict, says, fix of each.")
def doctor_command(config_path: Path, as_json: bool) -> None:
    """Look at everything that could be wrong, and say how to mend it.

    That is: the configuration and whom it names, who agreed, permissions, the model and its file, memory, disk, how old
    the history is, what is stopped, who has the account, whether Telegram accepts it and the control bot, and the
    clock. Each is a line: ok; a note, where something is not as usual; a problem, with its fix under it; or unseen,
    with why. Nothing is changed, and nothing is sent to anybody.

    Beside a running bot, which alone may use the account, all but the account is looked at. Exit code 1 says that there
    is a problem.
    """
    log_to_stderr()
    findings = _examined(config_path)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in findings], ensure_ascii=False))
    else:
        _print(findings)
    sys.exit(any(one.verdict is Verdict.PROBLEM for one in findings))


def _examined(config_path: Path) -> list[Finding]:
    try:
        config = unlocked(configuration.load(config_path))
    except ConfigError as error:
        return [problem("configuration", error)]
    with progress(Console(stderr=True)) as report:
        return asyncio.run(examine(config, config_path, clock=partial(datetime.now, UTC), report=report))


def _print(findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    broad = max(len(one.about) for one in findings) + 2
    for one in findings:
        console.print(Text.assemble((f"{one.verdict:{WIDTH}}", STYLES[one.verdict]), f"{one.about:{broad}}{one.says}"))
        if one.fix:
            console.print(Text.assemble(" " * WIDTH, ("fix: ", "bold green"), one.fix))
    console.print(Text(summary(findings), "bold"))
