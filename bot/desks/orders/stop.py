"""`/stop` and `/resume`: send nothing more, to one chat or to anybody; send again."""

from bot.desks import cards
from bot.desks.orders.order import Answer
from bot.parts import Parts
from bot.sending.stops import whom
from exporter.settings.selection import to_contact


async def stop(parts: Parts, words: str) -> Answer:
    """Nothing is sent any more, to one or to anybody; what is on its way ends before its next message.

    Raises:
        ConfigError: nobody is called so, or several are.
    """
    chat_id, name = whom(parts.store, to_contact(words) if words else None)
    parts.stops.stop(chat_id)
    again = f"/resume {name}" if words else "/resume"
    return Answer(f"I send nothing to {name or 'anybody'} any more. {again} ends that; drafts still come.")


async def resume(parts: Parts, words: str) -> Answer:
    """The other way round; what Telegram asks to wait for goes on. Raises as `stop` does."""
    chat_id, name = whom(parts.store, to_contact(words) if words else None)
    if left := parts.stops.lift(chat_id):
        peers = parts.store.peers()
        return Answer("\n".join(cards.stopped(stop, peers, parts.zone) for stop in left))
    return Answer(f"I speak with {name or 'everybody'} again, as /mode says.")
