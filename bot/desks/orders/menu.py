"""All commands of the owner's, alike at every desk: what each is called, and who obeys it."""

from functools import partial

from bot.desks.mode_switch import ModeSwitch
from bot.desks.orders.mode import contacts, mode
from bot.desks.orders.models import models
from bot.desks.orders.note import REMOVE, TEXT, note, notes
from bot.desks.orders.order import Order, Orders
from bot.desks.orders.stats import stats
from bot.desks.orders.status import status
from bot.desks.orders.stop import resume, stop
from bot.desks.orders.train import train
from bot.parts import Parts
from bot.running.retrain import Retraining
from exporter.settings.config import Config


def commands(parts: Parts, config: Config, switch: ModeSwitch, retraining: Retraining) -> Orders:
    """What the owner may order, in the order in which a menu shows it."""
    return Orders(
        (
            Order("status", "", "how I am, and what I decided today", partial(status, parts, switch)),
            Order("mode", "[CONTACT [off|draft|auto]]", "whom I speak with; change it", partial(mode, parts, switch)),
            Order("contacts", "[PART OF A NAME]", "your contacts, and their modes", partial(contacts, parts, switch)),
            Order("note", TEXT, "what I should know for a while: in Lisbon until Friday", partial(note, parts)),
            Order("notes", f"[{REMOVE} NUMBER]", "what I know so; end one", partial(notes, parts)),
            Order("stop", "[CONTACT]", "send nothing more, to one or to anybody", partial(stop, parts)),
            Order("resume", "[CONTACT]", "send again", partial(resume, parts)),
            Order("stats", "", "how you write", partial(stats, config)),
            Order("train", "[cancel]", "learn from what you said since; end that", partial(train, retraining)),
            Order("models", "[NAME]", "which doubles were trained; use one", partial(models, config, parts.store)),
        )
    )
