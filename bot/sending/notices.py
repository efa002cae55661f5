"""Telling the owner what was stopped, once each, whichever run stopped it and however often it is tried again."""

import logging

from bot.desks import cards
from bot.parts import Parts

log = logging.getLogger(__name__)


async def tell_of_stops(parts: Parts) -> None:
    """Do so now, and whenever something is stopped; for ever. Where no desk takes it, the terminal has to do."""
    while True:
        parts.stops.news.clear()
        for stop in parts.stops.untold():
            parts.stops.told(stop)
            text = cards.stopped(stop, parts.store.peers(), parts.zone)
            parts.say(text)
            await parts.desks.tell(text)
            log.info("stop.told", extra={"code": stop.code, "chat_id": stop.chat_id})
        await parts.stops.news.wait()
