"""Supergroups and channels, which number their messages themselves, as an unmodified client sees them."""

import asyncio

import pytest
from telethon import errors, events, functions, types, utils

from tests.sandbox.botapi_scene import eventually
from tests.sandbox_fixtures import connected, make_client

START = 1_700_000_000
SOON = 3


@pytest.fixture
def anna(world):
    return world.person("Anna")


@pytest.fixture
def bob(world, anna):
    bob = world.person("Bob")
    world.say(bob, anna, "between us", silent=True, date=START)
    return bob


@pytest.fixture
def climbers(world, anna, bob):
    """A supergroup of three; Carl made it."""
    return world.supergroup("Climbers", [world.person("Carl"), anna, bob], created=START)


@pytest.fixture
def carl(world, climbers):
    return world.users[climbers.creator_id]


async def knowing(client):
    await client.get_dialogs()
    return client


def hear(client, *builders):
    heard = asyncio.Queue()
    for builder in builders or (events.NewMessage(), events.MessageEdited(), events.MessageDeleted()):
        client.add_event_handler(heard.put, builder)
    return lambda: asyncio.wait_for(heard.get(), SOON)


async def channel_difference(client, channel, pts, limit=100):
    request = functions.updates.GetChannelDifferenceRequest(
        await client.get_input_entity(channel.key), types.ChannelMessagesFilterEmpty(), pts, limit
    )
    return await client(request)


async def test_every_member_sees_the_same_numbers(world, anna, bob, carl, climbers, client_of):
    said = [world.say(bob if n % 2 else anna, climbers, f"line {n}", date=START + n, silent=True) for n in range(230)]
    world.delete(said[7])
    hers, his = await knowing(await client_of(anna)), await knowing(await client_of(bob))
    at_hers = [m async for m in hers.iter_messages(climbers.key, wait_time=0)]
    at_his = [m async for m in his.iter_messages(climbers.key, wait_time=0)]
    assert [m.id for m in at_hers] == [m.id for m in at_his] == [n for n in range(231, 1, -1) if n != 9]
    assert at_hers[-1].out and not at_his[-1].out
    assert (at_hers[-1].sender_id, at_hers[-1].chat_id) == (anna.id, climbers.key)
    assert world.box(anna).last_id == 1


async def test_a_dialog_tells_what_it_is_and_where_its_updates_stand(world, anna, carl, climbers, client_of):
    world.say(carl, climbers, "who comes?", date=START + 5)
    dialog, private = await (await client_of(anna)).get_dialogs()
    assert dialog.is_group and dialog.is_channel and private.is_user
    assert (dialog.id, dialog.name, dialog.unread_count) == (climbers.key, "Climbers", 1)
    assert dialog.dialog.pts == world.talk_of(climbers).log.pts == 2
    assert dialog.entity.megagroup and dialog.entity.access_hash and dialog.entity.participants_count == 3


async def test_dialogs_come_in_pages_though_channels_share_numbers_and_seconds(world, anna, bob, client_of):
    channels = [world.supergroup(f"Group {n}", [bob, anna]) for n in range(230)]
    for channel in channels:
        world.say(bob, channel, "hi", date=START, silent=True)
    dialogs = await (await client_of(anna)).get_dialogs()
    assert {dialog.id for dialog in dialogs} == {bob.id, *(channel.key for channel in channels)}
    assert len(dialogs) == 231


async def test_a_page_says_that_it_is_a_channels(world, anna, bob, climbers, client_of):
    said = [world.say(bob, climbers, f"line {n}", silent=True, date=START + n) for n in range(5)]
    client = await knowing(await client_of(anna))
    peer = await client.get_input_entity(climbers.key)
    page = await client(functions.messages.GetHistoryRequest(peer, 0, None, 0, 2, 0, 0, 0))
    assert isinstance(page, types.messages.ChannelMessages)
    assert (page.count, [m.id for m in page.messages]) == (5, [6, 5])
    assert [chat.id for chat in page.chats] == [climbers.id]
    found = await client.get_messages(climbers.key, search="LINE 3", limit=9)
    assert [m.id for m in found] == [said[3].id_for(anna)]
    assert [m and m.raw_text for m in await client.get_messages(climbers.key, ids=[3, 99])] == ["line 1", None]


async def test_what_is_said_edited_deleted_and_read_reaches_the_others(world, anna, bob, climbers, client_of):
    world.say(anna, climbers, "before", silent=True)
    hers, his = await knowing(await client_of(anna)), await knowing(await client_of(bob))
    heard = hear(his)
    sent = await hers.send_message(climbers.key, "hi")
    new = await heard()
    assert (new.raw_text, new.id, new.chat_id, new.sender_id) == ("hi", sent.id, climbers.key, anna.id)
    await sent.edit("ho")
    assert (await heard()).raw_text == "ho"
    read = hear(hers, events.MessageRead())
    await his.send_read_acknowledge(climbers.key)
    mark = await read()
    assert (mark.chat_id, mark.max_id, mark.outbox) == (climbers.key, sent.id, True)
    await sent.delete()
    gone = await heard()
    assert (gone.deleted_ids, gone.chat_id) == ([sent.id], climbers.key)
    assert world.talk_of(climbers).log.pts == 4


async def test_reading_shows_on_ones_other_device(world, anna, bob, climbers, client_of):
    world.say(bob, climbers, "before", silent=True)
    phone, desk = await knowing(await client_of(anna)), await knowing(await client_of(anna))
    said = world.say(bob, climbers, "hi")
    heard = hear(desk, events.MessageRead(inbox=True))
    await phone.send_read_acknowledge(climbers.key)
    assert ((mark := await heard()).chat_id, mark.max_id) == (climbers.key, said.id_for(anna))


async def test_a_difference_of_a_channel_comes_in_slices(world, anna, bob, climbers, client_of):
    first = world.say(bob, climbers, "line 0")
    for n in range(1, 150):
        world.say(bob, climbers, f"line {n}")
    world.edit(first, "changed")
    world.delete(world.talk_of(climbers).messages[9])
    client = await knowing(await client_of(anna))
    head = await channel_difference(client, climbers, 1)
    assert (head.pts, head.final, len(head.new_messages)) == (101, False, 99)
    assert head.new_messages[0].message == "changed"
    tail = await channel_difference(client, climbers, head.pts)
    assert (tail.pts, tail.final, len(tail.new_messages)) == (153, True, 50)
    assert [type(update).__name__ for update in tail.other_updates] == [
        "UpdateEditChannelMessage",
        "UpdateDeleteChannelMessages",
    ]
    assert isinstance(await channel_difference(client, climbers, tail.pts), types.updates.ChannelDifferenceEmpty)


async def test_away_for_too_long_from_a_channel(world, anna, bob, climbers, client_of):
    world.say(bob, climbers, "long ago")
    world.talk_of(climbers).log.forget()
    world.say(bob, climbers, "now")
    client = await knowing(await client_of(anna))
    difference = await channel_difference(client, climbers, 1)
    assert isinstance(difference, types.updates.ChannelDifferenceTooLong)
    assert (difference.dialog.pts, [m.message for m in difference.messages]) == (3, ["now", "long ago"])


async def test_catching_up_with_a_channel_after_being_away(sandbox, world, anna, bob, climbers, client_of):
    world.say(bob, climbers, "before", silent=True)
    client = await knowing(await client_of(anna, sequential_updates=True))
    session = client.session
    await client.disconnect()
    for n in range(130):
        world.say(bob, climbers, f"missed {n}")
    again = make_client(sandbox, session, catch_up=True, sequential_updates=True)
    heard = hear(again, events.NewMessage())
    async with connected(again):
        assert [(await heard()).raw_text for _ in range(130)] == [f"missed {n}" for n in range(130)]


async def test_a_lost_push_of_a_channel_is_a_gap_that_the_next_one_shows(world, anna, bob, climbers, client_of):
    world.say(bob, climbers, "before", silent=True)
    client = await knowing(await client_of(anna))
    heard = hear(client, events.NewMessage())
    world.faults.lose_updates = 1
    world.say(bob, climbers, "lost on the way")
    world.say(bob, climbers, "shows the gap")
    assert {(await heard()).raw_text, (await heard()).raw_text} == {"lost on the way", "shows the gap"}


async def test_a_gap_that_the_channel_has_forgotten_is_lost_on_the_client(world, anna, bob, climbers, client_of):
    world.say(bob, climbers, "before", silent=True)
    client = await knowing(await client_of(anna))
    heard = hear(client, events.NewMessage())
    world.faults.lose_updates = 1
    world.say(bob, climbers, "lost on the way")
    world.talk_of(climbers).log.forget()
    world.say(bob, climbers, "shows the gap")
    await eventually(lambda: sum(call.method == "updates.getChannelDifference" for call in world.calls) >= 2)
    world.say(bob, climbers, "from now on")
    assert (await heard()).raw_text == "from now on"


async def test_who_was_sent_away_keeps_a_line_and_reads_nothing(world, anna, bob, carl, climbers, client_of):
    world.say(bob, climbers, "seen", date=START + 1)
    client = await knowing(await client_of(anna))
    heard = hear(client, events.Raw(types.UpdateChannel))
    world.kick(anna, climbers)
    assert (await heard()).channel_id == climbers.id
    world.say(bob, climbers, "unseen", date=START + 2)
    dialog = (await client.get_dialogs())[0]
    assert isinstance(dialog.entity, types.ChannelForbidden)
    assert (dialog.id, dialog.message.raw_text) == (climbers.key, "seen")
    with pytest.raises(errors.ChannelPrivateError):
        await client.get_messages(climbers.key, limit=1)
    with pytest.raises(errors.ChannelPrivateError):
        await client.send_message(climbers.key, "let me in")
    with pytest.raises(errors.ChannelPrivateError):
        await channel_difference(client, climbers, 1)
    world.join(anna, climbers)
    assert [m.raw_text for m in await client.get_messages(climbers.key, limit=5)] == ["unseen", "seen"]


async def test_some_lines_of_the_list_can_be_asked_for(world, anna, bob, climbers, client_of):
    said = world.say(bob, climbers, "who comes?")
    client = await knowing(await client_of(anna))
    asked = [types.InputDialogPeer(await client.get_input_entity(peer)) for peer in (climbers.key, bob.id)]
    answer = await client(functions.messages.GetPeerDialogsRequest(asked))
    assert [(dialog.top_message, dialog.pts, dialog.unread_count) for dialog in answer.dialogs] == [
        (said.id_for(anna), 2, 1),
        (1, None, 0),
    ]
    world.kick(anna, climbers)
    with pytest.raises(errors.ChannelPrivateError):
        await client(functions.messages.GetPeerDialogsRequest(asked))


async def test_who_left_has_no_line_any_more(world, anna, bob, climbers, client_of):
    world.say(bob, climbers, "seen", date=START + 1)
    client = await knowing(await client_of(anna))
    await client.delete_dialog(climbers.key)
    assert [dialog.id for dialog in await client.get_dialogs()] == [bob.id]
    (left,) = (await client(functions.channels.GetChannelsRequest([await client.get_input_entity(climbers.key)]))).chats
    assert left.left
    with pytest.raises(errors.ChannelPrivateError):
        await client.get_messages(climbers.key, limit=1)


async def test_a_channel_is_found_by_its_name_and_tells_about_itself(world, anna, bob, client_of):
    peaks = world.supergroup("Peaks", [bob, anna], broadcast=True, username="peaks", protected=True)
    post = world.say(bob, peaks, "a new route")
    client = await client_of(anna)
    entity = await client.get_entity("@peaks")
    assert (utils.get_peer_id(entity), entity.broadcast, entity.noforwards) == (peaks.key, True, True)
    full = await client(functions.channels.GetFullChannelRequest(entity))
    assert (full.full_chat.participants_count, full.full_chat.unread_count) == (2, 1)
    (message,) = await client.get_messages(entity, limit=5)
    assert (message.id, message.post, message.from_id, message.sender_id) == (post.id_for(anna), True, None, peaks.key)
    with pytest.raises(errors.ChatWriteForbiddenError):
        await client.send_message(entity, "me too")
    with pytest.raises(errors.ChatAdminRequiredError):
        await client.get_participants(entity)


async def test_an_admin_may_write_in_the_name_of_the_group(world, anna, carl, climbers, client_of):
    world.say(carl, climbers, "nobody knows who", send_as=climbers, silent=True)
    (at_anna,) = await (await knowing(await client_of(anna))).get_messages(climbers.key, limit=1)
    (at_carl,) = await (await knowing(await client_of(carl))).get_messages(climbers.key, limit=1)
    assert (at_anna.sender_id, at_anna.out, at_carl.sender_id, at_carl.out) == (
        climbers.key,
        False,
        climbers.key,
        True,
    )


async def test_only_ones_own_messages_are_ones_to_delete(world, anna, bob, carl, climbers, client_of):
    theirs = world.say(bob, climbers, "mine", silent=True).id_for(anna)
    client = await knowing(await client_of(anna))
    with pytest.raises(errors.MessageDeleteForbiddenError):
        await client.delete_messages(climbers.key, [theirs])
    await (await knowing(await client_of(carl))).delete_messages(climbers.key, [theirs])
    assert await client.get_messages(climbers.key, limit=5) == []
    members = await client.get_participants(climbers.key)
    assert [member.id for member in members] == [carl.id, anna.id, bob.id]


async def test_a_guessed_access_hash_opens_no_channel(anna, climbers, client_of):
    client = await client_of(anna)
    with pytest.raises(errors.ChannelInvalidError):
        await client(functions.channels.GetFullChannelRequest(types.InputChannel(climbers.id, 1)))
