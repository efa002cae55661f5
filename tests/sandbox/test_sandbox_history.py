"""Chats and their history, as an unmodified client pages through them."""

import pytest
from telethon import functions, types

from sandbox.attachments import Contact, Location, Media, Poll
from sandbox.values import Action, Entity, Forward

START = 1_700_000_000


@pytest.fixture
def anna(world):
    return world.person("Anna")


@pytest.fixture
def bob(world):
    return world.person("Bob")


@pytest.fixture
def talk(world, anna, bob):
    """250 messages in turn, a minute apart; every tenth is gone."""
    said = [
        world.say(anna if n % 2 else bob, bob if n % 2 else anna, f"line {n}", date=START + 60 * n, silent=True)
        for n in range(250)
    ]
    world.delete(*said[::10])
    return [message for n, message in enumerate(said) if n % 10]


async def test_dialogs_come_in_pages_without_a_gap_though_all_share_a_second(world, anna, client_of):
    friends = [world.person(f"Friend {n}") for n in range(230)]
    for friend in friends:
        world.say(friend, anna, "hi", date=START, silent=True)
    client = await client_of(anna)
    dialogs = await client.get_dialogs()
    assert [dialog.id for dialog in dialogs] == [friend.id for friend in reversed(friends)]
    assert sum(call.method == "messages.getDialogs" for call in world.calls) == 3


async def test_a_dialog_tells_its_kind_and_what_is_unread(world, anna, bob, client_of):
    world.say(anna, anna, "note", date=START, silent=True)
    group = world.group("Climbers", [anna, bob])
    world.say(bob, group, "who comes?", date=START + 1)
    world.say(anna, bob, "hi", date=START + 2)
    world.say(bob, anna, "yo", date=START + 3)
    client = await client_of(anna)
    bob_dialog, group_dialog, saved = await client.get_dialogs()
    assert (bob_dialog.is_user, bob_dialog.unread_count, bob_dialog.dialog.read_outbox_max_id) == (True, 1, 0)
    assert (group_dialog.is_group, group_dialog.id, group_dialog.unread_count) == (True, -group.id, 1)
    assert (saved.entity.is_self, saved.unread_count) == (True, 0)
    assert group_dialog.message.sender_id == bob.id


@pytest.mark.parametrize("limit", [None, 1, 100, 120])
async def test_the_whole_chat_newest_first(world, anna, bob, talk, client_of, limit):
    client = await client_of(anna)
    await client.get_dialogs()
    texts = [message.raw_text async for message in client.iter_messages(bob.id, limit, wait_time=0)]
    assert texts == [message.text for message in reversed(talk)][:limit]


async def test_the_whole_chat_oldest_first(world, anna, bob, talk, client_of):
    client = await client_of(anna)
    await client.get_dialogs()
    texts = [message.raw_text async for message in client.iter_messages(bob.id, reverse=True, wait_time=0)]
    assert texts == [message.text for message in talk]


@pytest.mark.parametrize("reverse", [False, True])
async def test_parts_of_a_chat(world, anna, bob, talk, client_of, reverse):
    client = await client_of(anna)
    await client.get_dialogs()
    ids = [message.id_for(anna) for message in talk]
    low, high = ids[40], ids[200]

    async def texts(**bounds):
        found = [m.id async for m in client.iter_messages(bob.id, reverse=reverse, wait_time=0, **bounds)]
        return found if reverse else found[::-1]

    assert await texts(min_id=low) == [number for number in ids if number > low]
    assert await texts(max_id=high) == [number for number in ids if number < high]
    assert await texts(min_id=low, max_id=high) == [number for number in ids if low < number < high]
    beyond = [number for number in ids if (number > low if reverse else number < low)]
    assert await texts(offset_id=low) == beyond
    date = talk[40].date
    since = [m.id_for(anna) for m in talk if (m.date >= date if reverse else m.date < date)]
    assert await texts(offset_date=date) == since


async def test_searching_by_words_and_by_sender(world, anna, bob, talk, client_of):
    client = await client_of(anna)
    await client.get_dialogs()
    found = await client.get_messages(bob.id, search="LINE 24", limit=None, wait_time=0)
    assert [message.raw_text for message in found] == [f"line {n}" for n in (*range(249, 240, -1), 24)]
    own = [message async for message in client.iter_messages(bob.id, from_user="me", wait_time=0)]
    assert all(message.out for message in own)
    assert len(own) == sum(message.sender.id == anna.id for message in talk)


async def test_messages_by_number_are_those_of_ones_own_box(world, anna, bob, client_of):
    world.say(bob, bob, "a note that shifts his numbers", silent=True)
    question = world.say(bob, anna, "where?", silent=True)
    answer = world.say(anna, bob, "here", reply_to=question, silent=True)
    client = await client_of(anna)
    await client.get_dialogs()
    assert question.id_for(anna) != question.id_for(bob)
    found, missing = await client.get_messages(bob.id, ids=[answer.id_for(anna), 999])
    assert (found.raw_text, missing) == ("here", None)
    assert (await found.get_reply_message()).raw_text == "where?"


MEDIA = {
    "sticker": Media("sticker", emoji="😀", mime="image/webp"),
    "voice": Media("voice", duration=7, mime="audio/ogg"),
    "audio": Media("audio", duration=200, mime="audio/mpeg", title="Song", performer="Band"),
    "video": Media("video", duration=9, mime="video/mp4", width=640, height=480),
    "video_note": Media("round", duration=5, mime="video/mp4"),
    "gif": Media("animation", mime="video/mp4"),
    "photo": Media("photo", mime="image/jpeg"),
    "document": Media("document", name="plan.pdf", mime="application/pdf", size=9),
    "poll": Poll("When?", ("now", "later")),
    "geo": Location(38.7, -9.1),
    "contact": Contact("+999660000001", "Ann"),
}


@pytest.mark.parametrize("kind", MEDIA)
async def test_every_kind_of_medium_is_what_the_client_knows_it_by(world, anna, bob, client_of, kind):
    world.say(bob, anna, "caption", media=MEDIA[kind], silent=True)
    client = await client_of(anna)
    message = (await client.get_dialogs())[0].message
    assert getattr(message, kind)
    assert message.raw_text == "caption"
    if kind == "sticker":
        assert message.file.emoji == "😀"
    if kind == "voice":
        assert message.file.duration == 7
    if kind == "document":
        assert message.file.name == "plan.pdf"


async def test_what_else_a_message_can_be(world, anna, bob, client_of):
    world.say(bob, anna, "bold", entities=[Entity("bold", 0, 4)], forward=Forward(START, bob.id), silent=True)
    edited = world.say(bob, anna, "frist", silent=True)
    world.edit(edited, "first", date=START)
    world.say(bob, anna, "", action=Action("phone_call", duration=60), silent=True)
    client = await client_of(anna)
    await client.get_dialogs()
    call, change, forward = await client.get_messages(bob.id, limit=3)
    assert isinstance(call, types.MessageService) and call.action.duration == 60
    assert change.raw_text == "first" and change.edit_date.timestamp() == START
    assert isinstance(forward.entities[0], types.MessageEntityBold) and forward.fwd_from.from_id.user_id == bob.id


async def test_people_and_groups_can_be_asked_about(world, anna, bob, client_of):
    named = world.person("Carl", username="carl")
    group = world.group("Climbers", [anna, bob, named])
    client = await client_of(anna)
    await client.get_dialogs()
    assert (await client.get_entity("@carl")).id == named.id
    with pytest.raises(ValueError, match="No user"):
        await client.get_entity("@nobody_here")
    with pytest.raises(ValueError, match="Could not find the input entity"):
        await client.get_input_entity(bob.id + 1000)
    assert {member.id for member in await client.get_participants(-group.id)} == {anna.id, bob.id, named.id}
    full = await client(functions.users.GetFullUserRequest("@carl"))
    assert full.full_user.id == named.id
    asked = [types.InputDialogPeer(await client.get_input_entity(peer)) for peer in ("carl", -group.id)]
    assert (await client(functions.messages.GetPeerDialogsRequest(asked))).dialogs == []
    world.say(bob, group, "who comes?")
    answer = await client(functions.messages.GetPeerDialogsRequest(asked))
    assert [(dialog.peer.chat_id, dialog.unread_count) for dialog in answer.dialogs] == [(group.id, 1)]


async def test_a_page_shows_what_changed_since_it_was_asked_for_before(world, anna, bob, client_of):
    flat = world.group("Flat", [anna, bob])
    said = world.say(bob, flat, "frist")
    hers, his = await client_of(anna), await client_of(bob)
    for client in (hers, his):
        await client.get_dialogs()
    seen = [(await client.get_messages(-flat.id, limit=1))[0] for client in (hers, his)]
    assert [(message.raw_text, message.out) for message in seen] == [("frist", False), ("frist", True)]
    world.edit(said, "first", date=START)
    assert [(await client.get_messages(-flat.id, limit=1))[0].raw_text for client in (hers, his)] == ["first"] * 2
    said.media = Location(1.0, 2.0)
    assert (await hers.get_messages(-flat.id, limit=1))[0].geo.lat == 1.0
