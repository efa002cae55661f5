"""A world with an owner and a bot that aiogram runs, for the tests of the sandbox's Bot API."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from sandbox.botapi.server import BotApi, serve
from sandbox.values import User
from sandbox.world import World

TOKEN = "42:a-token-of-this-test"


class Scene(NamedTuple):
    world: World
    owner: User
    user: User
    """The bot as the world knows it."""
    bot: Bot
    """The same as aiogram runs it."""
    api: BotApi

    def said(self) -> list[Any]:
        """What the owner sees in the bot's chat, oldest first."""
        return list(self.world.conversation(self.owner, self.user).newest_first(self.owner))[::-1]


@contextlib.asynccontextmanager
async def a_scene() -> AsyncIterator[Scene]:
    world = World(clock=lambda: 1_700_000_000)
    owner, friend = world.person("Olga", username="olga"), world.person("Bob")
    world.say(friend, owner, "so that the owner's numbers differ from the bot's")
    user = world.bot(TOKEN, "a_bot", "A bot")
    api = await serve(world)
    bot = client(api.base)
    yield Scene(world, owner, user, bot, api)
    await close(bot)
    await api.close()


def client(api_base: str, token: str = TOKEN) -> Bot:
    return Bot(token, AiohttpSession(api=TelegramAPIServer.from_base(api_base)))


async def close(bot: Bot) -> None:
    """As the bot's session does, without its quarter of a second for TLS, which is not spoken here."""
    assert isinstance(bot.session, AiohttpSession)
    await (await bot.session.create_session()).close()


@contextlib.asynccontextmanager
async def polling(dispatcher: Dispatcher, bot: Bot) -> AsyncIterator[None]:
    task = asyncio.create_task(
        dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False, polling_timeout=20)
    )
    try:
        yield
    finally:
        await dispatcher.stop_polling()
        await task


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (what is waited for lies in several programs)
            await asyncio.sleep(0.005)


def keys(*texts: str) -> InlineKeyboardMarkup:
    row = [InlineKeyboardButton(text=text, callback_data=text.lower()) for text in texts]
    return InlineKeyboardMarkup(inline_keyboard=[row])
