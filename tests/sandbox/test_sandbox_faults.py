"""What goes wrong on purpose, seen by an unmodified client."""

import asyncio
import time

import pytest
from telethon import errors, functions

from sandbox.events import Answer, Pressed


@pytest.fixture
def anna(world):
    return world.person("Anna")


@pytest.fixture
def bob(world, anna):
    bob = world.person("Bob")
    for n in range(150):
        world.say(bob, anna, str(n), silent=True, date=1 + n)
    return bob


async def test_a_flood_wait_is_raised_and_passes(world, anna, bob, client_of):
    client = await client_of(anna)
    await client.get_dialogs()
    world.fault("messages.sendMessage", error=(420, "FLOOD_WAIT_3"))
    with pytest.raises(errors.FloodWaitError) as waiting:
        await client.send_message(bob.id, "hi")
    assert waiting.value.seconds == 3
    assert bob.id in world.box(anna).conversations
    assert world.calls[-1].method == "messages.sendMessage" and world.calls[-1].user_id == anna.id


async def test_a_connection_cut_before_a_send(world, anna, bob, client_of):
    client = await client_of(anna)
    await client.get_dialogs()
    world.fault("messages.sendMessage", drop="before")
    await client.send_message(bob.id, "once")  # the client comes back and repeats it
    assert said_by(world, anna, bob).count("once") == 1


async def test_a_connection_cut_after_a_send(world, anna, bob, client_of):
    client = await client_of(anna)
    await client.get_dialogs()
    world.fault("messages.sendMessage", drop="after")
    request = functions.messages.SendMessageRequest(await client.get_input_entity(bob.id), "once", random_id=5)
    with pytest.raises(errors.RandomIdDuplicateError):  # it ran, so the client's repetition is one too many
        await client._sender.send(request)
    assert said_by(world, anna, bob).count("once") == 1


async def test_a_connection_cut_after_a_method_that_waits(world, anna, client_of):
    bot = world.bot("77:token", "helper_bot")
    pressed = []

    def answer(event, *_):
        if isinstance(event, Pressed):
            pressed.append(event.data)
            asyncio.get_running_loop().call_soon(world.answer, event.query_id, Answer("done"))

    world.subscribe(bot, answer)
    world.say(bot, anna, "choose", keyboard_rows=[[("Yes", "yes")]])
    client = await client_of(anna)
    message = (await client.get_dialogs())[0].message
    world.fault("messages.getBotCallbackAnswer", drop="after")
    assert (await message.click(text="Yes")).message == "done"
    assert pressed == [b"yes", b"yes"]  # it ran, its answer was lost, and the client repeated it


def said_by(world, user, peer):
    return [message.text for message in world.conversation(user, peer).newest_first(user)]


async def test_only_the_second_page_is_cut(world, anna, bob, client_of):
    client = await client_of(anna)
    await client.get_dialogs()
    world.fault("messages.getHistory", drop="before", after=1)
    texts = [message.raw_text async for message in client.iter_messages(bob.id, wait_time=0)]
    assert texts == [str(n) for n in reversed(range(150))]


async def test_everything_is_slow_for_a_while(world, anna, bob, client_of):
    client = await client_of(anna)
    world.fault("*", delay=0.05, times=2)
    began = time.monotonic()
    await client.get_me()
    await client.get_me()
    assert time.monotonic() - began >= 0.1
    began = time.monotonic()
    await client.get_me()
    assert time.monotonic() - began < 0.05


async def test_dropped_connections_come_back(sandbox, world, anna, bob, client_of):
    client = await client_of(anna)
    sandbox.drop_connections()
    assert (await client.get_me()).id == anna.id


async def test_a_bug_of_ours_is_answered_400_and_logged(sandbox, world, anna, client_of, caplog):
    client = await client_of(anna)
    world.clock = None
    with pytest.raises(errors.BadRequestError, match="SANDBOX_BUG"):
        await client(functions.updates.GetStateRequest())
    assert any(record.message == "mtproto.bug" and record.exc_info for record in caplog.records)
