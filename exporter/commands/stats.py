"""`stats`: how the owner writes, in figures."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from exporter.cli import config_option
from exporter.commands.options import period, since_option, until_option
from exporter.errors import DoppelgangerError
from exporter.messages import Peer
from exporter.progress import progress
from exporter.settings import config as configuration
from exporter.settings.selection import to_contact
from exporter.stats import wording
from exporter.stats.figures import Figures
from exporter.stats.report import to_json
from exporter.stats.survey import SESSION_GAP, TERMS, Scope, survey
from exporter.stats.tables import render
from exporter.stats.vocabulary import Term
from exporter.storing.store import open_store

FORMATS = (".png", ".svg")


@click.command("stats")
@config_option
@click.option("--chat", metavar="CONTACT", help="Only this chat: its name, @username or id.")
@since_option
@until_option
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one line of JSON.")
@click.option(
    "--chart", type=click.Path(dir_okay=False, path_type=Path), metavar="PATH", help="Draw them: a .png or .svg file."
)
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True, help="Of the chart.")
def stats_command(
    config_path: Path, chat: str | None, since: datetime | None, until: datetime | None, as_json: bool, **more: Any
) -> None:
    """Show how much, when and how fast you write.

    And which words are your own, beside those of the people who write to you.

    \b
    reply     from the end of a burst to the first message of its answer,
              within a session; in private chats
    in a row  messages of one person before somebody else writes
    own       said by you more than by them, often, and in two chats or more

    Private chats and groups are counted; name a channel or a bot with --chat. Nothing leaves your machine; a chart
    shows names of chats and single words, no message.
    """
    config = configuration.load(config_path)
    config.make_state()
    chart = more["chart"]
    if chart and chart.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{chart} ends in neither {' nor '.join(FORMATS)}", param_hint="--chart")
    begin, end = period(since, until, config.timezone)
    scope = Scope(to_contact(chat) if chat else None, begin, end)
    with open_store(config.database) as store, progress(Console(stderr=True)) as report:
        figures = survey(
            store, scope, ZoneInfo(config.timezone), gap=config.train.session_gap or SESSION_GAP, report=report
        )
        peers = store.peers()
    words = figures.lexicon.distinctive(TERMS, without=wording.names_of(peers.values()))
    emoji = figures.lexicon.distinctive(TERMS, pictures=True)
    if chart:
        _draw(figures, words, peers, chart, more["theme"])
    if as_json:
        click.echo(json.dumps(to_json(figures, words, emoji, peers, config.timezone), ensure_ascii=False))
    else:
        Console().print(render(figures, words, emoji, peers))


def _draw(figures: Figures, words: Sequence[Term], peers: Mapping[int, Peer], chart: Path, theme: str) -> None:
    """Matplotlib is loaded here alone: other commands start without it, and need not have it."""
    try:
        from exporter.stats.chart import draw
        from exporter.stats.look import Theme
    except ModuleNotFoundError as missing:
        if missing.name != "matplotlib":
            raise
        raise DoppelgangerError(
            "a chart needs matplotlib, which is not installed", fix="pip install matplotlib"
        ) from missing
    try:
        names = {peer_id: peer.name for peer_id, peer in peers.items()}
        draw(figures, words, names, chart, theme=Theme(theme))
    except OSError as error:
        raise DoppelgangerError(
            f"{chart} cannot be written: {error.strerror}", fix="name a file in a folder that you may write to"
        ) from error
    click.echo(f"The chart is in {chart}", err=True)
