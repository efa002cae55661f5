"""Every kind of message, as an unmodified client sees it."""

import asyncio

import pytest
from telethon import events, functions, types

from sandbox.attachments import (
    VIEW_ONCE,
    Dice,
    Game,
    Giveaway,
    Invoice,
    LiveLocation,
    Location,
    Media,
    PaidMedia,
    Story,
    Todo,
    Unsupported,
    Venue,
    WebPage,
)
from sandbox.values import Action, Forward

START = 1_700_000_000
SOON = 3


@pytest.fixture
def anna(world):
    return world.person("Anna")


@pytest.fixture
def bob(world):
    return world.person("Bob")


async def newest(client, peer, count=1):
    """The newest messages of a chat, oldest first."""
    await client.get_dialogs()
    return (await client.get_messages(peer.key, limit=count))[::-1]


def hear(client, builder):
    heard = asyncio.Queue()
    client.add_event_handler(heard.put, builder)
    return lambda: asyncio.wait_for(heard.get(), SOON)


MEDIA = {
    "dice": (Dice("🎯", 6), lambda m: (m.emoticon, m.value), ("🎯", 6)),
    "venue": (Venue("Café", "Rua 1", Location(38.7, -9.1)), lambda m: (m.title, m.geo.lat), ("Café", 38.7)),
    "live": (LiveLocation(Location(1.0, 2.0), 900), lambda m: (m.period, m.geo.long), (900, 2.0)),
    "page": (WebPage("https://example.org", "Example"), lambda m: m.webpage.title, "Example"),
    "game": (Game("Snake"), lambda m: m.game.title, "Snake"),
    "invoice": (Invoice("Tea", "Two", "EUR", 250), lambda m: (m.title, m.total_amount), ("Tea", 250)),
    "paid": (PaidMedia(50, 2), lambda m: (m.stars_amount, len(m.extended_media)), (50, 2)),
    "todo": (
        Todo("Shop", ("milk", "tea"), (1,)),
        lambda m: (m.todo.list[1].title.text, m.completions[0].id),
        ("tea", 2),
    ),
    "unsupported": (Unsupported(), lambda m: type(m), types.MessageMediaUnsupported),
    "spoiler": (Media("photo", spoiler=True), lambda m: m.spoiler, True),
    "once": (Media("voice", ttl=VIEW_ONCE), lambda m: m.ttl_seconds, 2**31 - 1),
}


@pytest.mark.parametrize("kind", MEDIA)
async def test_what_a_message_carries(world, anna, bob, client_of, kind):
    media, shown, expected = MEDIA[kind]
    world.say(bob, anna, "see", media=media, silent=True)
    (message,) = await newest(await client_of(anna), bob)
    assert message.raw_text == "see" and shown(message.media) == expected


async def test_stories_and_giveaways_name_who_is_not_in_the_chat(world, anna, bob, client_of):
    carl = world.person("Carl")
    peaks = world.supergroup("Peaks", [carl], broadcast=True)
    world.say(bob, anna, "", media=Story(carl.id, 7), silent=True)
    world.say(bob, anna, "", media=Giveaway((peaks.id,), 3, START), silent=True)
    client = await client_of(anna)
    story, giveaway = await newest(client, bob, 2)
    assert (story.media.peer.user_id, story.media.id) == (carl.id, 7)
    assert (giveaway.media.channels, giveaway.media.quantity) == ([peaks.id], 3)
    assert (await client.get_entity(carl.id)).first_name == "Carl"
    assert (await client.get_entity(peaks.key)).left


ACTIONS = {
    "join": (Action("invite_members", member_ids=(1_000_001,)), "ChatAddUser", {"users": [1_000_001]}),
    "leave": (Action("remove_members", member_ids=(1_000_001,)), "ChatDeleteUser", {"user_id": 1_000_001}),
    "link": (Action("join_group_by_link", member_ids=(1_000_000,)), "ChatJoinedByLink", {"inviter_id": 1_000_000}),
    "request": (Action("join_group_by_request"), "ChatJoinedByRequest", {}),
    "title": (Action("edit_group_title", "Peaks"), "ChatEditTitle", {"title": "Peaks"}),
    "photo": (Action("edit_group_photo"), "ChatEditPhoto", {}),
    "no photo": (Action("delete_group_photo"), "ChatDeletePhoto", {}),
    "screenshot": (Action("take_screenshot"), "ScreenshotTaken", {}),
    "ttl": (Action("set_messages_ttl", duration=86400), "SetMessagesTTL", {"period": 86400}),
    "protected": (Action("noforwards_toggle"), "NoForwardsToggle", {"prev_value": False, "new_value": True}),
    "signed up": (Action("joined_telegram"), "ContactSignUp", {}),
    "made": (Action("create_group", "Peaks", (1_000_000,)), "ChatCreate", {"title": "Peaks", "users": [1_000_000]}),
    "conference": (Action("group_call", duration=9), "GroupCall", {"duration": 9}),
    "video call": (Action("phone_call", duration=60, reason="hangup", video=True), "PhoneCall", {"duration": 60}),
    "other": (Action("boost", "Boosted"), "CustomAction", {"message": "Boosted"}),
}


@pytest.mark.parametrize("kind", ACTIONS)
async def test_what_a_service_message_tells(world, anna, bob, client_of, kind):
    action, name, expected = ACTIONS[kind]
    world.say(bob, anna, "", action=action, silent=True)
    (message,) = await newest(await client_of(anna), bob)
    assert type(message.action).__name__ == f"MessageAction{name}"
    assert {field: getattr(message.action, field) for field in expected} == expected


async def test_a_call_that_nobody_took_has_no_length(world, anna, bob, client_of):
    world.say(bob, anna, "", action=Action("phone_call", reason="missed"), silent=True)
    (call,) = await newest(await client_of(anna), bob)
    assert isinstance(call.action.reason, types.PhoneCallDiscardReasonMissed)
    assert (call.action.duration, call.action.video) == (None, False)


async def test_a_pin_names_what_is_pinned(world, anna, bob, client_of):
    said = world.say(bob, anna, "remember", silent=True)
    world.say(bob, anna, "", action=Action("pin_message"), reply_to=said, silent=True)
    (pin,) = await newest(await client_of(anna), bob)
    assert pin.reply_to.reply_to_msg_id == said.id_for(anna)


async def test_an_album_shares_one_number(world, anna, bob, client_of):
    for n in range(3):
        world.say(bob, anna, "" if n else "the caption", media=Media("photo"), album=77)
    client = await client_of(anna)
    heard = hear(client, events.Album())
    photos = await newest(client, bob, 3)
    assert [photo.grouped_id for photo in photos] == [77] * 3
    assert [photo.raw_text for photo in photos] == ["the caption", "", ""]
    for _ in range(2):
        world.say(bob, anna, "", media=Media("photo"), album=78)
    assert len((await heard()).messages) == 2


async def test_a_reply_can_quote(world, anna, bob, client_of):
    said = world.say(bob, anna, "tea or coffee?", silent=True)
    world.say(anna, bob, "that", reply_to=said, quote="coffee", quote_offset=7, silent=True)
    client = await client_of(anna)
    (reply,) = await newest(client, bob)
    header = reply.reply_to
    assert (header.quote, header.quote_text, header.quote_offset) == (True, "coffee", 7)
    quoted = types.InputReplyToMessage(said.id_for(anna), quote_text="tea")
    await client(functions.messages.SendMessageRequest(bob.id, "no, this", reply_to=quoted))
    assert world.conversation(anna, bob).top(anna).details.quote == "tea"


async def test_a_reply_can_answer_what_was_said_elsewhere(world, anna, bob, client_of):
    carl = world.person("Carl")
    club = world.supergroup("Club", [carl, anna])
    said = world.say(carl, club, "who is in?", silent=True)
    world.say(anna, bob, "I am", reply_to=said, quote="in", silent=True)
    (at_anna,) = await newest(await client_of(anna), bob)
    assert at_anna.reply_to.reply_to_peer_id == types.PeerChannel(club.id)
    assert at_anna.reply_to.reply_to_msg_id == said.id_for(carl)
    (at_bob,) = await newest(await client_of(bob), anna)
    assert (at_bob.reply_to.reply_to_msg_id, at_bob.reply_to.reply_to_peer_id) == (None, None)
    assert (at_bob.reply_to.reply_from.from_id.user_id, at_bob.reply_to.quote_text) == (carl.id, "in")


async def test_a_forward_tells_where_it_is_from(world, anna, bob, client_of):
    peaks = world.supergroup("Peaks", [bob], broadcast=True)
    original = world.say(bob, anna, "keep this", date=START, silent=True)
    world.say(anna, anna, "keep this", forward=Forward(START, bob.id, saved_from=original), silent=True)
    world.say(anna, anna, "a route", forward=Forward(START, channel=peaks, post=5, author="Bob"), silent=True)
    world.say(anna, anna, "psst", forward=Forward(START, name="Nobody"), silent=True)
    notes = await newest(await client_of(anna), anna, 3)
    assert [note.saved_peer_id.user_id for note in notes] == [bob.id, anna.id, anna.id]
    saved, post, hidden = [note.fwd_from for note in notes]
    assert (saved.from_id.user_id, saved.saved_from_peer.user_id) == (bob.id, bob.id)
    assert saved.saved_from_msg_id == original.id_for(anna)
    assert (post.from_id.channel_id, post.channel_post, post.post_author) == (peaks.id, 5, "Bob")
    assert (hidden.from_id, hidden.from_name) == (None, "Nobody")


async def test_words_that_a_bot_composed_say_so(world, anna, bob, client_of):
    gif, assistant = world.bot("77:token", "gif"), world.bot("78:token", "assistant_bot")
    world.say(bob, anna, "a cat", via_bot=gif, silent=True)
    world.say(bob, anna, "I am away", via_business_bot=assistant, silent=True)
    cat, away = await newest(await client_of(anna), bob, 2)
    assert (cat.via_bot_id, away.via_business_bot_id) == (gif.id, assistant.id)


async def test_a_rich_message_has_no_text(world, anna, bob, client_of):
    world.say(bob, anna, "", rich=("First.", "Second."), silent=True)
    (message,) = await newest(await client_of(anna), bob)
    assert message.message == ""
    assert [block.text.text for block in message.rich_message.blocks] == ["First.", "Second."]


async def test_what_may_not_be_forwarded_says_so(world, anna, bob, client_of):
    world.say(bob, anna, "between us", protected=True, silent=True)
    club = world.supergroup("Club", [bob, anna], protected=True)
    flat = world.group("Flat", [bob, anna], protected=True)
    world.say(bob, club, "in here", silent=True)
    world.say(bob, flat, "at home", silent=True)
    client = await client_of(anna)
    (message,) = await newest(client, bob)
    assert message.noforwards
    assert {d.id: getattr(d.entity, "noforwards", False) for d in await client.get_dialogs()} == {
        bob.id: False,
        club.key: True,
        flat.key: True,
    }
    world.protect(bob, anna)
    (toggle,) = await newest(client, bob)
    assert toggle.action.new_value
    full = (await client(functions.users.GetFullUserRequest(bob.id))).full_user
    assert (full.noforwards_my_enabled, full.noforwards_peer_enabled) == (False, True)


async def test_what_deletes_itself_is_gone_when_its_time_has_come(world, anna, bob, client_of):
    now = [START]
    world.clock = lambda: now[0]
    for ttl in (10, 15, 0):
        world.say(bob, anna, f"{ttl} s", ttl=ttl, silent=True)
    client = await client_of(anna)
    first, second, _ = await newest(client, bob, 3)
    assert (first.ttl_period, second.ttl_period) == (10, 15)
    heard = hear(client, events.MessageDeleted())
    now[0] += 9
    world.expire()
    now[0] += 1
    world.expire()
    assert (await heard()).deleted_ids == [first.id]
    now[0] += 5
    assert [message.raw_text for message in await newest(client, bob, 9)] == ["0 s"]


async def test_deleted_messages_can_be_told_of_as_holes(world, anna, bob, client_of):
    said = [world.say(bob, anna, f"line {n}", silent=True) for n in range(30)]
    world.delete(*said[5:25])
    world.faults.holes = True
    client = await client_of(anna)
    await client.get_dialogs()
    peer = await client.get_input_entity(bob.id)
    page = await client(functions.messages.GetHistoryRequest(peer, said[25].id_for(anna), None, 0, 10, 0, 0, 0))
    assert [type(message) for message in page.messages] == [types.MessageEmpty] * 10
    assert [message.id for message in page.messages] == [message.id_for(anna) for message in said[24:14:-1]]
    assert page.messages[0].peer_id.user_id == bob.id


async def test_messages_can_be_left_out_though_they_stand(world, anna, bob, client_of):
    said = [world.say(bob, anna, f"line {n}", silent=True).id_for(anna) for n in range(4)]
    world.faults.omitted = {said[1]}
    client = await client_of(anna)
    await client.get_dialogs()
    assert [message.id for message in await client.get_messages(bob.id, limit=9)] == [said[3], said[2], said[0]]
    by_id = await client(functions.messages.GetMessagesRequest([types.InputMessageID(number) for number in said]))
    assert [message.id for message in by_id.messages] == [said[0], said[2], said[3]]


async def test_a_page_can_be_shorter_than_was_asked_for(world, anna, bob, client_of):
    for n in range(50):
        world.say(bob, anna, f"line {n}", silent=True)
    world.faults.page = 7
    client = await client_of(anna)
    await client.get_dialogs()
    peer = await client.get_input_entity(bob.id)
    page = await client(functions.messages.GetHistoryRequest(peer, 0, None, 0, 100, 0, 0, 0))
    assert (len(page.messages), page.count) == (7, 50)
