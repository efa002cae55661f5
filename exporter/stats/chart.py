"""The figures as one picture, PNG or SVG, light or dark. With its panels, it alone needs matplotlib.

Emoji are left to the terminal: matplotlib draws no coloured glyphs.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea

from exporter.stats import panels, wording
from exporter.stats.figures import Figures
from exporter.stats.look import Look, Theme
from exporter.stats.vocabulary import Term

INCHES = (12.0, 11.6)
DOTS_PER_INCH = 150
"""A PNG has 1800 by 1740 pixels."""


def draw(
    figures: Figures,
    terms: Sequence[Term],
    names: Mapping[int, str],
    path: Path,
    *,
    theme: Theme = Theme.LIGHT,
) -> None:
    """Write the picture in the format that the file's name ends in. The same figures make the same file.

    `terms` are words that are the owner's own, the most so first; `names` are people's, by sender id.

    Raises:
        OSError: the file cannot be written.
    """
    look = Look(theme)
    with matplotlib.rc_context(look.style):
        _sheet(figures, terms, names, look).savefig(path, dpi=DOTS_PER_INCH, metadata=_metadata(path.suffix))


def png(figures: Figures, terms: Sequence[Term], names: Mapping[int, str]) -> bytes:
    """The same picture as a PNG that lies in no file."""
    look, picture = Look(Theme.LIGHT), BytesIO()
    with matplotlib.rc_context(look.style):
        _sheet(figures, terms, names, look).savefig(
            picture, format="png", dpi=DOTS_PER_INCH, metadata=_metadata(".png")
        )
    return picture.getvalue()


def _metadata(suffix: str) -> dict[str, str | None]:
    """Without the moment and the program, which would make two files of one picture."""
    return {"Date": None, "Creator": None} if suffix.lower() == ".svg" else {"Software": None}


def _sheet(figures: Figures, terms: Sequence[Term], names: Mapping[int, str], look: Look) -> Figure:
    sheet = Figure(figsize=INCHES)
    rows = sheet.add_gridspec(
        3, 1, left=0.055, right=0.965, top=0.845, bottom=0.05, hspace=0.52, height_ratios=(1.0, 1.0, 1.15)
    )
    middle = rows[1].subgridspec(1, 2, width_ratios=(1.3, 1), wspace=0.34)
    lower = rows[2].subgridspec(1, 3, wspace=0.3)
    _heading(sheet, figures, look)
    panels.days(sheet.add_subplot(rows[0]), figures, look)
    panels.week(sheet.add_subplot(middle[0]), figures, look)
    if len(figures.chats) > 1:
        panels.chats(sheet.add_subplot(middle[1]), figures, look)
    else:
        panels.people(sheet.add_subplot(middle[1]), figures, names, look)
    panels.latency(sheet.add_subplot(lower[0]), figures, look)
    panels.bursts(sheet.add_subplot(lower[1]), figures, look)
    panels.terms(sheet.add_subplot(lower[2]), terms, look)
    return sheet


def _heading(sheet: Figure, figures: Figures, look: Look) -> None:
    """What it is of; and, once for all panels, whose colour is whose."""
    palette, chats = look.palette, len(figures.chats)
    sheet.text(0.055, 0.955, "How you write", fontsize=24, fontweight="bold")
    told = (
        (f"{wording.period(figures)}  ·  {chats:,} chat{'' if chats == 1 else 's'}  ·", palette.faint, "normal"),
        (f"{figures.own.messages:,} messages of yours", palette.own, "bold"),
        (f" {figures.others.messages:,} of theirs", palette.others, "bold"),
    )
    parts: list[Artist] = [
        TextArea(text, textprops={"color": colour, "fontweight": weight, "fontsize": 12})
        for text, colour, weight in told
    ]
    line = HPacker(children=parts, pad=0, sep=10, align="baseline")
    at = sheet.transSubfigure
    sheet.add_artist(
        AnchoredOffsetbox(
            "lower left",
            child=line,
            frameon=False,
            pad=0,
            borderpad=0,
            bbox_to_anchor=(0.055, 0.921),
            bbox_transform=at,
        )
    )
