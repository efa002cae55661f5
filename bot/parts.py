"""What a running bot is made of: built by `bot.app`, handed to every conversation. It decides nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from random import Random

from bot.composing.notes import Notes
from bot.composing.tells import Tells
from bot.composing.voice import Voice
from bot.deciding.decisions import Decisions
from bot.deciding.guard import Guard
from bot.deciding.policy import NEEDED
from bot.deciding.presence import Presence
from bot.desks.desk import Desks
from bot.desks.drafts import Drafts
from bot.desks.places import Places
from bot.running.handled import Handled
from bot.sending.delivery import Hands
from bot.sending.outbox import Outbox
from bot.sending.stops import Stops
from exporter.messages import Peer
from exporter.progress import Say
from exporter.rights.consent import Ledger
from exporter.settings.replying import Disclosure, Reply
from exporter.storing.store import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """What every conversation works with, room by room."""

    owner: Peer
    store: Store
    ledger: Ledger
    settings: Reply
    # deciding
    guard: Guard
    presence: Presence
    decisions: Decisions
    disclosures: Mapping[int, Disclosure]
    """By chat, where it is not as for all."""
    # composing
    voice: Voice
    notes: Notes
    tells: Tells
    # desks
    desks: Desks
    drafts: Drafts
    places: Places
    # sending
    outbox: Outbox
    hands: Hands
    stops: Stops
    # running
    handled: Handled
    started_at: datetime
    clock: Callable[[], datetime]
    zone: tzinfo
    """The owner's, for the times on cards."""
    random: Random
    say: Say
    """Tells whoever looks at the terminal what happens; never what was written."""

    def may_speak(self, peer: Peer) -> bool:
        """Whether the people in this chat agree to it, as of now."""
        return self.ledger.allows(peer, *NEEDED)
