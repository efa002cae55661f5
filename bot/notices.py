"""Telling the owner what was stopped, once each, whichever run stopped it and however often it is tried again."""

import logging

from bot import cards
from bot.parts import Parts
from bot.refused import rule
from bot.stops import ACCOUNT, Stop

log = logging.getLogger(__name__)


async def tell_of_stops(parts: Parts) -> None:
    """Do so now, and whenever something is stopped; for ever. Where no desk takes it, the terminal has to do."""
    while True:
        parts.stops.news.clear()
        for stop in parts.stops.untold():
            parts.stops.told(stop)
            parts.say(notice(parts, stop))
            await parts.desks.tell(notice(parts, stop))
            log.info("stop.told", extra={"code": stop.code, "chat_id": stop.chat_id})
        await parts.stops.news.wait()


def notice(parts: Parts, stop: Stop) -> str:
    """What is stopped, why, and for how long."""
    peer = None if stop.chat_id == ACCOUNT else parts.store.peers().get(stop.chat_id)
    return cards.stopped(
        rule(stop.code).why, name=None if peer is None else peer.name, until=stop.until, zone=parts.zone
    )
