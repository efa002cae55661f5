"""From what the model composed to a card: a draft with proposals, or other proposals in a draft that is open.

What is proposed stands in SQLite before any desk shows it.
"""

import logging
import time

from bot.composing.compose import Composed
from bot.deciding.policy import Decision
from bot.desks import cards
from bot.desks.drafts import Draft
from bot.parts import Parts
from exporter.messages import Message, Peer

log = logging.getLogger(__name__)


async def propose(
    parts: Parts, peer: Peer, composed: Composed, decision: Decision, newest: Message, *, began: float
) -> None:
    """Open a draft and show it; with that, `newest` is dealt with. `began` is when the work on it did."""
    with parts.store.database.atomic():
        draft = parts.drafts.open(
            peer.peer_id,
            answers_to=newest.message_id,
            proposals=composed.bursts,
            reason=decision.reason,
            composed_ms=round((time.monotonic() - began) * 1000),
        )
        parts.handled.advance(peer.peer_id, newest.message_id)
    await parts.desks.show(draft)
    log.info(
        "draft.ready",
        extra={
            "chat_id": peer.peer_id,
            "draft_id": draft.draft_id,
            "proposals": len(composed.bursts),
            "tries": composed.tries,
            "ms": round((time.monotonic() - began) * 1000),
            "first_token_ms": round(composed.first_token_ms),
        },
    )
    parts.say(f"{peer.name}: {len(composed.bursts)} proposals wait for you")


async def renew(parts: Parts, peer: Peer, draft: Draft, composed: Composed) -> None:
    """Put other proposals into the draft and its cards, where it is still open; without any, those of before stay."""
    if not composed.bursts:
        if parts.drafts.open_in(peer.peer_id) == draft:  # and he has not chosen among them meanwhile
            await parts.desks.tell(cards.NOTHING_ELSE.format(name=peer.name))
    elif renewed := parts.drafts.renew(draft, composed.bursts):
        await parts.desks.update(renewed)
        log.info(
            "draft.renewed",
            extra={
                "chat_id": peer.peer_id,
                "draft_id": draft.draft_id,
                "version": renewed.version,
                "tries": composed.tries,
            },
        )
