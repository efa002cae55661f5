"""What is made once for many trainings, and goes when none needs it any more: bases with added tokens, untuned GGUFs.

All of it can be made again, so nothing is lost where this is wrong.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trainer.learning.base import Base
from trainer.learning.growth import GROWN
from trainer.models.artifact import Card, PromptMismatch, read
from trainer.models.registry import names
from trainer.run import remove


def tidy(cache: Path, models: Path, base: Base) -> None:
    """Remove from `cache` what is neither of `base`, from which was trained last, nor of any model that there is."""
    cards = list(_cards(models))
    bases = {base.key, *(card.base_key for card in cards)}
    for folder in cache.glob(f"{GROWN}*"):
        if not _is_whole(folder) or Base(folder).key not in bases:
            remove(folder)
    untuned = {Path(card.base_gguf).name for card in cards if card.base_gguf}
    for file in cache.glob("*.gguf"):
        if file.name not in untuned:
            remove(file)


def _cards(models: Path) -> Iterator[Card]:
    for name in names(models):
        with suppress(PromptMismatch):  # what cannot be read cannot go on from its base either
            yield read(models / name).card


def _is_whole(folder: Path) -> bool:
    """Whether all of its links lead somewhere."""
    return all(file.exists() for file in folder.iterdir())
