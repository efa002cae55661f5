"""How updates reach an unmodified aiogram bot, and what goes wrong on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiogram import Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import (
    TelegramConflictError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetStickerSet
from aiogram.types import Message

from tests.sandbox.botapi_scene import TOKEN, Scene, a_scene, client, close, eventually, polling


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with a_scene() as scene:
        yield scene


async def test_no_update_is_lost_or_given_twice_in_a_burst(scene: Scene) -> None:
    dispatcher, heard = Dispatcher(), []

    @dispatcher.message()
    async def hear(message: Message) -> None:
        heard.append(message.text)

    said = [str(number) for number in range(250)]
    for text in said[:120]:
        scene.world.say(scene.owner, scene.user, text)  # before the bot ever called
    async with polling(dispatcher, scene.bot):
        for text in said[120:]:
            scene.world.say(scene.owner, scene.user, text)
            await asyncio.sleep(0)
        await eventually(lambda: len(heard) == len(said))
    assert sorted(heard, key=int) == said


async def test_an_update_stays_until_a_later_offset_confirms_it(scene: Scene) -> None:
    for text in "abc":
        scene.world.say(scene.owner, scene.user, text)
    first = await scene.bot.get_updates(limit=2)
    assert [update.message and update.message.text for update in first] == ["a", "b"]
    assert await scene.bot.get_updates(limit=2) == first
    rest = await scene.bot.get_updates(offset=first[-1].update_id + 1)
    assert [update.message and update.message.text for update in rest] == ["c"]
    assert [update.update_id for update in await scene.bot.get_updates(offset=-1)] == [rest[-1].update_id]
    assert (await scene.bot.get_webhook_info()).pending_update_count == 1
    await scene.bot.delete_webhook(drop_pending_updates=True)
    assert await scene.bot.get_updates() == []


async def test_a_poll_that_confirms_wakes_at_the_next_message(scene: Scene) -> None:
    scene.world.say(scene.owner, scene.user, "a")
    (first,) = await scene.bot.get_updates()
    poll = asyncio.create_task(scene.bot.get_updates(offset=first.update_id + 1, timeout=20))
    await eventually(lambda: len(scene.world.calls) == 2)
    scene.world.say(scene.owner, scene.user, "b")
    (second,) = await asyncio.wait_for(poll, 2)
    assert second.message is not None and second.message.text == "b"


async def test_kinds_that_the_bot_did_not_ask_for_are_not_kept(scene: Scene) -> None:
    await scene.bot.get_updates(allowed_updates=["edited_message"])
    message = scene.world.say(scene.owner, scene.user, "a")
    scene.world.edit(message, "b")
    await scene.bot.get_updates(allowed_updates=[])
    scene.world.say(scene.owner, scene.user, "c")
    edited, new = await scene.bot.get_updates()
    assert edited.edited_message is not None and edited.edited_message.text == "b"
    assert new.message is not None and new.message.text == "c"


async def test_a_second_poll_ends_the_first(scene: Scene) -> None:
    waiting = asyncio.create_task(scene.bot.get_updates(timeout=20))
    await eventually(lambda: scene.world.calls)
    assert await scene.bot.get_updates() == []
    with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
        await waiting


async def test_closing_lets_a_waiting_poll_return(scene: Scene) -> None:
    waiting = asyncio.create_task(scene.bot.get_updates(timeout=20))
    await eventually(lambda: scene.world.calls)
    await asyncio.wait_for(scene.api.close(), 2)
    assert await waiting == []


async def test_a_wrong_token_and_an_unknown_method(scene: Scene) -> None:
    stranger = client(scene.api.base, "42:another-token")
    with pytest.raises(TelegramUnauthorizedError):
        await stranger.get_me()
    await close(stranger)
    with pytest.raises(TelegramNotFound):
        await scene.bot(GetStickerSet(name="x"))
    assert scene.world.calls == []


async def test_what_goes_wrong_on_purpose(scene: Scene) -> None:
    scene.world.say(scene.owner, scene.user, "/start")
    scene.world.fault("bot.sendMessage", error=(429, "Too Many Requests: retry after 7"))
    with pytest.raises(TelegramRetryAfter) as flood:
        await scene.bot.send_message(scene.owner.id, "one")
    assert flood.value.retry_after == 7
    scene.world.fault("bot.sendMessage", drop="before")
    with pytest.raises(TelegramNetworkError):
        await scene.bot.send_message(scene.owner.id, "two")
    scene.world.fault("bot.sendMessage", drop="after")
    with pytest.raises(TelegramNetworkError):
        await scene.bot.send_message(scene.owner.id, "three")
    await scene.bot.send_message(scene.owner.id, "four")
    assert [message.text for message in scene.said()] == ["/start", "three", "four"]


async def test_polling_goes_on_after_a_cut(scene: Scene) -> None:
    dispatcher, heard = Dispatcher(), []

    @dispatcher.message()
    async def hear(message: Message) -> None:
        heard.append(message.text)

    scene.world.fault("bot.getUpdates", drop="after")
    scene.world.say(scene.owner, scene.user, "still there?")
    async with polling(dispatcher, scene.bot):
        await eventually(lambda: heard)
    assert heard == ["still there?"]


async def test_values_of_a_wrong_kind_are_refused(scene: Scene) -> None:
    assert isinstance(scene.bot.session, AiohttpSession)
    session = await scene.bot.session.create_session()
    for method, form, words in (
        ("sendmessage", {"chat_id": "1", "text": "a", "reply_markup": "{"}, "can't parse reply_markup as JSON"),
        ("getUpdates", {"limit": "[]"}, "can't parse limit"),
    ):
        async with session.post(f"{scene.api.base}/bot{TOKEN}/{method}", data=form) as response:
            assert response.status == 400
            body = await response.json()
            assert (body["ok"], body["error_code"]) == (False, 400)
            assert words in body["description"]
