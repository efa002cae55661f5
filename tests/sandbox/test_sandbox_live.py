"""What happens now: sending, pushes to others and to one's other devices, and catching up afterwards."""

import asyncio

import pytest
from telethon import errors, events, functions, types, utils
from telethon.tl.functions.messages import GetBotCallbackAnswerRequest

from sandbox.events import Answer, Pressed
from tests.sandbox_fixtures import connected, make_client

SOON = 3


class Heard:
    """Everything that one client is told, in order."""

    def __init__(self, client, *builders):
        self._queue = asyncio.Queue()
        for builder in builders or (events.NewMessage(), events.MessageEdited(), events.MessageDeleted()):
            client.add_event_handler(self._queue.put, builder)

    async def next(self):
        return await asyncio.wait_for(self._queue.get(), SOON)

    async def quiet(self):
        await asyncio.sleep(0.02)
        return self._queue.empty()


@pytest.fixture
def anna(world):
    return world.person("Anna")


@pytest.fixture
def bob(world, anna):
    bob = world.person("Bob")
    world.say(bob, anna, "from before", silent=True, date=1)
    return bob


async def knowing(client):
    await client.get_dialogs()
    return client


async def test_a_message_its_edit_and_its_deletion_reach_the_other(world, anna, bob, client_of):
    hers, his = await knowing(await client_of(anna)), await knowing(await client_of(bob))
    heard = Heard(his)
    sent = await hers.send_message(bob.id, "hi **there**")
    new = await heard.next()
    assert (new.raw_text, new.out, new.sender_id) == ("hi there", False, anna.id)
    assert isinstance(new.message.entities[0], types.MessageEntityBold)
    await sent.edit("bye")
    assert (await heard.next()).raw_text == "bye"
    await sent.delete()
    assert (await heard.next()).deleted_ids == [new.id]
    assert [message.raw_text for message in await his.get_messages(anna.id, limit=5)] == ["from before"]


async def test_what_is_sent_comes_back_with_the_number_of_ones_own_box(world, anna, bob, client_of):
    client = await knowing(await client_of(anna))
    sent = await client.send_message(bob.id, "one")
    reply = await client.send_message(bob.id, "two", reply_to=sent)
    newest, before, _ = await client.get_messages(bob.id, limit=3)
    assert (newest.id, before.id) == (reply.id, sent.id)
    assert newest.out and newest.reply_to_msg_id == sent.id
    note = await client.send_message("me", "note")
    assert (await client.get_messages("me", ids=note.id)).raw_text == "note"


async def test_a_message_can_go_from_ones_own_box_alone(world, anna, bob, client_of):
    client = await knowing(await client_of(anna))
    first, second = world.say(bob, anna, "one"), world.say(bob, anna, "two")
    await client.delete_messages(bob.id, [first.id_for(anna)], revoke=False)
    assert [message.raw_text for message in await client.get_messages(bob.id, limit=9)] == ["two", "from before"]
    talk = world.conversation(anna, bob)
    assert (talk.count(anna), talk.count(bob)) == (2, 3)
    world.delete(first)
    assert (talk.count(anna), talk.count(bob)) == (2, 2)
    assert second.id_for(bob)


async def test_in_a_group_the_writer_sees_who_read_first(world, anna, bob, client_of):
    carl = world.person("Carl")
    group = world.group("Climbers", [anna, bob, carl])
    client = await knowing(await client_of(anna))
    heard = Heard(client, events.MessageRead(), events.UserUpdate())
    said = world.say(anna, group, "who comes?")
    world.type(carl, group)
    typing = await heard.next()
    assert (typing.chat_id, typing.user_id) == (-group.id, carl.id)
    world.read(carl, group)
    read = await heard.next()
    assert (read.chat_id, read.max_id, read.outbox) == (-group.id, said.id_for(anna), True)


async def test_reading_on_one_device_shows_on_the_other(world, anna, bob, client_of):
    phone, desk = await knowing(await client_of(anna)), await knowing(await client_of(anna))
    said = world.say(bob, anna, "hi")
    heard = Heard(desk, events.MessageRead(inbox=True))
    await phone.send_read_acknowledge(bob.id, max_id=said.id_for(anna))
    assert (await heard.next()).max_id == said.id_for(anna)


async def test_ones_other_device_hears_but_not_the_one_that_wrote(world, anna, bob, client_of):
    phone, desk = await knowing(await client_of(anna)), await knowing(await client_of(anna))
    at_phone, at_desk = Heard(phone), Heard(desk)
    await phone.send_message(bob.id, "from my phone")
    told = await at_desk.next()
    assert told.out and told.chat_id == bob.id
    assert await at_phone.quiet()


async def test_groups(world, anna, bob, client_of):
    group = world.group("Climbers", [anna, bob])
    hers, his = await knowing(await client_of(anna)), await knowing(await client_of(bob))
    heard = Heard(his)
    sent = await hers.send_message(-group.id, "who comes?")
    told = await heard.next()
    assert (told.chat_id, told.sender_id, told.is_group, sent.out) == (-group.id, anna.id, True, True)


async def test_read_marks_and_typing(world, anna, bob, client_of):
    hers, his = await knowing(await client_of(anna)), await knowing(await client_of(bob))
    at_hers = Heard(hers, events.MessageRead(), events.UserUpdate())
    at_his = Heard(his, events.NewMessage())
    sent = await hers.send_message(bob.id, "hi")
    await at_his.next()
    assert (await his.get_dialogs())[0].unread_count == 1
    async with his.action(anna.id, "typing"):
        assert (await at_hers.next()).typing
    assert (await at_hers.next()).cancel
    await his.send_read_acknowledge(anna.id)
    read = await at_hers.next()
    assert read.outbox and read.max_id == sent.id
    assert (await his.get_dialogs())[0].unread_count == 0
    assert (await hers.get_dialogs())[0].dialog.read_outbox_max_id == sent.id


async def test_the_world_drives_a_client(world, anna, bob, client_of):
    client = await knowing(await client_of(anna))
    heard = Heard(client, events.NewMessage(), events.MessageEdited(), events.MessageDeleted(), events.UserUpdate())
    said = world.say(bob, anna, "hi")
    assert (await heard.next()).raw_text == "hi"
    world.say(anna, bob, "from the phone")
    assert (await heard.next()).out
    world.edit(said, "ho")
    assert (await heard.next()).raw_text == "ho"
    world.delete(said)
    assert (await heard.next()).deleted_ids == [said.id_for(anna)]
    world.type(bob, anna)
    assert (await heard.next()).typing
    world.come_online(bob)
    assert (await heard.next()).online


async def test_a_random_id_sends_once(world, anna, bob, client_of):
    client = await knowing(await client_of(anna))
    request = functions.messages.SendMessageRequest(await client.get_input_entity(bob.id), "once", random_id=5)
    await client(request)
    with pytest.raises(errors.RandomIdDuplicateError):
        await client._sender.send(request)  # past the client's own repetitions, 2 s each
    assert [message.raw_text for message in await client.get_messages(bob.id, limit=9)] == ["once", "from before"]


async def test_what_telegram_refuses(world, anna, bob, client_of):
    client = await knowing(await client_of(anna))
    theirs = world.say(bob, anna, "mine")
    sent = await client.send_message(bob.id, "x")
    with pytest.raises(errors.MessageTooLongError):
        await client.send_message(bob.id, "y" * 4097, parse_mode=None)
    with pytest.raises(errors.MessageAuthorRequiredError):
        await client.edit_message(bob.id, theirs.id_for(anna), "no")
    with pytest.raises(errors.MessageNotModifiedError):
        await sent.edit("x")
    with pytest.raises(errors.MessageIdInvalidError):
        await client.edit_message(bob.id, 999, "x")
    with pytest.raises(errors.BadRequestError, match="REPLY_MESSAGE_ID_INVALID"):
        await client.send_message(bob.id, "x", reply_to=999)
    with pytest.raises(errors.PeerIdInvalidError):
        await client.send_message(types.InputPeerUser(bob.id, 1), "a guessed access hash")
    with pytest.raises(errors.BadRequestError):
        await client(functions.messages.GetAllDraftsRequest())


async def test_a_number_counts_only_in_the_chat_where_it_stands(world, anna, bob, client_of):
    bot = world.bot("77:token", "helper_bot")
    elsewhere = world.say(bot, anna, "choose", keyboard_rows=[[("Yes", "yes:1")]])
    own = world.say(anna, bot, "to the bot").id_for(anna)
    client = await knowing(await client_of(anna))
    with pytest.raises(errors.BadRequestError, match="REPLY_MESSAGE_ID_INVALID"):
        await client.send_message(bob.id, "an answer to what was not said here", reply_to=own)
    with pytest.raises(errors.MessageIdInvalidError):
        await client.edit_message(bob.id, own, "changed from next door")
    with pytest.raises(errors.MessageIdInvalidError):
        await client(GetBotCallbackAnswerRequest(bob.id, elsewhere.id_for(anna), data=b"yes:1"))
    assert [message.raw_text for message in await client.get_messages(bob.id, limit=9)] == ["from before"]
    assert [message.raw_text for message in await client.get_messages(bot.id, limit=9)] == ["to the bot", "choose"]


async def test_a_button_is_pressed_and_answered(world, anna, client_of):
    bot = world.bot("77:token", "helper_bot")

    def answer(event, *_):
        if isinstance(event, Pressed):
            world.answer(event.query_id, Answer("done", alert=True))

    world.subscribe(bot, answer)
    world.say(bot, anna, "choose", keyboard_rows=[[("Yes", "yes:1"), ("No", "no:1")]])
    client = await client_of(anna)
    message = (await client.get_dialogs())[0].message
    assert [button.text for row in message.buttons for button in row] == ["Yes", "No"]
    said = await message.click(text="Yes")
    assert (said.message, said.alert) == ("done", True)


async def test_catching_up_with_what_came_while_away(sandbox, world, anna, bob, client_of):
    client = await knowing(await client_of(anna, sequential_updates=True))
    session = client.session
    await client.disconnect()
    for n in range(250):
        world.say(bob, anna, f"missed {n}")
    again = make_client(sandbox, session, catch_up=True, sequential_updates=True)
    heard = Heard(again, events.NewMessage())
    async with connected(again):
        assert [(await heard.next()).raw_text for _ in range(250)] == [f"missed {n}" for n in range(250)]
    assert sum(call.method == "updates.getDifference" for call in world.calls) >= 3


async def test_a_lost_push_is_a_gap_that_the_next_one_shows(world, anna, bob, client_of):
    client = await knowing(await client_of(anna))
    heard = Heard(client, events.NewMessage())
    world.faults.lose_updates = 1
    world.say(bob, anna, "lost on the way")
    world.say(bob, anna, "shows the gap")
    texts = {(await heard.next()).raw_text, (await heard.next()).raw_text}
    assert texts == {"lost on the way", "shows the gap"}


async def test_away_for_too_long(world, anna, bob, client_of):
    client = await client_of(anna)
    pts = world.box(anna).pts
    world.say(bob, anna, "hi")
    world.box(anna).forget()
    difference = await client(functions.updates.GetDifferenceRequest(pts=pts, date=None, qts=0))
    assert isinstance(difference, types.updates.DifferenceTooLong)
    assert difference.pts == world.box(anna).pts


async def test_a_difference_holds_edits_and_deletions_in_their_last_state(world, anna, bob, client_of):
    client = await client_of(anna)
    pts = world.box(anna).pts
    kept, gone = world.say(bob, anna, "one"), world.say(bob, anna, "two")
    world.edit(kept, "three")
    world.delete(gone)
    difference = await client(functions.updates.GetDifferenceRequest(pts=pts, date=None, qts=0))
    assert [message.message for message in difference.new_messages] == ["three"]
    edited, deleted = difference.other_updates
    assert edited.message.message == "three" and deleted.messages == [gone.id_for(anna)]
    assert utils.get_peer_id(edited.message.peer_id) == bob.id
