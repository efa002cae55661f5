"""How fast `exporter sync` is: beside other ways, over a slow network, and in how much memory."""

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console

from benchmarks.local import Server, make_account, write_export
from benchmarks.measure import Measured, measure
from benchmarks.report import Mark, show
from benchmarks.ways import NOTHING, OURS, WAYS
from exporter.progress import Report, Step, progress
from exporter.settings.config import Config

FASTEST = 20_000
"""Messages a second that a sync must reach where the network costs nothing."""
NEAREST = 1.05
"""How much longer than its round trips a sync may take."""
LARGEST = 250.0
"""MB that the process may need for a million messages."""
MILLION = 1_000_000
_SOME = click.IntRange(min=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    messages: int
    slow_messages: int
    round_trip: float
    """Seconds."""
    repeat: int
    million: bool


@click.command("exporter")
@click.option(
    "--messages", type=_SOME, default=50_000, show_default=True, help="Messages of the chat, without latency."
)
@click.option(
    "--slow-messages",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="Messages of the chat over a slow network; 0 leaves that out.",
)
@click.option(
    "--round-trip",
    type=click.FloatRange(min=0.001),
    default=0.2,
    show_default=True,
    help="Seconds that the slow network needs for an answer.",
)
@click.option(
    "--repeat", type=_SOME, default=3, show_default=True, help="Runs of each way, of which the fastest counts."
)
@click.option("--million", is_flag=True, help="Pull a million messages, too, and see in how much memory.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures to this file."
)
def exporter_command(
    messages: int, slow_messages: int, round_trip: float, repeat: int, million: bool, json_file: Path | None
) -> None:
    """Pull a long made-up chat from a sandbox, in several ways.

    \b
    What is compared, each in a fresh process against an empty database:
      pages fetched, nothing kept     the client library alone: nobody can be faster
      five columns, an upsert a page  the least that one could keep
      exporter sync                   the product, its pacing switched off
      iter_messages, row by row       a commit for each message
      the same, SQLite's defaults     what most scripts do; of the newest 5,000 messages

    Then the product once more over a slow network, where all that counts is its pages' round trips: the few requests
    before and after them are left out of that mark.

    The server has one core and the client another, so 2 idle cores are needed for figures that mean anything. Takes
    about a minute and a half, with --million three more.
    """
    load, *_ = os.getloadavg()
    plan = Plan(messages, slow_messages, round_trip, repeat, million)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="doppelganger-") as folder, progress(Console(stderr=True)) as report:
        figures = measure_all(plan, Path(folder), report)
    marks = judge(plan, figures)
    show(console, figures, marks, load=load)
    if json_file is not None:
        document = {
            "plan": asdict(plan),
            "load": load,
            "runs": {name: asdict(run) for name, run in figures.items()},
            "marks": [asdict(mark) for mark in marks],
        }
        json_file.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")


def measure_all(plan: Plan, folder: Path, report: Report) -> dict[str, Measured]:
    """Every way's fastest run, by its name; then the slow network and the million under names of their own."""
    with _account(folder / "fast", plan.messages, report) as config:
        figures = _fastest(plan, config, report)
    if plan.slow_messages:
        with _account(folder / "slow", plan.slow_messages, report, latency=plan.round_trip) as config:
            stage = f"{OURS}, {1000 * plan.round_trip:g} ms a round trip"
            figures["slow"] = _run(OURS, config, plan.slow_messages, report, stage)
    if plan.million:
        with _account(folder / "million", MILLION, report) as config:
            figures["million"] = _run(OURS, config, MILLION, report, "a million")
    return figures


@contextmanager
def _account(folder: Path, messages: int, report: Report, *, latency: float = 0.0) -> Iterator[Config]:
    """An account with so many messages, while the block runs."""
    stage = f"{folder.name} server"
    report(Step(stage, 0, 1, f"{messages:,} messages"))
    folder.mkdir()
    write_export(folder / "export.json", messages)
    with Server(folder / "export.json", latency=latency) as server:
        config = make_account(folder, server.about())
        report(Step(stage, 1, 1))
        yield config


def _fastest(plan: Plan, config: Config, report: Report) -> dict[str, Measured]:
    """The ways in turn, so that a busy moment of the machine hits all of them.

    Before, the server is warmed up: whatever is asked for later, it has ready, as Telegram has.
    """
    _run(NOTHING, config, plan.messages, report, "warming up")
    runs: dict[str, list[Measured]] = {way: [] for way in WAYS}
    for number in range(plan.repeat):
        for way, done in runs.items():
            done.append(_run(way, config, plan.messages, report, f"{way} ({number + 1} of {plan.repeat})"))
    return {way: min(done, key=lambda run: run.seconds) for way, done in runs.items()}


def _run(way: str, config: Config, messages: int, report: Report, stage: str) -> Measured:
    def advance(done: int) -> None:
        report(Step(stage, done, messages))

    with tempfile.TemporaryDirectory(dir=config.state) as fresh:
        run = measure(way, config, Path(fresh) / "history.db", core=1, advance=advance)
    report(Step(stage, messages, messages, f"{run.rate:,.0f} messages/s"))
    return run


def judge(plan: Plan, figures: Mapping[str, Measured]) -> list[Mark]:
    """What was to be reached, and what was.

    Of the slow network, what a chat's pages take: to say who asks, and see which chats there are, costs a few requests
    more, however long the chat.
    """
    rate, most = figures[OURS].rate, figures.get("million", figures[OURS])
    marks = [
        Mark("messages/s without latency", rate, FASTEST, met=rate >= FASTEST),
        Mark(f"MB for {most.messages:,} messages", most.peak, LARGEST, met=most.peak <= LARGEST),
    ]
    if slow := figures.get("slow"):
        pages = math.ceil(plan.slow_messages / 100)
        floor, others = pages * plan.round_trip, ((slow.requests or pages) - pages) * plan.round_trip
        times = (slow.seconds - others) / floor
        marks.append(Mark(f"times the {floor:g} s of its pages' round trips", times, NEAREST, met=times <= NEAREST))
    return marks
