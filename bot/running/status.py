"""What the double is about, in a few lines: for `python -m bot status` and the control bot's /status."""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from bot.deciding.decisions import decided_since
from bot.deciding.policy import NEEDED
from bot.desks.cards import stopped
from bot.desks.drafts import Drafts
from bot.sending.entries import sent_since
from bot.sending.stops import Stops
from exporter.consent import Ledger
from exporter.messages import Peer
from exporter.modes import Mode
from exporter.store import Store
from trainer.models.artifact import Card


def status(
    store: Store,
    ledger: Ledger,
    drafts: Drafts,
    stops: Stops,
    card: Card,
    modes: Mapping[int, Mode],
    *,
    now: datetime,
    zone: tzinfo,
) -> str:
    """Model, modes, open drafts, what was sent since midnight in the owner's zone, and what is stopped."""

    def named(peer: Peer) -> str:
        return peer.name if ledger.allows(peer, *NEEDED) else f"{peer.name} (no consent)"

    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    peers = store.peers()
    names = {
        mode: ", ".join(sorted(named(peers[chat_id]) for chat_id, one in modes.items() if one is mode)) or "nobody"
        for mode in (Mode.DRAFT, Mode.AUTO)
    }
    bits = card.bits_per_byte
    counts = decided_since(store.database, midnight).most_common()
    decided = ", ".join(f"{count} {action} ({reason})" for (action, reason), count in counts)
    return "\n".join(
        [
            f"model: {card.base}, {card.quantization}, trained {card.created.astimezone(zone):%Y-%m-%d %H:%M}",
            f"held-out bits per byte: {bits.tuned:.3f}, and {bits.base:.3f} before training",
            f"draft: {names[Mode.DRAFT]}",
            f"auto: {names[Mode.AUTO]}",
            f"open drafts: {len(drafts.all_open())}",
            f"sent today: {sent_since(store.database, midnight)}",
            *(stopped(stop, peers, zone) for stop in stops.all()),
            f"decided today: {decided or 'nothing'}",
        ]
    )
