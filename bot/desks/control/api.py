"""The edge to the Bot API: a client that waits as it is told to, and a poller that outlives the network's troubles.

Whatever happens to the Bot API, the double goes on; a token that is wrong from the start is said at once.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetUpdates, Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import User
from aiogram.utils.backoff import BackoffConfig
from aiogram.utils.token import TokenValidationError

from bot.sending.refused import Refused, Wait
from exporter.errors import ConfigError
from exporter.progress import Say
from exporter.settings.config import Control

log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds for which an answer is waited for; one to a poll may take as much longer as the poll lasts."""
TROUBLE = (TelegramNetworkError, TelegramServerError, ClientDecodeError)
"""Not about what was asked: the same may work a moment later."""
REST = 5.0
"""Seconds for which nothing is asked after an answer did not come."""
LEAST, MOST = 0.5, 60.0
"""Seconds between two tries to reach the Bot API at the start; they double."""
BACKOFF = BackoffConfig(min_delay=LEAST, max_delay=MOST, factor=2.0, jitter=0.1)
"""Of the poller, which goes on for ever."""
UNCHANGED = "message is not modified"
"""What the Bot API says of an edit that changes nothing, which is what was wanted."""


class Throttle(BaseRequestMiddleware):
    """Asks for nothing before a wait that Telegram asked for is over; nor, for a moment, after it did not answer.

    So nobody waits for one answer after another that does not come. The poller goes on, and once it got one, all do.
    """

    def __init__(self) -> None:
        self._until = self._away_until = 0.0

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        """Raises TelegramRetryAfter without asking, where it is too early."""
        loop = asyncio.get_running_loop()
        polls = method.__api_method__ == GetUpdates.__api_method__  # the poller waits by itself
        if not polls and (left := max(self._until, self._away_until) - loop.time()) > 0:
            raise TelegramRetryAfter(method, "still waiting", math.ceil(left))
        try:
            response = await make_request(bot, method)
            self._away_until = 0.0
            return response
        except TROUBLE:
            self._away_until = loop.time() + REST
            raise
        except TelegramRetryAfter as error:
            self._until = loop.time() + error.retry_after
            log.warning("control.flood_wait", extra={"seconds": error.retry_after})
            raise


@contextmanager
def translated() -> Iterator[None]:
    """Let what the Bot API answers come out as desks say it.

    Where no answer came, a card is shown once more later: twice the same card harms nobody, for only the first choice
    counts.
    """
    try:
        yield
    except TelegramRetryAfter as error:
        raise Wait("RETRY_AFTER", datetime.now(UTC) + timedelta(seconds=error.retry_after)) from error
    except TROUBLE as error:
        raise Wait(type(error).__name__, datetime.now(UTC)) from None  # its words may show an address with the token
    except (TelegramForbiddenError, TelegramNotFound) as error:
        log.warning("control.unreachable", extra={"hint": "press_start_in_the_control_bot"})
        raise Refused(type(error).__name__) from error
    except TelegramBadRequest as error:
        if UNCHANGED not in error.message:
            raise Refused(type(error).__name__) from error
    except TelegramAPIError as error:
        raise Refused(type(error).__name__) from error


@asynccontextmanager
async def open_bot(control: Control, say: Say) -> AsyncIterator[Bot | None]:
    """The control bot, if there is a token; whether it can be reached now or not.

    Raises:
        ConfigError: it is no token, or one that the Bot API does not know.
    """
    if control.token is None:
        yield None
        return
    server = TelegramAPIServer.from_base(control.api_base) if control.api_base else PRODUCTION
    try:
        bot = Bot(control.token.get_secret_value(), session=AiohttpSession(api=server, timeout=TIMEOUT))
    except TokenValidationError:
        raise _bad_token() from None
    bot.session.middleware(Throttle())
    try:
        await _demand_known(bot, control, say)
        yield bot
    finally:
        await bot.session.close()


async def _demand_known(bot: Bot, control: Control, say: Say) -> None:
    try:
        await bot.me()
    except (TelegramUnauthorizedError, TelegramNotFound):
        raise _bad_token() from None
    except AiogramError as error:  # its own words may show an address with the token in it
        log.warning("control.unreachable", extra={"error": type(error).__name__})
        say(
            f"the Bot API cannot be reached at {control.api_base or 'api.telegram.org'}:"
            " the control bot is silent until it can; your Saved Messages work as ever"
        )


def _bad_token() -> ConfigError:
    return ConfigError(
        "the token of the control bot ([control] token) is not accepted",
        fix="copy it again from @BotFather, or leave it out to do without a control bot",
    )


async def reached(bot: Bot) -> User:
    """Who the bot is, as soon as the Bot API says so."""
    pause = LEAST
    while True:
        try:
            return await bot.me()
        except AiogramError as error:
            log.info("control.unreachable", extra={"error": type(error).__name__})
        await asyncio.sleep(pause)
        pause = min(2 * pause, MOST)


async def poll(dispatcher: Dispatcher, bot: Bot) -> None:
    """Serve the control bot until cancelled.

    A cancelled start_polling leaves its poller behind, so it is asked to stop, and waited for.
    """
    polling = asyncio.create_task(
        dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False, backoff_config=BACKOFF)
    )
    try:
        await asyncio.shield(polling)
    except asyncio.CancelledError:
        try:
            await dispatcher.stop_polling()
        except RuntimeError:  # cancelled before polling began
            polling.cancel()
        await asyncio.wait([polling])
        raise
