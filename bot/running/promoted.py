"""The model of a running bot: fitted to its owner, and exchanged when another is put to use, whoever did it."""

import asyncio
import logging
from pathlib import Path

from bot.composing.fit_to_owner import fit_to_owner
from bot.parts import Parts
from exporter.errors import DoppelgangerError
from trainer.models.registry import current, in_use

LOOK = 1.0
"""Seconds between two looks at a small file."""

log = logging.getLogger(__name__)


async def watch_model(parts: Parts, models: Path) -> None:
    """Follow which model is in use, for ever; one that cannot speak is told of, once, and changes nothing."""
    looked_at = parts.voice.model.artifact.name
    await _fit(parts)
    while True:
        await asyncio.sleep(LOOK)
        try:
            name = in_use(models)
            if name in (None, looked_at):
                continue
            looked_at = name
            await parts.voice.exchange(current(models))
        except DoppelgangerError as error:
            log.warning("model.refused", extra={"model": looked_at})
            problem = f"The model that is in use now cannot speak: {error.problem}. To mend it: {error.fix}."
            await parts.desks.tell(f"{problem} I speak as {parts.voice.model.artifact.name} until then.")
        else:
            parts.say(f"speaks as {looked_at} from now on")
            await _fit(parts)


async def _fit(parts: Parts) -> None:
    await fit_to_owner(parts.voice, parts.store, parts.ledger, parts.say, clock=parts.clock)
