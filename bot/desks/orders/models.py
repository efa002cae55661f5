"""`/models`: which doubles were trained, and which of them is to be used."""

import asyncio
from collections.abc import Collection
from zoneinfo import ZoneInfo

from bot.desks.orders.order import Answer
from exporter.settings.config import Config
from exporter.storing.store import Store
from trainer.models import registry
from trainer.models.registry import Listed

SHOWN = 20
"""The newest models; each opens its vocabulary to be shown."""


async def models(config: Config, store: Store, words: str) -> Answer:
    """Without words, the list; with a name, or a part of one that no other has, use that one.

    Raises:
        DoppelgangerError: no model is called so, or it must not be used.
    """
    forgotten = store.forgotten.ids()
    if not words:
        return Answer(await asyncio.to_thread(_listed, config, forgotten))
    artifact = await asyncio.to_thread(registry.promote, config.models, words, forgotten=forgotten)
    return Answer(f"I speak as {artifact.name} in a moment.")


def _listed(config: Config, forgotten: Collection[int]) -> str:
    found = registry.listed(config.models, forgotten=forgotten)
    zone = ZoneInfo(config.timezone)
    return "\n".join(_line(one, zone) for one in found[:SHOWN]) or "No double is trained yet."


def _line(one: Listed, zone: ZoneInfo) -> str:
    why = "in use" if one.in_use else one.why_not
    if one.artifact is None:
        return f"{one.name}: {why}"
    card = one.artifact.card
    bits = f"{card.bits_per_byte.base:.3f} → {card.bits_per_byte.tuned:.3f} bits per byte"
    return f"{one.name}: {card.base}, {card.created.astimezone(zone):%Y-%m-%d %H:%M}, {bits}; {why}"
