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
PHONE_INCHES = (5.0, 7.4)
PHONE_DOTS_PER_INCH = 200
"""1000 by 1480 pixels: on a telephone, 400 points wide, ten-point type is eleven points high."""


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


def phone(figures: Figures, names: Mapping[int, str]) -> bytes:
    """The three panels that a telephone has room for, as a PNG that lies in no file."""
    look, picture = Look(Theme.LIGHT), BytesIO()
    with matplotlib.rc_context(look.style):
        _narrow_sheet(figures, names, look).savefig(
            picture, format="png", dpi=PHONE_DOTS_PER_INCH, metadata=_metadata(".png")
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


def _narrow_sheet(figures: Figures, names: Mapping[int, str], look: Look) -> Figure:
    sheet = Figure(figsize=PHONE_INCHES)
    rows = sheet.add_gridspec(
        3, 1, left=0.12, right=0.94, top=0.8, bottom=0.05, hspace=0.62, height_ratios=(0.8, 1.0, 0.9)
    )
    sheet.text(0.04, 0.957, "How you write", fontsize=22, fontweight="bold")
    _line(sheet, _told(figures, look)[:1], (0.04, 0.921))
    _line(sheet, _told(figures, look)[1:], (0.04, 0.892))
    panels.week(sheet.add_subplot(rows[0]), figures, look)
    beside_names = rows[1].subgridspec(1, 2, width_ratios=(0.38, 1), wspace=0)
    if len(figures.chats) > 1:
        panels.chats(sheet.add_subplot(beside_names[1]), figures, look)
    else:
        panels.people(sheet.add_subplot(beside_names[1]), figures, names, look)
    panels.latency(sheet.add_subplot(rows[2]), figures, look)
    return sheet


def _heading(sheet: Figure, figures: Figures, look: Look) -> None:
    """What it is of; and, once for all panels, whose colour is whose."""
    sheet.text(0.055, 0.955, "How you write", fontsize=24, fontweight="bold")
    _line(sheet, _told(figures, look), (0.055, 0.921))


def _told(figures: Figures, look: Look) -> list[tuple[str, str, str]]:
    """Words, with their colour and weight: of when it is, and what either side wrote."""
    palette, chats = look.palette, len(figures.chats)
    return [
        (f"{wording.period(figures)}  ·  {chats:,} chat{'' if chats == 1 else 's'}", palette.faint, "normal"),
        (f"{figures.own.messages:,} messages of yours", palette.own, "bold"),
        (f"{figures.others.messages:,} of theirs", palette.others, "bold"),
    ]


def _line(sheet: Figure, told: Sequence[tuple[str, str, str]], at: tuple[float, float]) -> None:
    parts: list[Artist] = [
        TextArea(text, textprops={"color": colour, "fontweight": weight, "fontsize": 12})
        for text, colour, weight in told
    ]
    sheet.add_artist(
        AnchoredOffsetbox(
            "lower left",
            child=HPacker(children=parts, pad=0, sep=14, align="baseline"),
            frameon=False,
            pad=0,
            borderpad=0,
            bbox_to_anchor=at,
            bbox_transform=sheet.transSubfigure,
        )
    )
