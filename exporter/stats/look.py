"""How the chart looks on light and on dark paper: colours, type, and which words its fonts can write."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from matplotlib.typing import RcKeyType

FONTS = ("Inter", "Helvetica Neue", "Segoe UI", "Noto Sans", "DejaVu Sans", "Noto Sans CJK JP", "PingFang SC")
"""Those installed, the first first; the next ones write what it lacks. DejaVu Sans comes with matplotlib."""
ELLIPSIS = "…"


class Theme(StrEnum):
    """What the picture lies on."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Palette:
    """Blue and orange of Okabe and Ito, "Color Universal Design" (2008): colour-blind people can tell them apart."""

    paper: str
    ink: str
    faint: str
    """Of words that explain."""
    line: str
    empty: str
    """Of an hour without messages."""
    seldom: str
    """Of an hour with few of the owner's messages."""
    own: str
    others: str


PALETTES = {
    Theme.LIGHT: Palette("#ffffff", "#1b1f24", "#5f6670", "#dfe2e6", "#f3f4f6", "#cfe3f1", "#0072b2", "#c04f00"),
    Theme.DARK: Palette("#0d1117", "#e6edf3", "#9aa3ad", "#2b323b", "#151b23", "#1d3a50", "#56b4e9", "#e69f00"),
}
"""Whatever is written has a contrast of at least 4.5:1 with its paper, as WCAG 2.2 asks (1.4.3); that of the orange on
white is too low for it as they chose it, so it is a little darker there."""


def _installed() -> tuple[str, ...]:
    known = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in FONTS if name in known)


@dataclass(frozen=True)
class Look:
    """A theme, with the fonts of this machine."""

    theme: Theme
    families: tuple[str, ...] = field(default_factory=_installed)

    @property
    def palette(self) -> Palette:
        """Its colours."""
        return PALETTES[self.theme]

    @property
    def style(self) -> dict[RcKeyType, Any]:
        """Matplotlib's settings."""
        palette = self.palette
        return {
            "font.family": list(self.families),
            "font.size": 10,
            "text.color": palette.ink,
            "text.parse_math": False,
            "axes.facecolor": palette.paper,
            "axes.edgecolor": palette.line,
            "axes.labelcolor": palette.faint,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "axes.axisbelow": True,
            "grid.color": palette.line,
            "grid.linewidth": 0.8,
            "xtick.color": palette.line,
            "xtick.labelcolor": palette.faint,
            "ytick.labelcolor": palette.faint,
            "ytick.major.size": 0,
            "figure.facecolor": palette.paper,
            "svg.fonttype": "path",
            "svg.hashsalt": "doppelganger",
        }

    def writes(self, text: str) -> bool:
        """Whether the fonts have every sign of it."""
        return all(any(font.get_char_index(ord(sign)) for font in self._fonts()) for sign in text)

    def fit(self, name: str, *, otherwise: str, length: int = 18) -> str:
        """A name without the signs that no font has, cut to a length."""
        written = "".join(sign for sign in name if self.writes(sign)).strip() or otherwise
        return written if len(written) <= length else f"{written[: length - 1].rstrip()}{ELLIPSIS}"

    def _fonts(self) -> list[FT2Font]:
        return [font_manager.get_font(font_manager.findfont(name)) for name in self.families]
