"""The composition root: builds every part of a running bot, in one place, and takes it apart in reverse order."""

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from random import SystemRandom

from aiogram import Bot, Dispatcher

from bot.account import Account
from bot.control import ControlBot, control_router, open_bot, poll
from bot.desk import Desk, Desks
from bot.double import Double
from bot.drafts import Drafts
from bot.engine import Speaker, open_double
from bot.forgetting import erase_forgotten, watch_forgotten
from bot.handled import Handled
from bot.notices import tell_of_stops
from bot.outbox import Outbox
from bot.parts import Parts
from bot.policy import NEEDED
from bot.resume import look_back, settle, watch_replies
from bot.saved import SavedMessages
from bot.status import status
from bot.stops import Stops
from bot.tables import migrations
from exporter.config import Config, Sync
from exporter.consent import Ledger, how_to_grant
from exporter.errors import DoppelgangerError
from exporter.live import Live
from exporter.messages import Message
from exporter.modes import Mode, resolve_modes
from exporter.progress import Say
from exporter.running import ended_by, one_problem
from exporter.store import Store, open_store
from exporter.telegram import connect
from trainer.models.artifact import Card
from trainer.models.registry import current
from trainer.reading.conversations import Views, views

log = logging.getLogger(__name__)


async def run(config: Config, say: Say) -> None:
    """Be the owner's double until cancelled, or until SIGTERM.

    Raises:
        DoppelgangerError: something that the user can mend: no model, no login, an unknown contact, no network.
    """
    artifact = current(config.models)
    config.make_state()
    with ended_by(signal.SIGTERM), open_store(config.database, migrations) as store:
        temperature = config.reply.temperature
        forgotten = store.forgotten.ids()
        with open_double(
            artifact.card, artifact.gguf, forgotten=forgotten, temperature=temperature, random=SystemRandom()
        ) as engine:
            await serve(config, store, engine, artifact.card, say)


async def serve(config: Config, store: Store, speaker: Speaker, card: Card, say: Say) -> None:
    """A whole bot around whoever speaks for it, until cancelled. Raises as `run` does."""
    if card.speaker is not None:
        raise DoppelgangerError(
            f"the model in use is the double of {card.speaker}, and must not speak for you",
            fix='promote one of yours (`python -m trainer models`), or train one with [train] learn = "owner"',
        )
    owner = store.owner()
    if owner is None:
        raise DoppelgangerError("nothing is synced yet", fix="run `python -m exporter sync` first")
    peers = store.peers()
    modes = resolve_modes(config.reply, peers.values())
    ledger = Ledger(store.database, config.consent)
    for peer in (peers[chat_id] for chat_id in modes):
        if lacking := ledger.lacks(peer, NEEDED):
            say(f"{peer.name} is left alone: no consent; {how_to_grant(peer, *lacking)}")
    read = views(store, config, card.gaps, region=card.region)
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(open_bot(config.control))
        client = await stack.enter_async_context(connect(config, lasting=True, say=say))
        stack.enter_context(one_problem())
        stops = Stops(store, _now)
        account = Account(client, owner, store, stops, _now)
        parts = _parts(config, store, ledger, speaker, read, account, stops, control, say)
        async with asyncio.TaskGroup() as tasks:
            forgotten = store.forgotten.ids()
            erase_forgotten(store.database, forgotten)
            double = Double(parts, modes, tasks)
            await settle(parts, modes)
            chosen, on_message = _followed(config, modes), partial(_hear, double)
            live = Live(client, store, chosen, ledger, on_message=on_message, say=say)
            tasks.create_task(watch_replies(client.link, account, parts, double))
            await look_back(client, live.limiter, account, parts, double, modes)
            tasks.create_task(live.run())
            tasks.create_task(double.watch_consent())
            tasks.create_task(tell_of_stops(parts))
            tasks.create_task(parts.desks.keep_up())
            tasks.create_task(watch_forgotten(parts, double, card, forgotten))
            if control:
                tasks.create_task(poll(_dispatcher(parts, double, card, modes), control))
            counts = Counter(modes.values())
            log.info("bot.ready", extra={"draft": counts[Mode.DRAFT], "auto": counts[Mode.AUTO]})
            say(f"ready: drafts for {counts[Mode.DRAFT]}, answers {counts[Mode.AUTO]} by itself")


def _now() -> datetime:
    return datetime.now(UTC)


def _followed(config: Config, modes: Mapping[int, Mode]) -> Sync:
    """The chats that are kept current: those under [sync], and those in which the double may speak."""
    return config.sync.model_copy(update={"chats": (*config.sync.chats, *modes)})


def _hear(double: Double, message: Message, is_new: bool) -> None:
    if is_new:
        double.hear(message, live=True)


def _parts(
    config: Config,
    store: Store,
    ledger: Ledger,
    speaker: Speaker,
    read: Views,
    account: Account,
    stops: Stops,
    control: Bot | None,
    say: Say,
) -> Parts:
    random = SystemRandom()
    drafts = Drafts(store.database, _now)
    desks: list[Desk] = [SavedMessages(account, random, _now)]
    if control:
        desks.append(ControlBot(control, read.owner.peer_id, _now))
    return Parts(
        store=store,
        ledger=ledger,
        owner=read.owner,
        speaker=speaker,
        drafts=drafts,
        outbox=Outbox(store, account, random, _now),
        stops=stops,
        handled=Handled(store.database),
        hands=account,
        desks=Desks(desks, drafts, store),
        settings=config.reply,
        views=read,
        started_at=_now(),
        clock=_now,
        zone=read.zone,
        random=random,
        say=say,
    )


def _dispatcher(parts: Parts, double: Double, card: Card, modes: Mapping[int, Mode]) -> Dispatcher:
    def tell() -> str:
        return status(parts.store, parts.ledger, parts.drafts, card, modes, now=parts.clock(), zone=parts.zone)

    dispatcher = Dispatcher(double=double, drafts=parts.drafts, desks=parts.desks, status=tell)
    dispatcher.include_router(control_router(parts.owner.peer_id))
    return dispatcher
