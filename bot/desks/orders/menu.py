"""All commands of the owner's, alike at every desk: what each is called, and who obeys it."""

from collections.abc import Awaitable, Callable
from functools import partial

from bot.deciding.modes import Modes
from bot.desks.orders.mode import Choosing
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
    modes: Modes,
    retraining: Retraining,
    *,
    apply: Callable[[], Awaitable[None]],
    status: Callable[[], str],
) -> Orders:
    """What the owner may order. `apply` makes the double follow what `modes` say now; `status` tells how it is."""
    choosing = Choosing(parts, modes, apply)

    async def tell_status(_words: str) -> Answer:
        return Answer(status())

    async def show_stats(_words: str) -> Answer:
        return await stats(config)

    async def use_models(words: str) -> Answer:
        return await models(config, parts.store, words)

    return Orders(
        (
            Order("status", "", "how I am: model, modes, what is open, what was decided today", tell_status),
            Order("mode", "[CONTACT [off|draft|auto]]", "whom I speak with, and how; say so anew", choosing.mode),
            Order("contacts", "[PART OF A NAME]", "who they are, and what I may do there", choosing.contacts),
            Order("note", TEXT, "what I should know for a while: in Lisbon until Friday", partial(note, parts)),
            Order("notes", f"[{REMOVE} NUMBER]", "what I know so; end one", partial(notes, parts)),
            Order("stop", "[CONTACT]", "send nothing more, to one or to anybody", partial(stop, parts)),
            Order("resume", "[CONTACT]", "send again", partial(resume, parts)),
            Order("stats", "", "how you write", show_stats),
            Order("train", "[cancel]", "learn from what you said since; end that", partial(train, retraining)),
            Order("models", "[NAME]", "which doubles were trained; use one", use_models),
        )
    )
