"""How the double is doing, on one screen: for `python -m bot status`, and for /status at every desk."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, tzinfo

from bot.deciding.decisions import decided_since
from bot.deciding.modes import Modes
from bot.deciding.policy import NEEDED, Action
from bot.desks.cards import stopped
from bot.desks.drafts import Drafts
from bot.desks.reasons import why
from bot.running import trainings
from bot.running.latency import Took, answers_took, proposals_took
from bot.sending.entries import sent_since
from bot.sending.stops import Stops
from exporter.cli import counted
from exporter.messages import Peer
from exporter.rights.consent import Ledger
from exporter.settings.modes import Mode
from exporter.storing.store import Store
from trainer.models.artifact import Artifact, PromptMismatch, read
from trainer.models.registry import names, verdict

DONE = {Action.AUTO: "answered", Action.DRAFT: "drafted", Action.SILENT: "left alone"}
BECAME = {
    (True, True): "put to use",
    (True, False): "passed, but another is in use",
    (False, True): "in use because you chose it",
    (False, False): "not put to use",
}
"""Of the newest model: whether it passed the gate, and whether it is the one in use."""


def status(
    store: Store,
    ledger: Ledger,
    drafts: Drafts,
    stops: Stops,
    artifact: Artifact,
    modes: Modes,
    *,
    now: datetime,
    zone: tzinfo,
) -> str:
    """What is stopped, whom it speaks with, what waits, what today brought and how long it took, and the model in use.

    Today began at midnight in the owner's zone.
    """
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    sent = sent_since(store.database, midnight)
    return "\n".join(
        [
            *(stopped(stop, store.peers(), zone) for stop in stops.all()),
            *_contacts(store, ledger, modes.now()),
            *modes.lost,
            f"open drafts: {len(drafts.all_open())}",
            f"sent today: {counted(sent, 'message')}",
            *_decided(store, midnight),
            *_took("proposals", proposals_took(store.database, midnight)),
            *_took("answers", answers_took(store.database, midnight)),
            *_model(artifact, zone),
            *_last_trainings(store, artifact, zone),
        ]
    )


def _contacts(store: Store, ledger: Ledger, modes: Mapping[int, Mode]) -> list[str]:
    def named(peer: Peer) -> str:
        return peer.name if ledger.allows(peer, *NEEDED) else f"{peer.name} (no consent)"

    peers = store.peers()
    return [
        f"{mode}: {', '.join(sorted(named(peers[one]) for one, its in modes.items() if its is mode)) or 'nobody'}"
        for mode in (Mode.DRAFT, Mode.AUTO)
    ]


def _decided(store: Store, midnight: datetime) -> list[str]:
    counts = decided_since(store.database, midnight).most_common()
    lines = [f"  {count} {DONE[Action(action)]}: {why(reason)}" for (action, reason), count in counts]
    return ["decided today:", *lines] if lines else ["decided today: nothing"]


def _took(what: str, took: Took | None) -> list[str]:
    if took is None:
        return []
    return [f"{what} today: after {_seconds(took.median)} (p50), {_seconds(took.longest)} (p95), {took.count} of them"]


def _model(artifact: Artifact, zone: tzinfo) -> list[str]:
    card = artifact.card
    return [
        f"model: {card.base}, {card.quantization}, trained {card.created.astimezone(zone):%Y-%m-%d %H:%M}",
        f"your held-out words take it {card.bits_per_byte.tuned:.3f} bits per byte; "
        f"before training, {card.bits_per_byte.base:.3f}",
    ]


def _last_trainings(store: Store, artifact: Artifact, zone: tzinfo) -> Iterator[str]:
    """What became of the newest model, which need not be the one in use; and of a training since, without a model."""
    made = None
    for newest in names(artifact.folder.parent)[:1]:
        with suppress(PromptMismatch):
            latest = read(artifact.folder.parent / newest)
            found, made = verdict(latest), latest.card.created
            became = BECAME[found.passed, latest.name == artifact.name]
            why = "" if found.passed else f": {found.why}"
            yield f"last training: {made.astimezone(zone):%Y-%m-%d %H:%M}, {became}{why}"
    since = trainings.latest(store.database)
    if since and (made is None or since.at > made):
        yield f"tried again: {since.at.astimezone(zone):%Y-%m-%d %H:%M}. {since.told}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
