"""Reactions: how they look, and how different accounts are told of them."""

import asyncio

import pytest
from telethon import events, functions, types

SOON = 3


@pytest.fixture
def anna(world):
    return world.person("Anna")


@pytest.fixture
def bob(world):
    return world.person("Bob")


async def entered(client, peer):
    await client.get_dialogs()
    return await client.get_input_entity(peer.key)


def hear(client, *updates):
    heard = asyncio.Queue()
    client.add_event_handler(heard.put, events.Raw(updates))
    return lambda: asyncio.wait_for(heard.get(), SOON)


def shown(reactions):
    return [(one.reaction.emoticon, one.count, one.chosen_order) for one in reactions.results]


async def test_a_message_tells_how_often_and_which_are_ones_own(world, anna, bob, client_of):
    carl = world.person("Carl")
    flat = world.group("Flat", [anna, bob, carl])
    said = world.say(bob, flat, "tea is ready", silent=True)
    world.react(anna, said, "👍")
    world.react(carl, said, "👍")
    world.react(bob, said, "❤")
    client = await client_of(anna)
    await client.get_dialogs()
    (message,) = await client.get_messages(flat.key, limit=1)
    assert shown(message.reactions) == [("👍", 2, 1), ("❤", 1, None)]
    assert [(one.peer_id.user_id, one.my) for one in message.reactions.recent_reactions] == [
        (bob.id, False),
        (carl.id, False),
        (anna.id, True),
    ]
    world.unreact(carl, said)
    (message,) = await client.get_messages(flat.key, limit=1)
    assert [one.count for one in message.reactions.results] == [1, 1]


async def test_the_author_is_told_as_of_an_edit_and_the_others_are_not(world, anna, bob, client_of):
    said = world.say(anna, bob, "tea?", silent=True)
    hers, his = await client_of(anna), await client_of(bob)
    await entered(hers, bob)
    await entered(his, anna)
    both = (types.UpdateMessageReactions, types.UpdateEditMessage)
    at_hers, at_his = hear(hers, *both), hear(his, *both)
    world.react(bob, said, "👍", bumps=True)
    told, edit = await at_hers(), await at_hers()
    assert isinstance(told, types.UpdateMessageReactions) and shown(told.reactions) == [("👍", 1, None)]
    assert isinstance(edit, types.UpdateEditMessage)
    assert edit.message.edit_hide and edit.message.edit_date and shown(edit.message.reactions) == [("👍", 1, None)]
    own = await at_his()
    assert (own.msg_id, shown(own.reactions)) == (said.id_for(bob), [("👍", 1, 1)])
    world.unreact(bob, said)
    assert isinstance(await at_his(), types.UpdateMessageReactions)
    world.edit(said, "coffee?")
    after = await at_his()
    assert isinstance(after, types.UpdateEditMessage) and not after.message.edit_hide


async def test_an_account_reacts_and_asks_for_reactions(world, anna, bob, client_of):
    said = world.say(bob, anna, "tea?", silent=True)
    client = await client_of(anna)
    peer = await entered(client, bob)
    number = said.id_for(anna)
    thumb = [types.ReactionEmoji("👍")]
    (update,) = (await client(functions.messages.SendReactionRequest(peer, number, reaction=thumb))).updates
    assert shown(update.reactions) == [("👍", 1, 1)]
    assert [(one.user, one.emoji) for one in said.details.reactions] == [(anna, "👍")]
    await client(functions.messages.SendReactionRequest(peer, number, reaction=[types.ReactionCustomEmoji(5)]))
    asked = await client(functions.messages.GetMessagesReactionsRequest(peer, [number, 999]))
    (found,) = asked.updates
    assert found.reactions.results[0].reaction.document_id == 5
    await client(functions.messages.SendReactionRequest(peer, number))
    assert said.details.reactions == ()


async def test_in_a_channel_everyone_is_told_alike(world, anna, bob, client_of):
    club = world.supergroup("Club", [bob, anna])
    said = world.say(bob, club, "tea?", silent=True)
    client = await client_of(anna)
    peer = await entered(client, club)
    heard = hear(client, types.UpdateMessageReactions, types.UpdateEditChannelMessage)
    world.react(anna, said, "👍")
    told = await heard()
    assert told.reactions.min and shown(told.reactions) == [("👍", 1, None)]
    (found,) = (await client(functions.messages.GetMessagesReactionsRequest(peer, [told.msg_id]))).updates
    assert not found.reactions.min and shown(found.reactions) == [("👍", 1, 1)]
    world.react(bob, said, "👍", bumps=True)
    assert isinstance(await heard(), types.UpdateMessageReactions)
    assert isinstance(await heard(), types.UpdateEditChannelMessage)


async def test_on_ones_own_notes_they_are_tags(world, anna, client_of):
    note = world.say(anna, anna, "buy tea", silent=True)
    world.react(anna, note, "⭐")
    client = await client_of(anna)
    await client.get_dialogs()
    (message,) = await client.get_messages("me", limit=1)
    assert message.reactions.reactions_as_tags and shown(message.reactions) == [("⭐", 1, 1)]


async def test_a_page_that_was_asked_for_before_shows_new_reactions(world, anna, bob, client_of):
    said = world.say(bob, anna, "tea?", silent=True)
    client = await client_of(anna)
    await entered(client, bob)
    assert (await client.get_messages(bob.id, limit=1))[0].reactions is None
    world.react(bob, said, "👍")
    assert shown((await client.get_messages(bob.id, limit=1))[0].reactions) == [("👍", 1, None)]
