"""The curves of a training as a picture for a telephone, where matplotlib is installed; it is an extra."""

from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

from exporter.progress import Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exporter.stats.look import Look

LEAST = 2
"""Points that make a curve."""
INCHES = (5.0, 5.4)
DOTS_PER_INCH = 200
"""1000 by 1080 pixels."""


def png(points: Sequence[Step]) -> bytes | None:
    """Loss and held-out bits per byte over the share of the training; None without matplotlib, or without points."""
    if len(points) < LEAST:
        return None
    try:
        import matplotlib  # takes a second, and whoever trains by the terminal need not have it
        from matplotlib.figure import Figure

        from exporter.stats.look import Look, Theme
    except ModuleNotFoundError as missing:
        if missing.name != "matplotlib":
            raise
        return None
    look, picture = Look(Theme.LIGHT), BytesIO()
    with matplotlib.rc_context(look.style):
        sheet = Figure(figsize=INCHES)
        upper, lower = sheet.subplots(2, 1, sharex=True)
        sheet.subplots_adjust(left=0.11, right=0.94, top=0.88, bottom=0.08, hspace=0.62)
        _curve(upper, look, points, lambda step: step.held_out, "Your held-out words", "bits per byte; less is better")
        _curve(lower, look, points, lambda step: step.loss, "Words that it reads", "loss per token; less is better")
        lower.set_xlim(0, 100)
        lower.xaxis.set_major_formatter(lambda share, _: f"{share:.0f} %")
        sheet.savefig(picture, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return picture.getvalue()


def _curve(
    axes: "Axes", look: "Look", points: Sequence[Step], of: Callable[[Step], float | None], title: str, how: str
) -> None:
    said = [(100 * step.done / step.total, value) for step in points if (value := of(step)) is not None]
    known = [one for before, one in pairwise([(0.0, None), *said]) if one[1] != before[1]]
    palette = look.palette
    if known:
        shares, values = zip(*known, strict=True)
        axes.plot(shares, values, color=palette.own, linewidth=2.2)
        axes.plot(shares[-1:], values[-1:], "o", markersize=8, color=palette.own, clip_on=False)
        title = f"{title}: {values[0]:.2f} → {values[-1]:.2f}"
    else:
        how = "not checked"
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", pad=25)
    axes.annotate(how, (0, 1), (0, 10), xycoords="axes fraction", textcoords="offset points", color=palette.faint)
    axes.grid(axis="y")
