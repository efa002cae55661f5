"""The composition root: builds every part of a running bot, in one place, and takes it apart in reverse order."""

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from random import SystemRandom
from typing import Any

from bot.account import Account
from bot.composing.notes import Notes
from bot.composing.tells import load_tells
from bot.composing.voice import Voice, speaking
from bot.deciding.decisions import Decisions
from bot.deciding.folders import Folders
from bot.deciding.guard import load_guard
from bot.deciding.modes import Modes
from bot.deciding.policy import NEEDED
from bot.deciding.presence import Presence
from bot.desks.control.desk import open_desk
from bot.desks.control.dispatcher import run_control
from bot.desks.desk import Desk, Desks
from bot.desks.drafts import Drafts
from bot.desks.mode_switch import ModeSwitch
from bot.desks.orders.menu import commands
from bot.desks.places import Places
from bot.desks.saved.desk import SavedMessages
from bot.desks.saved.reader import Reader, heed_stops
from bot.double import Double
from bot.parts import Parts
from bot.running.forgetting import erase_forgotten, watch_forgotten
from bot.running.handled import Handled
from bot.running.nightly import every_night
from bot.running.notices import tell_of_stops
from bot.running.promoted import watch_model
from bot.running.resume import keep_recovering, look_back, settle
from bot.running.retrain import Retraining
from bot.sending.outbox import Outbox
from bot.sending.stops import Stops
from bot.tables import migrations
from exporter.account.connection import connect, lock_account
from exporter.errors import NothingSynced
from exporter.following.live import Live
from exporter.following.notify import Tell, feed, teller
from exporter.following.running import ended_by, one_problem, persevere
from exporter.progress import Say
from exporter.rights.consent import Ledger, how_to_grant
from exporter.settings.config import Config, Sync
from exporter.settings.modes import Mode, resolve_disclosures
from exporter.storing.store import Store, open_store
from trainer.models.registry import current

log = logging.getLogger(__name__)


async def run(config: Config, say: Say) -> None:
    """Be the owner's double until cancelled, or until SIGTERM.

    Raises:
        DoppelgangerError: something that the user can mend: no model, no login, an unknown contact, no network.
    """
    artifact = current(config.models)
    config.make_state()
    with lock_account(config):
        pass  # whoever has the account is named before the model is loaded, which may take long
    with ended_by(signal.SIGTERM), open_store(config.database, migrations) as store:
        if store.owner() is None:
            raise NothingSynced
        async with speaking(artifact, config, store, random=SystemRandom()) as voice:
            await serve(config, store, voice, say)


async def serve(config: Config, store: Store, voice: Voice, say: Say) -> None:
    """A whole bot around whoever speaks for it, until cancelled, however often the network ends it.

    Raises as `run` does.
    """
    systemd = teller()
    try:
        await persevere(partial(_serve, config, store, voice, say, systemd), say, systemd)
    finally:
        systemd("STOPPING=1")


async def _serve(config: Config, store: Store, voice: Voice, say: Say, systemd: Tell) -> None:
    """From one connection to its end."""
    owner, modes = voice.model.views.owner, Modes(config, store, _now)
    ledger = Ledger(store.database, config.consent)
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(open_desk(config.control, store, owner, clock=_now, say=say))
        client = await stack.enter_async_context(connect(config, lasting=True, say=say))
        stack.enter_context(one_problem())
        folders = Folders(client, modes, owner.peer_id, say)
        await folders.look()
        chats = modes.now()
        _name_silent(store, ledger, modes, say)
        stops = Stops(store, config.stop_file, _now)
        account = Account(client, owner, store, stops, _now)
        presence = Presence(client, owner.peer_id, _now)
        await presence.look()
        saved = SavedMessages(account, SystemRandom(), _now)
        desks: list[Desk] = [saved, control] if control else [saved]
        parts = _parts(config, store, ledger, voice, account, stops, presence, desks, say)
        async with asyncio.TaskGroup() as tasks:
            forgotten = _prune(parts)
            double = Double(parts, chats, tasks)
            await heed_stops(account, parts)
            await settle(parts, chats)
            live = Live(client, store, _followed(config, chats), ledger, on_message=double.on_message, say=say)
            switch = ModeSwitch(modes, live, double, parts.drafts)
            retraining = Retraining(config, parts, live.catch_up, tasks)
            orders = commands(parts, config, switch, retraining)
            reader = Reader(account, saved, parts, double, orders, tasks)
            account.on_saved(reader.hear)
            tasks.create_task(feed(systemd, live.is_alive))
            await look_back(client, live.limiter, reader, parts, double, chats)
            works = [reader.run(client.link), folders.run(switch.apply)]
            if control:
                works.append(run_control(control, parts, double, orders, switch))
            for work in (*works, *_for_ever(config, parts, double, live, retraining, forgotten)):
                tasks.create_task(work)
            double.begin()
            systemd("READY=1")
            _say_ready(double, say)


def _for_ever(
    config: Config,
    parts: Parts,
    double: Double,
    live: Live,
    retraining: Retraining,
    forgotten: frozenset[int],
) -> Iterator[Coroutine[Any, Any, None]]:
    """What goes on beside the conversations and the desks for as long as the bot runs."""
    yield live.run()
    yield parts.presence.keep_up()
    yield double.watch_consent()
    yield keep_recovering(parts, double)
    yield tell_of_stops(parts)
    yield parts.desks.keep_up()
    yield watch_forgotten(parts, double, forgotten)
    yield watch_model(parts, config.models)
    if at := config.train.nightly:
        yield every_night(at, parts.zone, partial(retraining.start, nightly=True), clock=parts.clock)


def _say_ready(double: Double, say: Say) -> None:
    counts = Counter(double.modes.values())
    log.info("bot.ready", extra={"draft": counts[Mode.DRAFT], "auto": counts[Mode.AUTO]})
    say(f"ready: drafts for {counts[Mode.DRAFT]}, answers {counts[Mode.AUTO]} by itself")


def _prune(parts: Parts) -> frozenset[int]:
    """Erase what must not be kept any longer; gives the ids of those who are forgotten."""
    forgotten = parts.store.forgotten.ids()
    erase_forgotten(parts.store.database, forgotten)
    parts.notes.prune()
    return forgotten


def _now() -> datetime:
    return datetime.now(UTC)


def _name_silent(store: Store, ledger: Ledger, modes: Modes, say: Say) -> None:
    """Name those whom the owner chose, but who cannot be told any more, or did not agree."""
    for lost in modes.lost:
        say(lost)
    peers = store.peers()
    for peer in (peers[chat_id] for chat_id in modes.now()):
        if lacking := ledger.lacks(peer, NEEDED):
            say(f"{peer.name} is left alone: no consent; {how_to_grant(peer, *lacking)}")


def _followed(config: Config, modes: Mapping[int, Mode]) -> Sync:
    """The chats that are kept current: those under [sync], and those in which the double may speak."""
    return config.sync.model_copy(update={"chats": (*config.sync.chats, *modes)})


def _parts(
    config: Config,
    store: Store,
    ledger: Ledger,
    voice: Voice,
    account: Account,
    stops: Stops,
    presence: Presence,
    desks: Sequence[Desk],
    say: Say,
) -> Parts:
    random, read = SystemRandom(), voice.model.views
    drafts = Drafts(store.database, _now)
    places = Places(store.database)
    return Parts(
        owner=read.owner,
        store=store,
        ledger=ledger,
        settings=config.reply,
        guard=load_guard(config.reply.limits.topics),
        presence=presence,
        decisions=Decisions(store.database),
        disclosures=resolve_disclosures(config.reply, store.contacts()),
        voice=voice,
        notes=Notes(store.database, _now, read.zone),
        tells=load_tells(),
        desks=Desks(desks, drafts, places, store, read.zone),
        drafts=drafts,
        places=places,
        outbox=Outbox(store, account, random, _now),
        hands=account,
        stops=stops,
        handled=Handled(store.database),
        started_at=_now(),
        clock=_now,
        zone=read.zone,
        random=random,
        say=say,
    )
