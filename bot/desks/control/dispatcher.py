"""The control bot while it runs: each update passes the door, then goes to the router that handles it."""

import asyncio
import logging

from aiogram import Dispatcher
from aiogram.exceptions import AiogramError
from aiogram.filters import ExceptionTypeFilter
from aiogram.types import ErrorEvent

from bot.desks.control.api import poll, reached
from bot.desks.control.desk import ControlBot
from bot.desks.control.door import Door
from bot.desks.control.edits import Edits, editing
from bot.desks.control.presses import presses
from bot.desks.control.talk import commanding, linking, offer_menu, strays
from bot.desks.control.works import Works, cancelling
from bot.desks.mode_switch import ModeSwitch
from bot.desks.orders.order import Orders
from bot.double import Double
from bot.parts import Parts

log = logging.getLogger(__name__)


async def run_control(desk: ControlBot, parts: Parts, double: Double, orders: Orders, switch: ModeSwitch) -> None:
    """Wait until the Bot API can be reached, link or show the menu, then serve the owner until cancelled."""
    me = await reached(desk.bot)
    if desk.link.stands:
        await offer_menu(desk.bot, desk.link, orders)
    else:
        desk.link.offer(me.username or "")
    async with asyncio.TaskGroup() as tasks:
        works = Works(tasks)
        await poll(build(desk, parts, double, orders, switch, works), desk.bot)


def build(
    desk: ControlBot, parts: Parts, double: Double, orders: Orders, switch: ModeSwitch, works: Works
) -> Dispatcher:
    """Who handles what: the first router that wants an update has it."""
    door = Door(desk.link.owner_id)
    built = Dispatcher(
        disable_fsm=True,
        link=desk.link,
        door=door,
        double=double,
        drafts=parts.drafts,
        places=parts.places,
        desks=parts.desks,
        parts=parts,
        orders=orders,
        switch=switch,
        works=works,
        edits=Edits(parts.store.database, parts.clock),
    )
    built.update.outer_middleware(door)
    built.include_routers(linking(), presses(), cancelling(), commanding(), editing(), strays())
    built.errors.register(_note, ExceptionTypeFilter(AiogramError))
    return built


async def _note(event: ErrorEvent) -> None:
    """Telegram did not take an answer: what was asked for is done all the same."""
    log.warning("control.unanswered", extra={"error": type(event.exception).__name__})
