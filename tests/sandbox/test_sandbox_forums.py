"""Forums and their topics, and basic groups that became supergroups, as an unmodified client sees them."""

import pytest
from telethon import errors, functions, types

from sandbox.events import NewMessage

START = 1_700_000_000


@pytest.fixture
def anna(world):
    return world.person("Anna")


@pytest.fixture
def bob(world):
    return world.person("Bob")


@pytest.fixture
def forum(world, bob, anna):
    """Bob's."""
    return world.supergroup("House", [bob, anna], forum=True, created=START)


@pytest.fixture
def garden(world, forum):
    return world.topic(forum, "Garden", date=START + 1, silent=True)


@pytest.fixture
def kitchen(world, anna, forum, garden):
    return world.topic(forum, "Kitchen", by=anna, date=START + 2, silent=True)


async def entered(client, peer):
    await client.get_dialogs()
    return await client.get_input_entity(peer.key)


async def test_what_is_said_in_a_topic_says_so(world, anna, bob, forum, garden, client_of):
    asked = world.say(bob, forum, "roses?", topic=garden, silent=True)
    world.say(anna, forum, "yes", reply_to=asked, silent=True)
    plain = world.say(bob, forum, "hi all", silent=True)
    world.say(anna, forum, "hi", reply_to=plain, silent=True)
    client = await client_of(anna)
    await entered(client, forum)
    hi, hi_all, yes, roses, made = await client.get_messages(forum.key, limit=9)
    assert made.action.title == "Garden" and made.reply_to is None
    topic_id = garden.id_for(anna)
    assert made.id == topic_id
    assert (roses.reply_to.forum_topic, roses.reply_to.reply_to_msg_id, roses.reply_to.reply_to_top_id) == (
        True,
        topic_id,
        None,
    )
    assert (yes.reply_to.forum_topic, yes.reply_to.reply_to_msg_id, yes.reply_to.reply_to_top_id) == (
        True,
        roses.id,
        topic_id,
    )
    assert hi_all.reply_to is None
    assert (hi.reply_to.forum_topic, hi.reply_to.reply_to_msg_id) == (False, hi_all.id)


async def test_topics_are_listed_the_last_written_in_first(world, anna, bob, forum, garden, kitchen, client_of):
    world.say(bob, forum, "hi all", date=START + 3)
    latest = world.say(bob, forum, "roses", topic=garden, date=START + 4)
    client = await client_of(anna)
    peer = await entered(client, forum)
    listed = await client(functions.messages.GetForumTopicsRequest(peer, None, 0, 0, 100))
    assert [(topic.id, topic.title, topic.unread_count) for topic in listed.topics] == [
        (garden.id_for(anna), "Garden", 1),
        (1, "General", 1),
        (kitchen.id_for(anna), "Kitchen", 0),
    ]
    assert listed.topics[0].top_message == latest.id_for(anna) and listed.topics[2].my
    assert {message.id for message in listed.messages} == {topic.top_message for topic in listed.topics}
    after = listed.topics[0]
    page = functions.messages.GetForumTopicsRequest(peer, START + 4, after.top_message, after.id, 1)
    rest = await client(page)
    assert ([topic.title for topic in rest.topics], rest.count) == (["General"], 3)
    found = await client(functions.messages.GetForumTopicsRequest(peer, None, 0, 0, 100, q="kit"))
    assert [topic.title for topic in found.topics] == ["Kitchen"]
    by_id = await client(functions.messages.GetForumTopicsByIDRequest(peer, [garden.id_for(anna), 99]))
    assert by_id.topics[0].title == "Garden" and isinstance(by_id.topics[1], types.ForumTopicDeleted)


async def test_a_page_brings_the_topics_of_its_messages(world, anna, bob, forum, garden, kitchen, client_of):
    world.say(bob, forum, "roses", topic=garden, silent=True)
    world.say(bob, forum, "hi all", silent=True)
    client = await client_of(anna)
    peer = await entered(client, forum)
    page = await client(functions.messages.GetHistoryRequest(peer, 0, None, 0, 2, 0, 0, 0))
    assert [topic.title for topic in page.topics] == ["General", "Garden"]
    by_id = await client(functions.channels.GetMessagesRequest(peer, [types.InputMessageID(kitchen.id_for(anna))]))
    assert [topic.title for topic in by_id.topics] == ["Kitchen"]


async def test_a_topic_is_read_and_written_in_by_itself(world, anna, bob, forum, garden, kitchen, client_of):
    world.say(bob, forum, "roses", topic=garden, silent=True)
    world.say(bob, forum, "hi all", silent=True)
    client = await client_of(anna)
    peer = await entered(client, forum)
    topic_id = garden.id_for(anna)
    heard = []
    world.subscribe(bob, lambda event, *_: heard.append(event))
    sent = await client.send_message(peer, "tulips", reply_to=topic_id)
    in_reply = types.InputReplyToMessage(sent.id, top_msg_id=topic_id)
    await client(functions.messages.SendMessageRequest(peer, "or lilies", reply_to=in_reply))
    texts = [message.text async for message in client.iter_messages(peer, reply_to=topic_id)]
    assert texts == ["or lilies", "tulips", "roses", None]
    search = functions.messages.SearchRequest(
        peer, "", types.InputMessagesFilterEmpty(), None, None, 0, 0, 9, 0, 0, 0, top_msg_id=1
    )
    assert [message.message for message in (await client(search)).messages] == ["hi all"]
    newest = [event.message for event in heard if isinstance(event, NewMessage)]
    assert [message.topic_for(bob) for message in newest] == [topic_id, topic_id]
    assert newest[1].answered() is newest[0]


async def test_a_group_that_is_no_forum_has_no_topics(world, anna, bob, client_of):
    plain = world.supergroup("Plain", [bob, anna])
    world.say(bob, plain, "hi")
    client = await client_of(anna)
    peer = await entered(client, plain)
    with pytest.raises(errors.ChannelForumMissingError):
        await client(functions.messages.GetForumTopicsRequest(peer, None, 0, 0, 100))


async def test_a_group_becomes_a_supergroup_and_both_histories_stay(world, anna, bob, client_of):
    flat = world.group("Flat", [bob, anna])
    for n in range(3):
        world.say(bob, flat, f"old {n}", date=START + n, silent=True)
    channel = world.migrate(flat, date=START + 10, silent=True)
    world.say(anna, channel, "new", date=START + 11, silent=True)
    client = await client_of(anna)
    new, old = await client.get_dialogs(ignore_migrated=False)
    assert (new.id, old.id, old.entity.deactivated) == (channel.key, flat.key, True)
    assert (old.entity.migrated_to.channel_id, old.entity.migrated_to.access_hash) == (
        channel.id,
        new.entity.access_hash,
    )
    assert [dialog.id for dialog in await client.get_dialogs(ignore_migrated=True)] == [channel.key]
    gone, *before = await client.get_messages(flat.key, limit=9)
    assert isinstance(gone.action, types.MessageActionChatMigrateTo) and gone.action.channel_id == channel.id
    assert [message.text for message in before] == ["old 2", "old 1", "old 0"]
    text, came = await client.get_messages(channel.key, limit=9)
    assert text.text == "new"
    assert (came.action.chat_id, came.action.title) == (flat.id, "Flat")
    full = (await client(functions.channels.GetFullChannelRequest(new.entity))).full_chat
    assert (full.migrated_from_chat_id, full.migrated_from_max_id) == (flat.id, gone.id)
    with pytest.raises(errors.ChatWriteForbiddenError):
        await client.send_message(flat.key, "anyone still here?")


@pytest.mark.parametrize("sent_away", [False, True])
async def test_who_is_no_longer_in_a_group_keeps_what_was_said_before(world, anna, bob, client_of, sent_away):
    flat = world.group("Flat", [bob, anna])
    for n in range(3):
        world.say(bob, flat, f"old {n}", date=START + n, silent=True)
    client = await client_of(anna)
    await entered(client, flat)
    (world.kick if sent_away else world.leave)(anna, flat)
    world.say(bob, flat, "behind her back", date=START + 9)
    world.say(anna, bob, "hm", date=START + 10, silent=True)
    _, dialog = await client.get_dialogs()
    assert isinstance(dialog.entity, types.ChatForbidden) if sent_away else dialog.entity.left
    assert (dialog.id, dialog.message.text, dialog.unread_count) == (flat.key, "old 2", 0)
    page = await client(functions.messages.GetHistoryRequest(types.InputPeerChat(flat.id), 0, None, -5, 9, 0, 0, 0))
    assert [message.message for message in page.messages] == ["old 2", "old 1", "old 0"]
    with pytest.raises(errors.ChatWriteForbiddenError):
        await client.send_message(types.InputPeerChat(flat.id), "let me in")
