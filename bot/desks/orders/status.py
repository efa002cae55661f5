"""`/status`: how the double is doing, as `python -m bot status` tells it, too."""

from bot.desks.mode_switch import ModeSwitch
from bot.desks.orders.order import Answer
from bot.parts import Parts
from bot.running.status import status as told


async def status(parts: Parts, switch: ModeSwitch, _words: str) -> Answer:
    """The whole screen of it."""
    artifact, now, zone = parts.voice.model.artifact, parts.clock(), parts.zone
    text = told(parts.store, parts.ledger, parts.drafts, parts.stops, artifact, switch.modes, now=now, zone=zone)
    return Answer(text)
