"""Every kind of message, from a Telegram of our own through a sync into the store."""

from dataclasses import dataclass, field
from typing import Any

from exporter.account.connection import connect
from exporter.messages import Message, MessageKind, Reaction
from exporter.pulling.sync import sync
from exporter.settings.config import Config, Sync
from exporter.storing.store import Store
from sandbox.attachments import (
    Contact,
    Dice,
    Game,
    Giveaway,
    Invoice,
    LiveLocation,
    Location,
    Media,
    PaidMedia,
    Poll,
    Story,
    Todo,
    Unsupported,
    Venue,
    WebPage,
)
from sandbox.values import Action, Forward, User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import BEGIN, versions

PLACE = Location(38.7, -9.1)


@dataclass(frozen=True)
class Case:
    """What somebody does, and what of it must stand in the store."""

    does: dict[str, Any]
    kind: MessageKind
    stored: dict[str, Any] = field(default_factory=dict)
    text: str = ""


def carries(media: Any, kind: MessageKind, *, stands_for: str = "", **stored: Any) -> Case:
    return Case({"media": media}, kind, stored, stands_for)


CASES = {
    "text": Case({}, MessageKind.TEXT),
    "photo": carries(Media("photo"), MessageKind.PHOTO),
    "spoiler": carries(Media("photo", spoiler=True), MessageKind.PHOTO),
    "voice": carries(Media("voice", duration=7), MessageKind.VOICE, duration=7),
    "round": carries(Media("round", duration=9), MessageKind.ROUND, duration=9),
    "video": carries(Media("video", duration=60), MessageKind.VIDEO, duration=60),
    "audio": carries(Media("audio", duration=180), MessageKind.AUDIO, duration=180),
    "animation": carries(Media("animation", duration=2), MessageKind.ANIMATION, duration=2),
    "sticker": carries(Media("sticker", emoji="😂"), MessageKind.STICKER, emoji="😂"),
    "document": carries(Media("document", name="a.pdf"), MessageKind.DOCUMENT),
    "poll": carries(Poll("Where to?", ("here", "there")), MessageKind.POLL, stands_for="Where to?"),
    "location": carries(PLACE, MessageKind.LOCATION),
    "live location": carries(LiveLocation(PLACE, 900), MessageKind.LOCATION),
    "venue": carries(Venue("Café", "Rua 1", PLACE), MessageKind.LOCATION, stands_for="Café"),
    "contact": carries(Contact("+1", "Anna"), MessageKind.CONTACT),
    "page": carries(WebPage("https://example.org", "Example"), MessageKind.TEXT),
    "dice": carries(Dice("🎯", 6), MessageKind.OTHER, emoji="🎯"),
    "game": carries(Game("Snake"), MessageKind.OTHER),
    "invoice": carries(Invoice("Tea", "Two", "EUR", 250), MessageKind.OTHER),
    "paid": carries(PaidMedia(50, 2), MessageKind.OTHER),
    "story": carries(Story(1_000_001, 7), MessageKind.OTHER),
    "todo": carries(Todo("Shop", ("milk",)), MessageKind.OTHER),
    "giveaway": carries(Giveaway((), 3, BEGIN), MessageKind.OTHER),
    "unknown": carries(Unsupported(), MessageKind.OTHER),
    "rich": Case({"rich": ("First.", "Second.")}, MessageKind.TEXT, text="First.\nSecond."),
    "call": Case({"action": Action("phone_call", duration=61)}, MessageKind.CALL, {"duration": 61}),
    "service": Case({"action": Action("take_screenshot")}, MessageKind.SERVICE, {"action": "screenshot_taken"}),
    "album": Case({"media": Media("photo"), "album": 77}, MessageKind.PHOTO, {"album": 77}),
    "forward": Case(
        {"forward": Forward(BEGIN, name="Somebody")},
        MessageKind.TEXT,
        {"forwarded": True, "origin_name": "Somebody"},
    ),
}
WITHOUT_WORDS = ("rich", "call", "service", "poll", "venue")


async def pulled(config: Config, store: Store) -> None:
    async with connect(config) as client:
        await sync(client, store, Sync(kinds=frozenset({"private", "group"}), requests_per_second=0), agreed(store))


async def test_acceptance_10_every_kind_is_stored_as_what_it_is(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    for number, (name, case) in enumerate(CASES.items()):
        words = "" if name in WITHOUT_WORDS else f"about the {name}"
        world.say(anna, owner, words, date=BEGIN + 60 * number, silent=True, **case.does)
    await pulled(logged_in, store)
    found = dict(zip(CASES, store.messages(anna.id), strict=True))
    for name, case in CASES.items():
        message = found[name]
        told = {key: getattr(message, key) for key in case.stored}
        text = case.text or ("" if name in WITHOUT_WORDS else f"about the {name}")
        assert (name, message.kind, message.text, told) == (name, case.kind, text, case.stored)


async def test_a_forums_topics_and_who_speaks_for_the_group(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    club = world.supergroup("Club", [owner, anna], forum=True)
    trips = world.topic(club, "Trips")
    world.say(anna, club, "in general", date=BEGIN, silent=True)
    world.say(anna, club, "in trips", topic=trips, date=BEGIN + 1, silent=True)
    world.say(owner, club, "as the group", send_as=club, date=BEGIN + 2, silent=True)
    await pulled(logged_in, store)
    said = {message.text: message for message in store.messages(club.key) if message.said}
    assert (said["in general"].topic, said["in trips"].topic) == (None, trips.id_for(owner))
    assert (said["as the group"].sender_id, said["as the group"].outgoing) == (club.key, True)
    assert store.state.topics(club.key)[trips.id_for(owner)] == "Trips"


async def test_a_reply_keeps_its_quote_and_what_it_answers_elsewhere(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    question = world.say(anna, owner, "tea or coffee?", date=BEGIN, silent=True)
    world.say(owner, anna, "that", reply_to=question, quote="coffee", date=BEGIN + 1, silent=True)
    world.say(owner, boris, "she asked", reply_to=question, date=BEGIN + 2, silent=True)
    await pulled(logged_in, store)
    (here,), (there,) = store.recent(anna.id, limit=1), store.recent(boris.id, limit=1)
    number = question.id_for(owner)
    assert (here.reply_to, here.reply_to_chat, here.quote) == (number, None, "coffee")
    assert (there.reply_to, there.reply_to_chat) == (number, anna.id)


async def test_words_that_a_bot_composed_are_marked(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    gif, assistant = world.bot("77:token", "gif"), world.bot("78:token", "assistant_bot")
    world.say(owner, anna, "a cat", via_bot=gif, date=BEGIN, silent=True)
    world.say(owner, anna, "I am away", via_business_bot=assistant, date=BEGIN + 1, silent=True)
    world.say(owner, anna, "back again", date=BEGIN + 2, silent=True)
    await pulled(logged_in, store)
    assert [(message.outgoing, message.via_bot) for message in store.messages(anna.id)] == [
        (True, True),
        (True, True),
        (True, False),
    ]


async def test_reactions_are_kept_and_are_no_new_version(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    said = world.say(owner, anna, "done", date=BEGIN, silent=True)
    await pulled(logged_in, store)
    world.react(anna, said, "👍")
    world.react(owner, said, "🎉")
    world.say(anna, owner, "at last", date=BEGIN + 1, silent=True)
    await pulled(logged_in, store)
    message = only(store, anna, said.id_for(owner))
    assert set(message.reactions) == {Reaction("👍", 1), Reaction("🎉", 1, own=True)}
    assert versions(store, anna.id, message.message_id) == []


async def test_of_what_is_seen_once_nothing_is_told(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    world.say(anna, owner, "CANARY", media=Media("photo", ttl=2**31 - 1), date=BEGIN, silent=True)
    await pulled(logged_in, store)
    (message,) = store.messages(anna.id)
    assert (message.kind, message.text) == (MessageKind.PHOTO, "")
    assert not any(b"CANARY" in file.read_bytes() for file in logged_in.state.iterdir())


def only(store: Store, chat: User, message_id: int) -> Message:
    message = store.message(chat.id, message_id)
    assert message is not None
    return message
