"""The panels of the chart: each has a title that says what is seen, and a line on how to read it."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from exporter.messages import PeerKind
from exporter.stats import wording
from exporter.stats.figures import WEEK, Distribution, Figures
from exporter.stats.look import Look
from exporter.stats.vocabulary import Term

CHATS, TERMS = 8, 12
"""How many are drawn of each."""
BAR = 0.62
"""How thick a horizontal bar is, as a share of its row."""
LONGEST_BURST = 6
"""Longer ones are drawn with these."""
TICKS = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 36000: "10 h"}
SMOOTH = (1, 7, 28)
"""Days that a line may be the mean of."""


def days(axes: Axes, figures: Figures, look: Look) -> None:
    """Messages per day, the owner's upwards, all others' downwards."""
    palette, daily = look.palette, figures.daily()
    window = next((size for size in SMOOTH if len(daily) < 60 * size), SMOOTH[-1])
    busiest = max(daily, key=lambda day: (day.own + day.others, day))
    start = dates.date2num(daily[0].day) - 0.5
    edges = [start + number for number in range(len(daily) + 1)]
    sides = (([day.own for day in daily], 1, palette.own), ([day.others for day in daily], -1, palette.others))
    for counts, sign, colour in sides:
        smooth = [sign * mean for mean in rolling_mean(counts, window)]
        axes.stairs([sign * count for count in counts], edges, fill=True, color=colour, alpha=0.35 if window > 1 else 1)
        if window > 1:
            axes.plot([edge + 0.5 for edge in edges[:-1]], smooth, color=colour, linewidth=2)
    highest = max(max(counts) for counts, _, _ in sides)
    explained = "messages per day, yours upwards, theirs downwards"
    _title(
        axes,
        look,
        f"Your busiest day was {wording.day(busiest.day)}: you wrote {busiest.own:,} messages, they {busiest.others:,}",
        explained if window == 1 else f"{explained}; the lines are means of {window} days",
    )
    axes.axhline(0, color=palette.line, linewidth=1)
    axes.grid(axis="y")
    axes.set_ylim(-1.08 * highest, 1.08 * highest)
    axes.set_xlim(edges[0], edges[-1])
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{abs(count):,.0f}"))
    locator = dates.AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))
    axes.spines["bottom"].set_visible(False)


def week(axes: Axes, figures: Figures, look: Look) -> None:
    """The heat map of the owner's hours."""
    palette, most = look.palette, max(map(max, figures.own_week))
    colours = LinearSegmentedColormap.from_list("own", [palette.seldom, palette.own]).with_extremes(under=palette.empty)
    axes.pcolormesh(
        figures.own_week, cmap=colours, vmin=0.5, vmax=max(most, 1), edgecolors=palette.paper, linewidth=2.5
    )
    axes.invert_yaxis()
    axes.set_xticks([hour + 0.5 for hour in range(0, WEEK[1], 3)], [f"{hour}:00" for hour in range(0, WEEK[1], 3)])
    axes.set_yticks([weekday + 0.5 for weekday in range(WEEK[0])], wording.WEEKDAYS)
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)
    title = f"You write most on {wording.peak(figures.own_week)}" if most else "You wrote nothing"
    _title(axes, look, title, f"your messages by hour of the week; {most:,} in the busiest")


def chats(axes: Axes, figures: Figures, look: Look) -> None:
    """The largest chats, the owner's part and the others'."""
    palette, largest = look.palette, figures.chats[:CHATS]
    names = [look.fit(chat.peer.title, otherwise=str(chat.peer.peer_id)) for chat in largest]
    own = [chat.own.messages for chat in largest]
    sums = [chat.own.messages + chat.others.messages for chat in largest]
    _rows(axes, look, names, sums, palette.others)
    axes.barh(range(len(own)), own, BAR, color=palette.own)
    share = sums[0] / (figures.own.messages + figures.others.messages)
    where = "in" if largest[0].peer.kind in (PeerKind.GROUP, PeerKind.CHANNEL) else "with"
    _title(axes, look, f"{share:.0%} is {where} {names[0]}", "messages in your largest chats")


def people(axes: Axes, figures: Figures, names: Mapping[int, str], look: Look) -> None:
    """Who said how much."""
    palette, most = look.palette, figures.people.most_common(CHATS)
    known = {**names, figures.owner_id: "you"}
    written = [look.fit(known.get(sender, ""), otherwise=str(sender)) for sender, _ in most]
    _rows(axes, look, written, [count for _, count in most], palette.others)
    for place, (sender, count) in enumerate(most):
        if sender == figures.owner_id:
            axes.barh(place, count, BAR, color=palette.own)
    share = figures.own.messages / (figures.own.messages + figures.others.messages)
    _title(axes, look, f"You wrote {share:.0%} of it", "messages per person")


def latency(axes: Axes, figures: Figures, look: Look) -> None:
    """Which share of replies came within a time, for both sides."""
    palette, sides = look.palette, (figures.own.latency, figures.others.latency)
    seen = [max(value, 1) for side in sides for value in side.counts]
    for side, colour in zip(sides, (palette.own, palette.others), strict=True):
        if not side.counts:
            continue
        values = sorted(side.counts)
        shares = [reached / side.total for reached in accumulate(side.counts[value] for value in values)]
        axes.step([max(value, 1) for value in values], shares, where="post", color=colour, linewidth=2.2)
        median = side.quantile(0.5) or 0
        axes.plot(max(median, 1), 0.5, "o", markersize=8, color=colour, markeredgecolor=palette.paper, zorder=3)
    axes.set_xscale("log")
    axes.set_xlim(1, max([60, *seen]))
    ticks = {at: name for at, name in TICKS.items() if at <= max([60, *seen])}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.grid(axis="y")
    if seen:
        mine, theirs = (wording.duration(side.quantile(0.5)) for side in sides)
        _title(axes, look, f"Your median reply takes {mine}", f"share of replies within a time; theirs takes {theirs}")
    else:
        _title(axes, look, "No replies to time", "only those in private chats are")


def bursts(axes: Axes, figures: Figures, look: Look) -> None:
    """How long bursts are, for both sides."""
    palette, width = look.palette, 0.4
    lengths = range(1, LONGEST_BURST + 1)
    sides = ((figures.own.bursts, palette.own, -1), (figures.others.bursts, palette.others, 1))
    for side, colour, where in sides:
        axes.bar([at + where * width / 2 for at in lengths], burst_shares(side), width * 0.92, color=colour)
    axes.set_xticks(list(lengths), [*map(str, lengths[:-1]), f"{LONGEST_BURST}+"])
    axes.tick_params(axis="x", length=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y")
    mine, theirs = (wording.number(side.mean) for side, _, _ in sides)
    _title(axes, look, f"You send {mine} messages in a row", f"share of bursts by their length; they send {theirs}")


def terms(axes: Axes, found: Sequence[Term], look: Look) -> None:
    """Words that are the owner's own."""
    shown = [term for term in found if look.writes(term.text)][:TERMS]
    names = [look.fit(term.text, otherwise=term.text) for term in shown]
    labels = [f"{term.own:,} : {term.others:,}" for term in shown]
    _rows(axes, look, names, [term.score for term in shown], look.palette.own, labels, TERMS)
    if shown:
        _title(axes, look, "Words that are your own", "how often you say them : how often they do")
    else:
        _title(axes, look, "No words of your own", "none is said often, in two chats or more")


def rolling_mean(counts: Sequence[int], window: int) -> list[float]:
    """The mean around each day; at both ends, of the days that there are."""
    sums = [0, *accumulate(counts)]
    before, after = (window - 1) // 2, window // 2
    bounds = [(max(0, at - before), min(len(counts), at + after + 1)) for at in range(len(counts))]
    return [(sums[stop] - sums[start]) / (stop - start) for start, stop in bounds]


def burst_shares(lengths: Distribution) -> list[float]:
    """Shares of bursts of 1, 2 … messages; the last is of all longer ones, too."""
    counted = [0] * LONGEST_BURST
    for length, count in lengths.counts.items():
        counted[min(length, LONGEST_BURST) - 1] += count
    return [count / max(lengths.total, 1) for count in counted]


def _title(axes: Axes, look: Look, title: str, explained: str) -> None:
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=25)
    axes.annotate(
        explained, (0, 1), (0, 10), xycoords="axes fraction", textcoords="offset points", color=look.palette.faint
    )


def _rows(
    axes: Axes,
    look: Look,
    names: Sequence[str],
    values: Sequence[float],
    colour: str,
    labels: Sequence[str] | None = None,
    slots: int = CHATS,
) -> None:
    """Horizontal bars with a name before and a label behind, the first on top; few are no thicker than many."""
    faint = look.palette.faint
    axes.barh(range(len(names)), values, BAR, color=colour)
    for place, (value, label) in enumerate(zip(values, labels or [f"{value:,}" for value in values], strict=True)):
        axes.annotate(
            label, (value, place), (5, 0), textcoords="offset points", va="center_baseline", color=faint, fontsize=9.5
        )
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", labelcolor=look.palette.ink, labelsize=10.5)
    axes.set_ylim(slots - 0.5, -0.5)
    axes.set_xlim(0, 1.25 * max(values, default=1))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
