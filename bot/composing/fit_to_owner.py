"""Fits the model that speaks to how its owner writes, while it speaks: once, for what is found is kept."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime

from bot.composing.context import ModelFailed
from bot.composing.fitting import Form, TooSlow, fit, form
from bot.composing.samplers import Samplers
from bot.composing.voice import Loaded, Voice
from bot.composing.window import Moment, prompt
from exporter.progress import Say
from exporter.rights.consent import Ledger
from exporter.storing import ghostwritten
from exporter.storing.store import Store
from trainer.data.split import own
from trainer.reading.memory import Memory

log = logging.getLogger(__name__)

LEAST, MOST = 16, 24
"""Moments at which it is fitted: with fewer, chance would fit it."""


async def fit_to_owner(voice: Voice, store: Store, ledger: Ledger, say: Say, *, clock: Callable[[], datetime]) -> None:
    """Fit the model that speaks, if it was not yet. That takes about a minute, and may be cancelled.

    Whoever wants words meanwhile gets them between two of its replies, from samplers on the way there.
    """
    async with voice.borrowed() as model:
        if not Samplers(store.database).fitted(model.artifact.card.sha256, model.speaker.sampler.temperature):
            await _fit(model, store, ledger, say, clock)
        log.info("sampler.chosen", extra=asdict(model.speaker.sampler))


async def _fit(model: Loaded, store: Store, ledger: Ledger, say: Say, clock: Callable[[], datetime]) -> None:
    every = []
    for one in moments(model, store, ledger):
        every.append(one)
        await asyncio.sleep(0)  # nobody waits until a long history is read
    if len(every) < LEAST:
        return
    say("the model is being fitted to how long you write: about a minute, once; it speaks meanwhile")
    chosen = [every[index * len(every) // MOST] for index in range(MOST)] if len(every) > MOST else every
    prompts = [prompt(model.speaker, moment, Memory()).ids for moment, _ in chosen]
    try:
        fitted = await fit(model.speaker, prompts, _form(model, [burst for _, burst in every]))
    except (TooSlow, ModelFailed) as unfit:
        say(unfit.problem)
        return
    finally:
        await model.speaker.let_go()  # of these prompts, whose people may be forgotten by now
    Samplers(store.database).keep(model.artifact.card.sha256, fitted, clock())
    say("the model is fitted to how long you write")


def moments(model: Loaded, store: Store, ledger: Ledger) -> Iterator[tuple[Moment, tuple[str, ...]]]:
    """Where the owner answered somebody who agrees to be learned from, since what the model learned; and his words."""
    names = store.names()
    foreign = ghostwritten.marked(store.database)
    for chat in (one.peer for one in store.chats() if ledger.allows(one.peer, "learn")):
        view = model.views.of(chat)
        said = list(store.messages(chat.peer_id, since=model.artifact.card.held_out_since))  # no cursor stays open
        for session in view.sessions(said):
            one = view.conversation(session, names, foreign)
            for index, (turn, at) in enumerate(zip(one.turns, one.times, strict=True)):
                if index and own(turn) and not one.turns[index - 1].own:
                    yield Moment(one.scene, one.turns[:index], one.times[:index], at, turn.mark), turn.texts


def _form(model: Loaded, bursts: list[tuple[str, ...]]) -> Form:
    text = model.speaker.tokenizer.text
    return form(bursts, [sum(len(text(words)) + 1 for words in burst) for burst in bursts])
