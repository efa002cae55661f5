"""The control bot: the same cards with buttons, for the owner alone. Everybody else gets no answer at all.

It knows aiogram; what a press does is the double's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Literal

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.enums import ChatType
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.filters import CommandStart
from aiogram.filters.callback_data import CallbackData
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, Message
from aiogram.utils.token import TokenValidationError

from bot.desks.cards import Card, closed_card, open_card
from bot.desks.desk import Desks
from bot.desks.drafts import Drafts
from bot.desks.orders import SIGN, Orders
from bot.double import Double
from bot.sending.refused import Lost, Refused
from exporter.config import Control
from exporter.errors import ConfigError, DoppelgangerError

log = logging.getLogger(__name__)

GREETING = "I am your double's desk. When it has something to say for you, a card comes here, and you choose."


class Press(CallbackData, prefix="draft"):
    """What a button carries: at most 64 bytes. `number` counts proposals from 1.

    On a card that shows other proposals by now, `version` is an older one, and the press does nothing.
    """

    action: Literal["send", "again", "skip"]
    draft_id: int
    version: int
    number: int = 0


class ControlBot:
    """Cards in the chat between the owner and the control bot."""

    name = "control"

    def __init__(self, bot: Bot, owner_id: int, clock: Callable[[], datetime]) -> None:
        self._bot = bot
        self._owner_id = owner_id
        self._clock = clock

    async def show(self, card: Card) -> int:
        """Send the card with its buttons. Raises Lost or Refused."""
        text = open_card(card, now=self._clock())
        with _translated():
            message = await self._bot.send_message(
                self._owner_id, text, reply_markup=_buttons(card), link_preview_options=NO_PREVIEW
            )
        return message.message_id

    async def update(self, message_id: int, card: Card) -> None:
        """Let the card show other proposals, with their buttons. Raises Lost or Refused."""
        text = open_card(card, now=self._clock())
        with _translated():
            await self._bot.edit_message_text(
                text,
                chat_id=self._owner_id,
                message_id=message_id,
                reply_markup=_buttons(card),
                link_preview_options=NO_PREVIEW,
            )

    async def close(self, message_id: int, card: Card, outcome: str) -> None:
        """Let the card say what became of the draft, without buttons. Raises Lost or Refused."""
        text = closed_card(card, outcome)
        with _translated():
            await self._bot.edit_message_text(
                text, chat_id=self._owner_id, message_id=message_id, link_preview_options=NO_PREVIEW
            )

    async def tell(self, text: str) -> None:
        """Send a note of the double's own. Raises Lost or Refused."""
        with _translated():
            await self._bot.send_message(self._owner_id, text, link_preview_options=NO_PREVIEW)


@contextmanager
def _translated() -> Iterator[None]:
    """Let what the Bot API answers come out as desks say it."""
    try:
        yield
    except (TelegramForbiddenError, TelegramNotFound) as error:
        log.warning("control.unreachable", extra={"hint": "press_start_in_the_control_bot"})
        raise Refused(type(error).__name__) from error
    except TelegramNetworkError as error:
        raise Lost from error
    except TelegramAPIError as error:
        raise Refused(type(error).__name__) from error


NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


def _buttons(card: Card) -> InlineKeyboardMarkup:
    draft = card.draft

    def button(text: str, action: Literal["send", "again", "skip"], number: int = 0) -> InlineKeyboardButton:
        press = Press(action=action, draft_id=draft.draft_id, version=draft.version, number=number)
        return InlineKeyboardButton(text=text, callback_data=press.pack())

    numbers = [button(str(number), "send", number) for number in range(1, len(draft.proposals) + 1)]
    return InlineKeyboardMarkup(inline_keyboard=[numbers, [button("Again", "again"), button("Skip", "skip")]])


def control_router(owner_id: int) -> Router:
    """What the owner may tell the bot, in a private chat; whoever else writes or presses gets no answer.

    Its handlers ask the dispatcher for `double`, `drafts`, `desks` and `orders`.
    """
    router = Router(name="control")
    router.message.filter(F.chat.type == ChatType.PRIVATE, F.from_user.id == owner_id)
    router.callback_query.filter(F.message.chat.type == ChatType.PRIVATE, F.from_user.id == owner_id)

    @router.message(CommandStart())
    async def start(message: Message, drafts: Drafts, desks: Desks) -> None:
        await message.answer(GREETING)
        for draft in drafts.all_open():
            await desks.show(draft)

    @router.message(F.text.startswith(SIGN))
    async def command(message: Message, orders: Orders) -> None:
        answer = await orders.obey(message.text or "")
        await message.answer(answer.text)

    @router.callback_query(Press.filter())
    async def press(query: CallbackQuery, callback_data: Press, double: Double) -> None:
        draft_id, version = callback_data.draft_id, callback_data.version
        match callback_data.action:
            case "send":
                done = double.approve(draft_id, callback_data.number, version=version)
            case "again":
                done = double.again(draft_id, version=version)
            case "skip":
                done = await double.skip(draft_id, version=version)
        await query.answer(None if done else "Outdated: nothing was sent.", show_alert=not done)

    return router


@asynccontextmanager
async def open_bot(control: Control) -> AsyncIterator[Bot | None]:
    """The control bot, if there is a token.

    Raises:
        ConfigError: it is no token, or one that the Bot API does not know.
        DoppelgangerError: the Bot API cannot be reached.
    """
    if control.token is None:
        yield None
        return
    server = TelegramAPIServer.from_base(control.api_base) if control.api_base else PRODUCTION
    try:
        bot = Bot(control.token.get_secret_value(), session=AiohttpSession(api=server))
    except TokenValidationError:
        raise _bad_token() from None
    try:
        await bot.me()
    except TelegramUnauthorizedError:
        await bot.session.close()
        raise _bad_token() from None
    except TelegramNetworkError:
        await bot.session.close()
        raise DoppelgangerError(
            f"the Bot API cannot be reached at {control.api_base or 'api.telegram.org'}",
            fix="check the network and `api_base` in [control], or leave the token out for now",
        ) from None  # its own message may show an address with the token in it
    try:
        yield bot
    finally:
        await bot.session.close()


def _bad_token() -> ConfigError:
    return ConfigError(
        "the token of the control bot ([control] token) is not accepted",
        fix="copy it again from @BotFather, or leave it out to do without a control bot",
    )


async def poll(dispatcher: Dispatcher, bot: Bot) -> None:
    """Serve the control bot until cancelled.

    A cancelled start_polling leaves its poller behind, so it is asked to stop, and waited for.
    """
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False))
    try:
        await asyncio.shield(polling)
    except asyncio.CancelledError:
        try:
            await dispatcher.stop_polling()
        except RuntimeError:  # cancelled before polling began
            polling.cancel()
        await asyncio.wait([polling])
        raise
