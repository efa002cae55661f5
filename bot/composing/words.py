"""The double's words for one chat: from what was said there to replies that are fit to send, the best one first.

A conversation asks nobody else in this room. The order is: the moment (`window`), what was said before (`past`), the
owner's notes, the prompt, then replies (`compose`). Whether and how one of them is sent is the conversation's matter.
"""

import logging
from collections.abc import Collection, Sequence
from functools import partial

from bot.composing.compose import Composed, compose
from bot.composing.discretion import Discretion
from bot.composing.past import Past
from bot.composing.tells import asks
from bot.composing.window import look, newest, prompt
from bot.desks.drafts import Burst
from bot.parts import Parts
from exporter.messages import Message, Peer
from exporter.storing import ghostwritten

log = logging.getLogger(__name__)

LEARNED_FROM = 1000
"""Messages, the newest, from which the owner's ways in a chat are learned; to read them takes some milliseconds."""


class Words:
    """The double's words for one chat, and what it keeps in mind of that chat."""

    def __init__(self, parts: Parts, peer: Peer) -> None:
        self._parts = parts
        self._peer = peer
        self._past = Past(parts.store, parts.voice.model.views.of(peer))

    def let_go(self) -> None:
        """Keep nothing in mind of what was said."""
        self._past.let_go()

    @property
    def newest(self) -> Message | None:
        """The last message that would be answered."""
        return newest(self._parts.store, self._past.view)

    def recent(self) -> tuple[list[Message], Collection[ghostwritten.Key]]:
        """What the owner's ways in this chat are learned from, and what of it a model wrote."""
        store, chat_id = self._parts.store, self._peer.peer_id
        foreign = ghostwritten.marked(store.database, store.parts(chat_id))
        return store.recent(chat_id, limit=LEARNED_FROM), foreign

    async def compose(self, wanted: int, *, known: Sequence[Burst] = ()) -> Composed:
        """The best of what may be said now, up to `wanted`, without what is `known`."""
        parts = self._parts
        async with parts.voice.borrowed() as model:
            view = model.views.of(self._peer)
            if view != self._past.view:
                self._past = Past(parts.store, view)
            moment, memory = look(parts.store, view, now=parts.clock()), await self._past.memory()
            noted = parts.notes.live(self._peer.peer_id)
            asked = prompt(model.speaker, moment, memory, noted, region=view.region)
            discretion = Discretion(parts.store, view, parts.tells, parts.guard.common, noted)
            await discretion.catch_up()
            cost = partial(parts.tells.cost, asks=asks(*self.recent()))
            objection = discretion.flaw
            composed = await compose(model.speaker, asked, wanted=wanted, objection=objection, cost=cost, known=known)
        if not composed.bursts:
            flaws = " ".join(sorted(composed.flaws))
            extra = {"chat_id": self._peer.peer_id, "tries": composed.tries, "flaws": flaws}
            log.warning("nothing.sendable", extra=extra)
        return composed
