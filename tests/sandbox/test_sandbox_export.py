"""Worlds from Telegram Desktop exports, and the errors of those that are none."""

import json
import time

import pytest

from sandbox.attachments import Contact, Game, Invoice, LiveLocation, Location, Media, Poll, Venue
from sandbox.errors import SandboxError
from sandbox.values import Entity, Reaction
from sandbox.world import World

OWNER = {"user_id": 1, "first_name": "Olga", "last_name": "Owner"}


def message(number, sender=2, **fields):
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_700_000_000 + number),
        "from": f"Name {sender}",
        "from_id": f"user{sender}",
        "text": "hi",
        **fields,
    }


def chat(chat_id, *messages, kind="personal_chat", name="Anna"):
    return {"id": chat_id, "type": kind, "name": name, "messages": list(messages)}


@pytest.fixture
def load(tmp_path):
    def load(*chats, owner=None, about=OWNER):
        path = tmp_path / "result.json"
        path.write_text(json.dumps({"personal_information": about, "chats": {"list": chats}}))
        return World.load(path, owner)

    return load


def texts(world, peer):
    return [m.text for m in world.conversation(world.owner, peer).newest_first(world.owner)]


def test_ids_become_the_owners_own(load):
    world = load(chat(2, message(10), message(40, sender=1)), chat(3, message(20, sender=3), name="Bob"))
    assert world.owner.name == "Olga Owner"
    conversation = world.conversation(world.owner, world.users[2])
    assert list(conversation.ids[1]) == [10, 40]
    assert list(conversation.ids[2]) == [1, 2]
    assert conversation.unread(world.owner) == 0
    assert world.say(world.owner, world.users[3], "new").id_for(world.owner) == 41


def test_ids_that_repeat_between_chats_are_made_anew_by_date(load):
    world = load(chat(2, message(1), message(3)), chat(3, message(1, sender=3, date_unixtime="1700000002"), name="Bob"))
    numbers = {key: list(c.ids[1]) for key, c in world.box(world.owner).conversations.items()}
    assert numbers == {2: [1, 3], 3: [2]}


def test_a_supergroups_ids_are_its_own_and_do_not_disturb_the_others(load):
    world = load(
        chat(2, message(5), message(6)), chat(9, message(5, sender=4), kind="private_supergroup", name="Climbers")
    )
    numbers = {key: list(c.ids[1]) for key, c in world.box(world.owner).conversations.items()}
    assert numbers == {2: [5, 6], -1_000_000_000_009: [5]}
    assert [member.id for member in world.talk_of(world.channels[9]).members] == [1, 4]
    assert world.say(world.owner, world.channels[9], "new").id_for(world.users[4]) == 6


def test_a_channel_is_a_broadcast_in_its_own_name(load):
    posts = [message(n, from_id="channel9", **{"from": "Peaks"}) for n in (3, 8)]
    world = load(chat(9, *posts, kind="public_channel", name="Peaks"))
    channel = world.channels[9]
    assert channel.broadcast and channel.title == "Peaks"
    assert list(world.talk_of(channel).ids[1]) == [3, 8]


def test_the_owner_is_named_where_the_file_does_not_say(load):
    world = load(chat(2, message(1), message(2, sender=7)), owner="user7", about={})
    assert (world.owner.id, world.owner.name) == (7, "Name 7")
    with pytest.raises(SandboxError, match="whose account") as error:
        load(chat(2, message(1)), about={})
    assert "--owner" in error.value.fix


def test_saved_messages_groups_and_bots(load):
    world = load(
        chat(1, message(1, sender=1, text="note"), kind="saved_messages", name=None),
        chat(8, message(2, sender=8), kind="bot_chat", name="Helper"),
        chat(9, message(3, sender=2), message(4, sender=None, from_id=None, **{"from": None}), kind="private_group"),
    )
    assert texts(world, world.owner) == ["note"]
    assert world.users[8].bot and not world.users[2].bot
    assert [world.users[i].name for i in world.groups[9].member_ids] == ["Olga Owner", "Name 2", "Deleted Account"]


def test_who_is_no_user_is_not_taken_for_one(load):
    world = load(
        chat(
            1_000_000,
            message(1, from_id="channel42", **{"from": "Peaks"}),
            message(2, sender=42),
            message(3, from_id="channel1000000", **{"from": "Climbers"}),
            kind="private_group",
        ),
        chat(1_000_000, message(4, sender=1_000_000), name="Anna"),
    )
    climbers = world.conversation(world.owner, world.groups[1_000_000])
    assert [m.sender.name for m in climbers.messages] == ["Peaks", "Name 42", "Climbers"]
    assert world.users[42].name == "Name 42" and world.users[1_000_000].name == "Anna"
    assert len({m.sender.id for m in climbers.messages} | {1_000_000}) == 4


@pytest.mark.parametrize("username", ["@olga", "olga"])
def test_the_owner_keeps_his_username(load, username):
    assert load(chat(2, message(1)), about={**OWNER, "username": username}).owner.username == "olga"
    assert load(chat(2, message(1))).owner.username is None


@pytest.mark.parametrize("owner", ["channel1", "user", "user²", "", "user1x"])
def test_an_owner_that_is_no_user_is_refused(load, owner):
    with pytest.raises(SandboxError, match="no user"):
        load(chat(2, message(1)), owner=owner)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"media_type": "sticker", "sticker_emoji": "😀", "file": "x"}, ("sticker", "😀", 0)),
        ({"media_type": "voice_message", "duration_seconds": 4, "file": "x"}, ("voice", None, 4)),
        ({"media_type": "video_message", "duration_seconds": 5, "file": "x"}, ("round", None, 5)),
        ({"media_type": "video_file", "duration_seconds": 6, "file": "x"}, ("video", None, 6)),
        ({"media_type": "audio_file", "duration_seconds": 7, "file": "x"}, ("audio", None, 7)),
        ({"media_type": "animation", "file": "x"}, ("animation", None, 0)),
        ({"file": "x", "file_name": "plan.pdf"}, ("document", None, 0)),
        ({"photo": "x"}, ("photo", None, 0)),
    ],
)
def test_media(load, fields, expected):
    world = load(chat(2, message(1, **fields)))
    media = world.conversation(world.owner, world.users[2]).top(world.owner).media
    assert isinstance(media, Media)
    assert (media.kind, media.emoji, media.duration) == expected


def test_other_attachments(load):
    world = load(
        chat(
            2,
            message(1, poll={"question": "When?", "answers": [{"text": "now"}]}),
            message(2, location_information={"latitude": 1.0, "longitude": 2.0}),
            message(3, contact_information={"first_name": "Ann", "phone_number": "1"}),
            message(4, location_information={"latitude": 1.0, "longitude": 2.0}, place_name="Café", address="Rua 1"),
            message(5, location_information={"latitude": 1.0, "longitude": 2.0}, live_location_period_seconds=900),
            message(6, game_title="Snake"),
            message(7, invoice_information={"title": "Tea", "currency": "EUR", "amount": 250}),
        )
    )
    place = Location(1.0, 2.0)
    assert [m.media for m in world.conversation(world.owner, world.users[2]).messages] == [
        Poll("When?", ("now",)),
        place,
        Contact("1", "Ann"),
        Venue("Café", "Rua 1", place),
        LiveLocation(place, 900),
        Game("Snake"),
        Invoice("Tea", "", "EUR", 250),
    ]


def test_topics_of_a_forum(load):
    world = load(
        chat(
            9,
            message(4, type="service", action="topic_created", title="Garden", text=""),
            message(5, sender=1, reply_to_message_id=4),
            message(6, reply_to_message_id=5),
            message(7),
            kind="private_supergroup",
            name="House",
        )
    )
    talk = world.talk_of(world.channels[9])
    assert talk.group.forum
    assert [m.topic_for(world.owner) for m in talk.messages] == [4, 4, 4, 1]
    assert [m.answered() and m.answered().index for m in talk.messages] == [None, None, 1, None]


def test_who_reacted_and_who_wrote_first(load):
    recent = [{"from_id": "user2", "date": "2023-11-14T23:13:30"}, {"from_id": "user99", "date": "2023-11-14T23:13:31"}]
    world = load(
        chat(
            2,
            message(
                1,
                sender=1,
                date="2023-11-14T23:13:21",
                reactions=[{"type": "emoji", "emoji": "👍", "count": 3, "recent": recent}],
            ),
            message(2, forwarded_from="Anna", forwarded_from_id="user2"),
        )
    )
    liked, forwarded = world.conversation(world.owner, world.users[2]).messages
    assert liked.details.reactions == (Reaction(world.users[2], "👍", 1_700_000_010),)
    assert forwarded.forward.user_id == 2


def test_words_formatting_replies_edits_forwards_and_service_messages(load):
    parts = ["😀 see ", {"type": "text_link", "text": "this", "href": "https://example.org"}, "!"]
    world = load(
        chat(
            2,
            message(1, text=parts),
            message(2, sender=1, reply_to_message_id=1, edited_unixtime="1700000009", forwarded_from="Carl"),
            message(3, type="service", action="phone_call", duration_seconds=9, text="", via_bot="@gif"),
        )
    )
    service, reply, first = world.conversation(world.owner, world.users[2]).newest_first(world.owner)
    assert first.text == "😀 see this!"
    assert first.entities == (Entity("text_link", 7, 4, "https://example.org"),)
    assert (reply.answered(), reply.edited, reply.forward.name) == (first, 1_700_000_009, "Carl")
    assert (service.action.kind, service.action.duration) == ("phone_call", 9)
    assert service.details.via_bot.username == "gif"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not valid JSON"),
        ("[]", "no Telegram Desktop export"),
        ('{"chats": []}', "no Telegram Desktop export"),
        ('{"personal_information": [], "chats": {"list": []}}', "whose account"),
        ('{"personal_information": {"user_id": 1}, "chats": {"list": [7]}}', "cannot be read"),
        ('{"personal_information": {"user_id": 1}, "chats": {"list": [{"type": "personal_chat"}]}}', "cannot be read"),
    ],
)
def test_what_is_no_export_says_so(tmp_path, content, problem):
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(SandboxError, match=problem):
        World.load(path)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(SandboxError, match="cannot be read"):
        World.load(tmp_path / "nothing.json")


def test_a_real_export_loads_at_once(real_export):
    began = time.perf_counter()
    world = World.load(real_export, "user1000")
    assert time.perf_counter() - began < 2
    assert world.box(world.owner).last_id == sum(
        conversation.count(world.owner) for conversation in world.box(world.owner).conversations.values()
    )
    assert world.owner.name == "ActionParsnip"
