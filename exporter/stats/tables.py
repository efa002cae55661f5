"""The figures in a terminal: a few lines and tables that are read from top to bottom."""

from collections.abc import Mapping, Sequence
from math import ceil

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from exporter.messages import Peer
from exporter.stats import wording
from exporter.stats.figures import WEEK, Figures
from exporter.stats.vocabulary import Term

OWN, OTHERS = "bright_blue", "yellow"
CHATS, PEOPLE = 12, 8
"""How many are shown; JSON has all."""
BARS, SHADES = "▁▂▃▄▅▆▇█", "·░▒▓█"
COLUMNS = 64
"""Of the line of days, at most."""


def render(figures: Figures, words: Sequence[Term], emoji: Sequence[Term], peers: Mapping[int, Peer]) -> Group:
    """All of it, for rich to print."""
    days = len(figures.daily())
    heading = Text.assemble(
        (wording.period(figures), "bold"),
        f": {days:,} {'day' if days == 1 else 'days'}, on {len(figures.days):,} of them something was said\n",
    )
    return Group(
        heading,
        _per_day(figures),
        _sides(figures),
        _week(figures),
        _chats(figures),
        *_people(figures, peers),
        *_terms("Words that are your own", words),
        *_terms("Emoji that are your own", emoji),
    )


def _per_day(figures: Figures) -> Text:
    """Two lines of bars; each bar is of as many days as make them fit."""
    daily = figures.daily()
    size = ceil(len(daily) / COLUMNS)
    bins = [daily[at : at + size] for at in range(0, len(daily), size)]
    sides = {
        "you  ": (OWN, [sum(day.own for day in days) for days in bins]),
        "they ": (OTHERS, [sum(day.others for day in days) for days in bins]),
    }
    most = max(max(sums) for _, sums in sides.values())
    lines = [Text.assemble(name, (signs(sums, most), colour)) for name, (colour, sums) in sides.items()]
    title = "Messages per day" if size == 1 else f"Messages, a bar for every {size} days"
    return Text("\n").join([Text(title, "bold"), *lines, Text("")])


def _sides(figures: Figures) -> Table:
    """You and they, side by side."""
    table = _table("", "you", "they")
    days = len(figures.daily())
    both = (figures.own, figures.others)
    rows = {
        "messages": [f"{side.messages:,}" for side in both],
        "a day": [wording.number(side.messages / days) for side in both],
        "in a row": [wording.number(side.bursts.mean) for side in both],
        "median reply": [wording.duration(side.latency.quantile(0.5)) for side in both],
        "a quarter within": [wording.duration(side.latency.quantile(0.25)) for side in both],
        "nine of ten within": [wording.duration(side.latency.quantile(0.9)) for side in both],
    }
    for name, (own, others) in rows.items():
        table.add_row(name, Text(own, OWN), Text(others, OTHERS))
    return table


def _week(figures: Figures) -> Text:
    """The heat map, two columns an hour."""
    most = max(map(max, figures.own_week))
    title = f"You write most on {wording.peak(figures.own_week)}" if most else "You wrote nothing"
    lines = [
        Text.assemble(f"{name}  ", (signs(row, most, SHADES, width=2), OWN))
        for name, row in zip(wording.WEEKDAYS, figures.own_week, strict=True)
    ]
    hours = "     " + "".join(f"{hour:<6}" for hour in range(0, WEEK[1], 3))
    return Text("\n").join([Text(title, "bold"), *lines, Text(hours.rstrip(), "dim"), Text("")])


def _chats(figures: Figures) -> Table:
    table = _table("chat", "you", "they", "your reply", "their reply", "in a row")
    for chat in figures.chats[:CHATS]:
        own, others = chat.own, chat.others
        cells = (
            Text(f"{own.messages:,}", OWN),
            Text(f"{others.messages:,}", OTHERS),
            Text(wording.duration(own.latency.quantile(0.5)), OWN),
            Text(wording.duration(others.latency.quantile(0.5)), OTHERS),
            Text.assemble((wording.number(own.bursts.mean), OWN), " : ", (wording.number(others.bursts.mean), OTHERS)),
        )
        table.add_row(Text(chat.peer.title), *cells)
    if (rest := len(figures.chats) - CHATS) > 0:
        table.caption = f"and {rest:,} more"
    return table


def _people(figures: Figures, peers: Mapping[int, Peer]) -> list[RenderableType]:
    """Who wrote most, where groups make that another question than the chats'."""
    people = [(sender, count) for sender, count in figures.people.most_common() if sender != figures.owner_id]
    if not people:
        return []
    names = (f"{peers[sender].name if sender in peers else sender} {count:,}" for sender, count in people[:PEOPLE])
    return [Text.assemble(("Who writes to you  ", "bold"), ", ".join(names)), Text("")]


def _terms(title: str, terms: Sequence[Term]) -> list[RenderableType]:
    """In one line; behind each, how often the owner said it and how often others did."""
    if not terms:
        return []
    line = Text.assemble((f"{title}  ", "bold"))
    for term in terms:
        line.append_text(Text.assemble((term.text, OWN), (f"\u00a0{term.own:,}:{term.others:,}  ", "dim")))
    return [line]


def signs(counts: Sequence[int], most: int, scale: str = BARS, *, width: int = 1) -> str:
    """One sign a count: nothing, or the more the fuller."""
    steps = len(scale) - 1
    return "".join(scale[ceil(count * steps / most) if most else 0] * width for count in counts)


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right")
    return table
