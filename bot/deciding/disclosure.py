"""Whether a contact is told that a program answers, and how. Pure.

What is told is the owner's own wording, from the configuration: never a word of the system's.
"""

from bot.deciding.loops import MARK
from bot.desks.drafts import Burst
from exporter.replying import Disclosure


def disclosed(burst: Burst, how: Disclosure, notice: str, *, told: bool) -> Burst:
    """An automatic burst as it goes out. `told` is whether this notice went to them before."""
    if how == "mark":
        return tuple(text if text.endswith(MARK) else f"{text} {MARK}" for text in burst)
    if how == "once" and not told:
        return (f"{notice} {MARK}", *burst)
    return burst
