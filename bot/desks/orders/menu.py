"""All commands of the owner's, alike at every desk: what each is called, and who obeys it."""

from collections.abc import Callable
from functools import partial

from bot.desks.mode_switch import ModeSwitch
from bot.desks.orders.mode import contacts, mode
from bot.desks.orders.models import models
from bot.desks.orders.note import REMOVE, TEXT, note, notes
from bot.desks.orders.order import Answer, Order, Orders
from bot.desks.orders.stats import stats
from bot.desks.orders.stop import resume, stop
from bot.desks.orders.train import train
from bot.parts import Parts
from bot.running.retrain import Retraining
from exporter.config import Config


def commands(
    parts: Parts,
    config: Config,
    switch: ModeSwitch,
    retraining: Retraining,
    *,
    status: Callable[[], str],
) -> Orders:
    """What the owner may order; `status` tells how the double is."""

    async def tell_status(_words: str) -> Answer:
        return Answer(status())

    async def show_stats(_words: str) -> Answer:
        return await stats(config)

    async def use_models(words: str) -> Answer:
        return await models(config, parts.store, words)

    return Orders(
        (
            Order("status", "", "how I am: model, modes, what is open, what was decided today", tell_status),
            Order(
                "mode",
                "[CONTACT [off|draft|auto]]",
                "whom I speak with, and how; say so anew",
                partial(mode, parts, switch),
            ),
            Order(
                "contacts",
                "[PART OF A NAME]",
                "who they are, and what I may do there",
                partial(contacts, parts, switch),
            ),
            Order("note", TEXT, "what I should know for a while: in Lisbon until Friday", partial(note, parts)),
            Order("notes", f"[{REMOVE} NUMBER]", "what I know so; end one", partial(notes, parts)),
            Order("stop", "[CONTACT]", "send nothing more, to one or to anybody", partial(stop, parts)),
            Order("resume", "[CONTACT]", "send again", partial(resume, parts)),
            Order("stats", "", "how you write", show_stats),
            Order("train", "[cancel]", "learn from what you said since; end that", partial(train, retraining)),
            Order("models", "[NAME]", "which doubles were trained; use one", use_models),
        )
    )
