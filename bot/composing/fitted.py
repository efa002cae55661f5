"""The sampler of the model that speaks: fitted once to the owner, then kept by the digest of the model's file.

A model that was exchanged is another file, and fitted anew. What is kept are five numbers.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from datetime import datetime

from sqlite_utils import Database
from sqlite_utils.db import NotFoundError

from bot.composing.context import ModelFailed
from bot.composing.fitting import Form, TooSlow, fit, form
from bot.composing.sampler import Sampler
from bot.composing.voice import Loaded, Voice
from bot.composing.window import Moment, prompt
from exporter import ghostwritten
from exporter.consent import Ledger
from exporter.progress import Say
from exporter.store import Store
from trainer.data.split import own
from trainer.reading.memory import Memory

log = logging.getLogger(__name__)

LEAST, MOST = 16, 24
"""Moments at which it is fitted: with fewer, chance would fit it."""


class Samplers:
    """All that were fitted."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._table = database.table("sampler")
        self._clock = clock

    def of(self, model: str, temperature: float) -> Sampler | None:
        """The sampler of a model's file, by its digest; None where it was not fitted at this temperature."""
        try:
            row = self._table.get((model, temperature))
        except NotFoundError:
            return None
        return Sampler(**{one.name: row[one.name] for one in fields(Sampler)})

    def keep(self, model: str, sampler: Sampler) -> None:
        """Keep what was fitted."""
        self._table.upsert(
            {"model": model, **asdict(sampler), "fitted_at": int(self._clock().timestamp())},
            pk=("model", "temperature"),
        )


async def speak_like_owner(voice: Voice, store: Store, ledger: Ledger, samplers: Samplers, say: Say) -> None:
    """Give the model that speaks its fitted sampler. The first time that takes a minute, and may be cancelled.

    Whoever wants words meanwhile gets them, from samplers on the way there.
    """
    async with voice.borrowed() as model:
        digest, speaker = model.artifact.card.sha256, model.speaker
        if known := samplers.of(digest, speaker.sampler.temperature):
            speaker.sampler = known
            return
        every = list(moments(model, store, ledger))
        if len(every) < LEAST:
            return
        say("the model is fitted to how long you write; that takes about a minute, once")
        chosen = [every[index * len(every) // MOST] for index in range(MOST)] if len(every) > MOST else every
        prompts = [prompt(speaker, moment, Memory()).ids for moment, _ in chosen]
        try:
            samplers.keep(digest, await fit(speaker, prompts, _form(model, [burst for _, burst in every])))
        except (TooSlow, ModelFailed) as unfit:
            say(unfit.problem)
        log.info("sampler.fitted", extra={"moments": len(chosen), **asdict(speaker.sampler)})


def moments(model: Loaded, store: Store, ledger: Ledger) -> Iterator[tuple[Moment, tuple[str, ...]]]:
    """Where the owner answered somebody who agrees to be learned from, since what the model learned; and his words."""
    names = {peer_id: peer.name for peer_id, peer in store.peers().items()}
    foreign = ghostwritten.marked(store.database)
    for chat in (one.peer for one in store.chats() if ledger.allows(one.peer, "learn")):
        view = model.views.of(chat)
        for session in view.sessions(store.messages(chat.peer_id, since=model.artifact.card.held_out_since)):
            one = view.conversation(session, names, foreign)
            for index, (turn, at) in enumerate(zip(one.turns, one.times, strict=True)):
                if index and own(turn) and not one.turns[index - 1].own:
                    yield Moment(one.scene, one.turns[:index], one.times[:index], at, turn.mark), turn.texts


def _form(model: Loaded, bursts: list[tuple[str, ...]]) -> Form:
    text = model.speaker.tokenizer.text
    return form(bursts, [sum(len(text(words)) + 1 for words in burst) for burst in bursts])
