"""What the owner writes to the bot: the code that links it, commands, and anything else, which goes to nobody."""

import asyncio
import logging
from contextlib import suppress

from aiogram import Bot, F, Router
from aiogram.exceptions import AiogramError
from aiogram.filters import CommandStart
from aiogram.types import BotCommand, BotCommandScopeChat, CallbackQuery, Message

from bot.deciding.policy import fresh
from bot.desks.cards import clip
from bot.desks.control.answers import answer
from bot.desks.control.door import Door
from bot.desks.control.link import Link
from bot.desks.control.works import Works
from bot.desks.desk import Desks
from bot.desks.drafts import Drafts
from bot.desks.orders.order import LATE, SIGN, Orders, is_stop
from bot.parts import Parts

log = logging.getLogger(__name__)

GREETING = "I am your double's desk. When it has something to say for you, a card comes here, and you choose."
STRAY = "That went to nobody. To send words of your own, press Edit on a card; /help tells what else I understand."


def linking() -> Router:
    """Hears everything while the bot is not linked, and answers nothing but the code."""
    router = Router(name="linking")
    router.message.register(prove, _unlinked)
    router.callback_query.register(ignore, _unlinked)
    return router


def commanding() -> Router:
    """What Telegram shows as commands."""
    router = Router(name="commanding")
    router.message.register(start, CommandStart())
    router.message.register(command, F.text.startswith(SIGN))
    return router


def strays() -> Router:
    """What no other router wants."""
    router = Router(name="strays")
    router.message.register(stray)
    return router


async def prove(
    message: Message, bot: Bot, link: Link, door: Door, drafts: Drafts, desks: Desks, orders: Orders
) -> None:
    """The code links the bot; anything else is ignored as if a stranger had said it."""
    if not link.prove(message.text or ""):
        door.ignore()
        return
    await offer_menu(bot, link, orders)
    await start(message, drafts, desks)


async def ignore(_query: CallbackQuery, door: Door) -> None:
    """A press while nothing is linked."""
    door.ignore()


async def start(message: Message, drafts: Drafts, desks: Desks) -> None:
    """Say what this is, and show what waits."""
    await message.answer(GREETING)
    for draft in drafts.all_open():
        await desks.show(draft)


async def command(message: Message, bot: Bot, orders: Orders, works: Works, parts: Parts) -> None:
    """Obey, show the answer, and follow what it began. What waited for too long is left undone: it could surprise."""
    said = message.text or ""
    if not (is_stop(said) or fresh(message.date, started_at=parts.started_at, now=parts.clock())):
        await message.answer(LATE)
        return
    obeying = asyncio.create_task(orders.obey(said))  # first, for what he wrote next comes after it
    with suppress(AiogramError):  # only a courtesy
        await bot.send_chat_action(message.chat.id, "typing")
    given = await obeying
    if given.work:
        works.begin(given.work, message)
    await answer(message, given)


async def stray(message: Message) -> None:
    """Say that it was sent to nobody."""
    await message.answer(STRAY)


async def offer_menu(bot: Bot, link: Link, orders: Orders) -> None:
    """Show the commands beside the field in which the owner writes; nobody else's app shows them."""
    menu = [BotCommand(command=order.name, description=clip(order.what, 256)) for order in orders.menu]
    try:
        await bot.set_my_commands(menu, scope=BotCommandScopeChat(chat_id=link.owner_id))
    except AiogramError as error:
        log.warning("control.no_menu", extra={"error": type(error).__name__})


async def _unlinked(_event: Message | CallbackQuery, link: Link) -> bool:
    return not link.stands
