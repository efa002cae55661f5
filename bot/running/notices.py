"""Telling the owner what was stopped, once each, whichever run stopped it and however often it is tried again."""

import asyncio
import logging
from contextlib import suppress

from bot.desks import cards
from bot.parts import Parts

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks for the file that stops all. What is sent asks for itself, each time."""


async def tell_of_stops(parts: Parts) -> None:
    """Do so now, and whenever something is stopped; for ever. Where no desk takes it, the terminal has to do."""
    while True:
        parts.stops.look()
        parts.stops.news.clear()
        for stop in parts.stops.untold():
            parts.stops.told(stop)
            text = cards.stopped(stop, parts.store.peers(), parts.zone)
            parts.say(text)
            await parts.desks.tell(text)
            log.info("stop.told", extra={"code": stop.code, "chat_id": stop.chat_id})
        with suppress(TimeoutError):
            await asyncio.wait_for(parts.stops.news.wait(), LOOK)
