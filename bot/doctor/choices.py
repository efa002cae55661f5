"""What the owner chose, and what is stored: whether every name means somebody, who agreed, how old the newest is."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.deciding.modes import Modes
from bot.deciding.policy import NEEDED
from bot.desks import cards
from bot.doctor.findings import Finding, note, ok, problem, wrong
from bot.sending.refused import STOP_FILE
from bot.sending.stops import Stops
from exporter.cli import counted
from exporter.errors import DoppelgangerError
from exporter.rights.consent import Ledger, how_to_grant
from exporter.settings.config import Config
from exporter.settings.modes import Mode, resolve_disclosures, resolve_modes
from exporter.settings.selection import select_chats
from exporter.storing.store import Store
from trainer.reading.conversations import views

OLD = timedelta(days=2)
"""After so long without a message, one doubts that anything was pulled."""
SYNC = "python -m exporter sync"
NOTHING = wrong("history", "nothing is synced yet", f"run `{SYNC}`")
Clock = Callable[[], datetime]


def configuration(config: Config, file: Path, now: datetime) -> Finding:
    """It was read; what it says of the time is for the owner to compare."""
    local = now.astimezone(ZoneInfo(config.timezone))
    return ok("configuration", f"{file}; your clock shows {local:%H:%M} in {config.timezone}")


def names(config: Config, store: Store, clock: Clock) -> Iterator[Finding]:
    """Whether everybody whom it names is somebody."""
    peers, dialogs = store.contacts(), store.state.dialogs()
    tries: dict[str, Callable[[], object]] = {
        "[sync]": lambda: config.sync.chooses and select_chats(config.sync, peers, dialogs),
        "[reply]": lambda: (resolve_modes(config.reply, peers), resolve_disclosures(config.reply, peers)),
        "[train]": lambda: views(store, config, {}, region=None, speaker=config.train.speaker),
    }
    failed = False
    for section, resolve in tries.items():
        try:
            resolve()
        except DoppelgangerError as error:
            failed = True
            yield problem(f"names, {section}", error)
    if not failed:
        yield ok("names", "everybody whom the configuration names is known")


def contacts(config: Config, store: Store, clock: Clock) -> Iterator[Finding]:
    """For whom the double speaks, and who of them did not agree."""
    modes, peers = Modes(config, store, clock).now(), store.peers()
    ledger = Ledger(store.database, config.consent)
    counts = {mode: sum(one is mode for one in modes.values()) for mode in (Mode.DRAFT, Mode.AUTO)}
    says = f"drafts for {counts[Mode.DRAFT]}, answers {counts[Mode.AUTO]} by itself"
    folders = [title for title in (config.reply.draft_folder, config.reply.auto_folder) if title]
    if folders:
        says += f", and whoever lies in {' or '.join(folders)}"
    if modes or folders:
        yield ok("contacts", says)
    else:
        yield note("contacts", "the double speaks with nobody", "name somebody under [reply], as draft to begin with")
    for peer in (peers[chat_id] for chat_id in sorted(modes)):
        if lacking := ledger.lacks(peer, NEEDED):
            fix = f"once they agree: {how_to_grant(peer, *lacking)}"
            yield wrong("consent", f"{peer.name} is left alone, for nobody wrote down that they agree", fix)


def history(store: Store, now: datetime) -> Finding:
    """How much is stored, and how old the newest of it is."""
    chats = store.chats()
    if store.owner() is None or not chats:
        return NOTHING
    newest = [message.sent_at for chat in chats for message in store.recent(chat.peer.peer_id, limit=1)]
    total = counted(sum(chat.messages for chat in chats), "message")
    age = now - max(newest)
    says = f"{total} of {counted(len(chats), 'chat')}, the newest {cards.ago(age)}"
    return note("history", says, f"if more was said since: `{SYNC}`") if age > OLD else ok("history", says)


def stops(config: Config, store: Store, clock: Clock) -> Iterator[Finding]:
    """What is not sent at all for now."""
    zone, peers = ZoneInfo(config.timezone), store.peers()
    standing = Stops(store, config.stop_file, clock).all()
    for stop in standing:
        ends = f"rm {config.stop_file}" if stop.code == STOP_FILE else "`python -m bot resume`"
        yield note("stops", cards.stopped(stop, peers, zone), "" if stop.until else f"to send again: {ends}")
    resting = store.state.resting("messages.sendMessage")
    if resting and resting > clock():
        yield note("stops", f"Telegram asked to send nothing until {resting.astimezone(zone):%A, %H:%M}")
    elif not standing:
        yield ok("stops", "nothing is stopped")
