"""What goes wrong on purpose, seen by an unmodified client."""

import asyncio
import contextlib
import struct
import time

import pytest
from telethon import errors, events, functions
from telethon.network import ConnectionTcpAbridged, ConnectionTcpFull

from sandbox.events import Answer, Pressed
from sandbox.server import Sandbox


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
    sandbox.mtproto.methods.handles(functions.updates.GetStateRequest)(lambda *_: 1 / 0)
    with pytest.raises(errors.BadRequestError, match="SANDBOX_BUG"):
        await client(functions.updates.GetStateRequest())
    assert any(record.message == "mtproto.bug" and record.exc_info for record in caplog.records)


async def answered(asking, within=0.1):
    """Whether that is answered soon; what was asked goes on if not."""
    done, _ = await asyncio.wait([asyncio.ensure_future(asking)], timeout=within)
    return bool(done)


class Heard:
    """Texts of the new messages that a client is told of, in their order."""

    def __init__(self, client):
        self.texts = []
        self._more = asyncio.Event()
        client.add_event_handler(self._hear, events.NewMessage())

    async def _hear(self, event):
        self.texts.append(event.raw_text)
        self._more.set()

    async def until(self, count):
        async with asyncio.timeout(3):
            while len(self.texts) < count:
                self._more.clear()
                await self._more.wait()
        return self.texts


async def listening(anna, client_of):
    client = await client_of(anna, sequential_updates=True)
    await client.get_dialogs()
    return client, Heard(client)


async def test_a_frozen_network_goes_on_where_it_stood(sandbox, world, anna, bob, client_of):
    client, heard = await listening(anna, client_of)
    sandbox.freeze()
    world.say(bob, anna, "meanwhile")
    asking = asyncio.ensure_future(client.get_me())
    assert not await answered(asyncio.shield(asking))
    assert client.is_connected() and heard.texts == [] and world.calls[-1].method != "users.getUsers"
    sandbox.thaw()
    assert (await asking).id == anna.id
    assert await heard.until(1) == ["meanwhile"]


async def test_nobody_gets_in_while_the_network_is_frozen(sandbox, world, anna, client_of):
    sandbox.freeze()
    connecting = asyncio.ensure_future(client_of(anna))
    assert not await answered(asyncio.shield(connecting))
    sandbox.thaw()
    assert (await (await connecting).get_me()).id == anna.id


async def test_a_sandbox_closes_though_it_is_frozen(world, anna, server_key):
    async with Sandbox(world, private_key=server_key) as frozen:
        reader, writer = await asyncio.open_connection(frozen.host, frozen.port)
        writer.write(b"\xef\x01half")
        await writer.drain()
        frozen.freeze()
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 1) == b""
    writer.close()


@pytest.mark.parametrize("reply", ["never", "damaged"])
async def test_one_request_is_never_answered(world, anna, client_of, reply):
    client = await client_of(anna)
    world.fault("updates.getState", reply=reply)
    assert not await answered(client(functions.updates.GetStateRequest()))
    assert (await client.get_me()).id == anna.id
    assert await client(functions.updates.GetStateRequest())


@pytest.mark.parametrize(
    ("reply", "error"),
    [("corrupt", errors.TypeNotFoundError), ("truncated", (errors.TypeNotFoundError, BufferError, struct.error))],
)
async def test_a_page_whose_bytes_make_no_sense(world, anna, bob, client_of, reply, error):
    client = await client_of(anna)
    await client.get_dialogs()
    world.fault("messages.getHistory", reply=reply)
    with pytest.raises(error):
        await client.get_messages(bob.id, 100)
    assert len(await client.get_messages(bob.id, 100)) == 100


async def test_a_page_may_be_short(world, anna, bob, client_of):
    client = await client_of(anna)
    await client.get_dialogs()
    world.faults.page = 40
    request = functions.messages.GetHistoryRequest(await client.get_input_entity(bob.id), 0, None, 0, 100, 0, 0, 0)
    page = await client(request)
    assert (len(page.messages), page.count) == (40, 150)


@pytest.mark.parametrize("connection", [ConnectionTcpFull, ConnectionTcpAbridged])
async def test_a_key_that_the_server_forgets(world, anna, client_of, connection):
    client = await client_of(anna, connection=connection)
    world.fault("updates.getState", transport=404)
    with pytest.raises(errors.AuthKeyNotFound):
        await client(functions.updates.GetStateRequest())


async def test_a_flood_of_connections(world, anna, client_of):
    client = await client_of(anna)
    world.fault("updates.getState", transport=429)
    with pytest.raises(errors.InvalidBufferError) as flood:
        await client(functions.updates.GetStateRequest())
    assert flood.value.code == 429
    framed = await client_of(anna, connection=ConnectionTcpAbridged)
    world.fault("updates.getState", transport=429)
    assert await framed(functions.updates.GetStateRequest())  # there, Telethon connects and asks once more


async def test_a_push_comes_twice_and_is_heard_once(world, anna, bob, client_of):
    _, heard = await listening(anna, client_of)
    world.faults.duplicate_updates = 1
    world.say(bob, anna, "one")
    world.say(bob, anna, "two")
    assert await heard.until(2) == ["one", "two"]


async def test_pushes_in_the_wrong_order_are_all_heard(world, anna, bob, client_of):
    client, heard = await listening(anna, client_of)
    world.faults.reorder_updates = 2
    world.say(bob, anna, "one")
    world.say(bob, anna, "two")
    await client.get_me()
    assert heard.texts == []
    world.say(bob, anna, "three")
    assert sorted(await heard.until(3)) == ["one", "three", "two"]


async def test_a_silent_stream_answers_but_tells_nothing(world, anna, bob, client_of):
    client, heard = await listening(anna, client_of)
    world.faults.silent_stream = True
    world.say(bob, anna, "unheard")
    assert (await client.get_messages(bob.id, 1))[0].raw_text == "unheard"
    assert heard.texts == []
    world.faults.silent_stream = False
    world.say(bob, anna, "heard")  # its pts shows the client what it missed
    assert sorted(await heard.until(2)) == ["heard", "unheard"]


async def test_answers_take_a_round_trip_and_overlap(world, anna, client_of):
    client = await client_of(anna)
    world.faults.latency = 0.1
    order = []

    async def ask(number):
        await client(functions.updates.GetStateRequest())
        order.append(number)

    began = time.monotonic()
    await asyncio.gather(*map(ask, range(20)))
    assert 0.1 <= time.monotonic() - began < 0.2
    assert order == list(range(20))


async def test_clearing_the_faults_makes_all_well(sandbox, world, anna, bob, client_of):
    client, heard = await listening(anna, client_of)
    world.fault("*", error=(500, "INTERNAL"), times=9)
    world.faults.lose_updates = world.faults.reorder_updates = 5
    world.faults.latency = 60
    sandbox.freeze()
    world.faults.clear()
    world.say(bob, anna, "hi")
    assert await heard.until(1) == ["hi"]
    assert await client.get_me()


def test_a_fault_that_does_not_exist_is_refused(world):
    with pytest.raises(TypeError, match="dropped"):
        world.fault("*", dropped="before")
