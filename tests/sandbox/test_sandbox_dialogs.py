"""The list of chats, as an unmodified client reads it."""

import pytest
from telethon import errors, functions, types


@pytest.fixture
def anna(world):
    return world.person("Anna")


async def lines(client, peers):
    asked = [types.InputDialogPeer(await client.get_input_entity(peer.id)) for peer in peers]
    return await client(functions.messages.GetPeerDialogsRequest(asked))


async def test_a_hundred_peers_are_told_of_at_once_and_no_more(world, anna, client_of):
    people = [world.person(f"P{n}") for n in range(101)]
    for person in people:
        world.say(person, anna, "hi", silent=True)
    client = await client_of(anna)
    await client.get_dialogs()
    answer = await lines(client, people[:100])
    assert [dialog.peer.user_id for dialog in answer.dialogs] == [person.id for person in people[:100]]
    assert len(answer.messages) == 100 and len(answer.users) == 101
    with pytest.raises(errors.LimitInvalidError):
        await lines(client, people)


async def test_a_line_says_what_is_newest_read_and_unread_and_where_the_account_stands(world, anna, client_of):
    boris = world.person("Boris")
    first, second = world.say(boris, anna, "one"), world.say(anna, boris, "two")
    world.read(boris, anna)
    third, fourth = world.say(boris, anna, "three"), world.say(boris, anna, "four")
    world.read(anna, boris, third.id_for(anna))
    client = await client_of(anna)
    await client.get_dialogs()
    answer = await lines(client, [boris])
    (line,) = answer.dialogs
    assert line.top_message == answer.messages[0].id == fourth.id_for(anna)
    assert line.read_inbox_max_id == third.id_for(anna) > first.id_for(anna)
    assert line.read_outbox_max_id == second.id_for(anna)
    assert (line.unread_count, line.pts) == (1, None)  # only channels have a pts of their own
    assert answer.state.pts == world.box(anna).pts == (await client(functions.updates.GetStateRequest())).pts
    world.delete(fourth)
    (line,) = (await lines(client, [boris])).dialogs
    assert (line.top_message, line.unread_count) == (third.id_for(anna), 0)


async def test_a_supergroup_has_a_pts_of_its_own(world, anna, client_of):
    boris = world.person("Boris")
    climbers = world.supergroup("Climbers", [anna, boris])
    first, second = [world.say(boris, climbers, text).id_for(anna) for text in ("one", "two")]
    world.say(boris, anna, "hi")
    world.read(anna, climbers, first)
    client = await client_of(anna)
    await client.get_dialogs()
    asked = [types.InputDialogPeer(await client.get_input_entity(key)) for key in (climbers.key, boris.id)]
    answer = await client(functions.messages.GetPeerDialogsRequest(asked))
    line, private = answer.dialogs
    assert (line.top_message, line.read_inbox_max_id, line.unread_count) == (second, first, 1)
    assert line.pts == world.talk_of(climbers).log.pts and private.pts is None
    assert answer.state.pts == world.box(anna).pts


async def test_the_archive_is_a_list_of_its_own(world, anna, client_of):
    boris, clara = world.person("Boris"), world.person("Clara")
    for person in (boris, clara):
        world.say(person, anna, "hi")
    world.archive(anna, clara)
    client = await client_of(anna)

    async def listed(**options):
        return [(dialog.id, dialog.archived) async for dialog in client.iter_dialogs(**options)]

    assert await listed() == [(clara.id, True), (boris.id, False)]
    assert await listed(archived=True) == [(clara.id, True)]
    assert await listed(archived=False) == [(boris.id, False)]


async def test_a_muted_chat_says_until_when(world, anna, client_of):
    boris, clara = world.person("Boris"), world.person("Clara")
    for person in (boris, clara):
        world.say(person, anna, "hi")
    world.mute(anna, boris, 1_700_000_000)
    clara_line, boris_line = [dialog.dialog for dialog in await (await client_of(anna)).get_dialogs()]
    assert boris_line.notify_settings.mute_until.timestamp() == 1_700_000_000
    assert clara_line.notify_settings.mute_until is None
