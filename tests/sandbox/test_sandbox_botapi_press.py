"""Both faces of one world: the owner's unmodified Telethon client presses what an unmodified aiogram bot shows."""

import asyncio

from aiogram import Dispatcher, F
from aiogram.filters import CommandStart
from aiogram.types import CallbackQuery, Message
from telethon import events
from telethon.tl.custom import Message as SeenMessage

from sandbox.server import Sandbox
from sandbox.world import World
from tests.sandbox.botapi_scene import TOKEN, client, close, keys, polling
from tests.sandbox_fixtures import ClientOf


def deciding() -> Dispatcher:
    """A bot that shows a card, and says on it what was chosen."""
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        await message.answer("Send it?", reply_markup=keys("Yes", "No"))

    @dispatcher.callback_query(F.data == "yes")
    async def yes(query: CallbackQuery) -> None:
        assert isinstance(query.message, Message)
        await query.message.edit_text("Sent.")
        await query.answer("Done", show_alert=True)

    return dispatcher


async def test_the_owners_client_presses_a_button_of_the_bot(
    world: World, sandbox: Sandbox, client_of: ClientOf
) -> None:
    owner, bot_user = world.person("Olga"), world.bot(TOKEN, "a_bot")
    owners, bot = await client_of(owner), client(sandbox.api_base)
    shown: asyncio.Queue[SeenMessage] = asyncio.Queue()

    async def see(event: events.NewMessage.Event | events.MessageEdited.Event) -> None:
        await shown.put(event.message)

    owners.add_event_handler(see, events.NewMessage(incoming=True))
    owners.add_event_handler(see, events.MessageEdited(incoming=True))
    async with polling(deciding(), bot):
        await owners.send_message("a_bot", "/start")
        card = await asyncio.wait_for(shown.get(), 5)
        assert (card.sender_id, card.raw_text) == (bot_user.id, "Send it?")
        assert [button.text for button in card.buttons[0]] == ["Yes", "No"]
        answer = await card.click(0)
        assert (answer.message, answer.alert) == ("Done", True)
        changed = await asyncio.wait_for(shown.get(), 5)
        assert (changed.id, changed.raw_text, changed.buttons) == (card.id, "Sent.", None)
    await close(bot)
