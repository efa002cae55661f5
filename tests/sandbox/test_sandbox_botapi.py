"""What an unmodified aiogram bot may do over the sandbox's Bot API; the world plays the owner."""

import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram import Dispatcher, F
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import CommandStart
from aiogram.types import BotCommand, BufferedInputFile, CallbackQuery, ForceReply, Message, ReplyParameters
from aiogram.utils.formatting import Bold, Text, TextLink

from sandbox.attachments import Media
from sandbox.botapi.pictures import PNG
from sandbox.values import Entity
from sandbox.world import World
from tests.sandbox.botapi_scene import Scene, a_scene, eventually, keys, polling


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with a_scene() as scene:
        yield scene


async def test_a_dispatcher_answers_a_start_and_a_press_and_edits_its_card(scene: Scene) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        await message.answer("Send it?", reply_markup=keys("Yes", "No"))

    @dispatcher.callback_query(F.data == "yes")
    async def yes(query: CallbackQuery) -> None:
        assert isinstance(query.message, Message)
        await query.message.edit_text("Sent.")
        await query.answer("Done", show_alert=True)

    async with polling(dispatcher, scene.bot):
        scene.world.say(scene.owner, scene.user, "/start")
        await eventually(lambda: len(scene.said()) == 2)
        card = scene.said()[1]
        assert (card.sender, card.text) == (scene.user, "Send it?")
        assert [[button.text for button in row] for row in card.keyboard] == [["Yes", "No"]]
        answer = await scene.world.press(scene.owner, card, "yes")
        assert (answer.text, answer.alert) == ("Done", True)
        assert (card.text, card.keyboard) == ("Sent.", ())


async def test_numbers_are_those_of_the_bots_own_box(scene: Scene) -> None:
    asked = scene.world.say(scene.owner, scene.user, "a question")
    answer = await scene.bot.send_message(
        scene.owner.id, "an answer", reply_parameters=ReplyParameters(message_id=asked.id_for(scene.user))
    )
    seen = scene.said()[-1]
    assert seen.answered() is asked
    assert (answer.message_id, seen.id_for(scene.owner)) == (2, 3)
    assert answer.reply_to_message is not None and answer.reply_to_message.text == "a question"
    await scene.bot.delete_message(scene.owner.id, answer.message_id)
    assert scene.said() == [asked]


async def test_formatting_goes_both_ways(scene: Scene) -> None:
    scene.world.say(scene.owner, scene.user, "🙂 look", entities=[Entity("text_link", 3, 4, "https://example.org/")])
    (update,) = await scene.bot.get_updates()
    assert update.message is not None and update.message.html_text == '🙂 <a href="https://example.org/">look</a>'
    words = Text("🙂 ", Bold("Bob"), " ", TextLink("there", url="https://example.org/"))
    sent = await scene.bot.send_message(scene.owner.id, **words.as_kwargs())
    assert scene.said()[-1].entities == (Entity("bold", 3, 3), Entity("text_link", 7, 5, "https://example.org/"))
    assert sent.html_text == '🙂 <b>Bob</b> <a href="https://example.org/">there</a>'


async def test_the_control_bots_token_is_a_secret_of_its_world() -> None:
    one, other = World(), World()
    assert one.control_token == one.control_token != other.control_token
    bot = one.bot_of(one.control_token)
    assert bot is not None and one.control_token.startswith(f"{bot.id}:")
    assert one.bot_of(other.control_token) is None


async def test_a_caption_is_not_a_text(scene: Scene) -> None:
    scene.world.say(scene.owner, scene.user, "look", media=Media("photo"))
    (update,) = await scene.bot.get_updates()
    assert update.message is not None
    assert (update.message.text, update.message.caption) == (None, "look")


async def test_edits_change_what_the_owner_sees(scene: Scene) -> None:
    scene.world.say(scene.owner, scene.user, "/start")
    sent = await scene.bot.send_message(scene.owner.id, "one", reply_markup=keys("Yes"))
    card, place = scene.said()[-1], {"chat_id": scene.owner.id, "message_id": sent.message_id}
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await scene.bot.edit_message_text("one", **place, reply_markup=keys("Yes"))
    await scene.bot.edit_message_reply_markup(**place, reply_markup=keys("No"))
    assert (card.text, card.keyboard[0][0].text) == ("one", "No")
    edited = await scene.bot.edit_message_text("two", **place)
    assert isinstance(edited, Message) and edited.edit_date == 1_700_000_000
    assert (card.text, card.keyboard) == ("two", ())


async def test_what_a_bot_is_told_about_itself_and_others(scene: Scene) -> None:
    me = await scene.bot.me()
    assert (me.id, me.is_bot, me.username, me.first_name) == (42, True, "a_bot", "A")
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await scene.bot.get_chat("@")
    chat = await scene.bot.get_chat("@Olga")
    assert (chat.id, chat.type, chat.first_name) == (scene.owner.id, "private", "Olga")
    menu = [BotCommand(command="stop", description="Say nothing more")]
    assert await scene.bot.set_my_commands(menu)
    assert [(command.command, command.description) for command in await scene.bot.get_my_commands()] == [
        ("stop", "Say nothing more")
    ]


async def test_typing_and_a_forced_reply_reach_the_owner(scene: Scene) -> None:
    scene.world.say(scene.owner, scene.user, "/start")
    events: list[Any] = []
    scene.world.subscribe(scene.owner, lambda event, _pts, _origin: events.append(event))
    await scene.bot.send_chat_action(scene.owner.id, "typing")
    await scene.bot.send_message(scene.owner.id, "what then?", reply_markup=ForceReply(selective=True))
    assert [type(event).__name__ for event in events] == ["Typing", "NewMessage"]


async def test_a_group_is_a_chat_of_many(scene: Scene) -> None:
    group = scene.world.group("Climbers", [scene.owner, scene.user])
    scene.world.say(scene.owner, group, "all here?")
    (update,) = await scene.bot.get_updates()
    assert update.message is not None
    assert (update.message.chat.id, update.message.chat.type, update.message.chat.title) == (
        group.key,
        "group",
        "Climbers",
    )
    with pytest.raises(TelegramBadRequest, match="can't be deleted"):
        await update.message.as_(scene.bot).delete()
    other = scene.world.group("Others", [scene.owner])
    with pytest.raises(TelegramForbiddenError, match="not a member"):
        await scene.bot.send_message(other.key, "hi")


async def test_supergroups_and_channels_are_chats_of_their_own_kinds(scene: Scene) -> None:
    club = scene.world.supergroup("Club", [scene.owner, scene.user], forum=True)
    peaks = scene.world.supergroup("Peaks", [scene.owner, scene.user], broadcast=True)
    asked = scene.world.say(scene.owner, club, "all here?")
    scene.world.say(scene.owner, club, "answer me", send_as=club)
    scene.world.say(scene.owner, peaks, "a new route")
    plain, masked, post = await scene.bot.get_updates()
    assert plain.message and masked.message and post.channel_post and masked.message.sender_chat
    assert (plain.message.chat.type, plain.message.chat.id, plain.message.message_id) == (
        "supergroup",
        club.key,
        asked.id_for(scene.owner),
    )
    assert (masked.message.from_user, masked.message.sender_chat.id) == (None, club.key)
    assert (post.channel_post.chat.type, post.channel_post.from_user) == ("channel", None)
    assert (await scene.bot.send_message(club.key, "here")).message_id == masked.message.message_id + 1
    scene.world.kick(scene.user, club)
    with pytest.raises(TelegramForbiddenError, match="not a member of the supergroup"):
        await scene.bot.send_message(club.key, "still here?")


async def test_who_may_not_be_written_to(scene: Scene) -> None:
    with pytest.raises(TelegramForbiddenError, match="can't initiate conversation"):
        await scene.bot.send_message(scene.owner.id, "hi")
    with pytest.raises(TelegramForbiddenError, match="to bots"):
        await scene.bot.send_message(scene.world.bot("43:x", "b_bot").id, "hi")
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await scene.bot.send_message(5, "hi")


async def test_what_may_not_be_said(scene: Scene) -> None:
    theirs = scene.world.say(scene.owner, scene.user, "/start")
    chat_id = scene.owner.id
    refused: list[tuple[str, Any]] = [
        ("text is empty", scene.bot.send_message(chat_id, "")),
        ("text is empty", scene.bot.send_message(chat_id, " \n ")),
        ("too long", scene.bot.send_message(chat_id, "a" * 4097)),
        ("not parse_mode", scene.bot.send_message(chat_id, "<b>a</b>", parse_mode="HTML")),
        ("BUTTON_DATA_INVALID", scene.bot.send_message(chat_id, "a", reply_markup=keys("a" * 65))),
        (
            "to be replied not found",
            scene.bot.send_message(chat_id, "a", reply_parameters=ReplyParameters(message_id=9)),
        ),
        ("to edit not found", scene.bot.edit_message_text("a", chat_id=chat_id, message_id=9)),
        ("can't be edited", scene.bot.edit_message_text("a", chat_id=chat_id, message_id=theirs.id_for(scene.user))),
        ("identifier is not specified", scene.bot.edit_message_text("a", chat_id=chat_id)),
        ("to delete not found", scene.bot.delete_message(chat_id, 9)),
        ("query is too old", scene.bot.answer_callback_query("7")),
    ]
    for words, call in refused:
        with pytest.raises(TelegramBadRequest, match=words):
            await call
    assert scene.said() == [theirs]


def a_png(width: int, height: int) -> bytes:
    """As far as anybody looks at it."""
    return PNG + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


async def test_a_picture_with_words_under_it_and_no_text_that_could_be_edited(scene: Scene) -> None:
    scene.world.say(scene.owner, scene.user, "/stats")
    picture = BufferedInputFile(a_png(800, 600), "figures.png")
    answer = await scene.bot.send_photo(scene.owner.id, picture, caption="how you write")
    seen = scene.said()[-1]
    assert (seen.text, seen.media) == (
        "how you write",
        Media("photo", mime="image/png", size=len(picture.data), width=800, height=600),
    )
    assert answer.photo is not None and (answer.photo[0].width, answer.caption) == (800, "how you write")
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await scene.bot.edit_message_text("other words", chat_id=scene.owner.id, message_id=answer.message_id)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "file must be non-empty"),
        (b"no picture at all", "IMAGE_PROCESS_FAILED"),
        (a_png(9_000, 1_001), "PHOTO_INVALID_DIMENSIONS"),
        (a_png(2_100, 100), "PHOTO_INVALID_DIMENSIONS"),
    ],
)
async def test_what_is_no_photo_for_telegram_is_refused(scene: Scene, content: bytes, problem: str) -> None:
    scene.world.say(scene.owner, scene.user, "/stats")
    with pytest.raises(TelegramBadRequest, match=problem):
        await scene.bot.send_photo(scene.owner.id, BufferedInputFile(content, "x.png"))
    with pytest.raises(TelegramBadRequest, match="caption is too long"):
        await scene.bot.send_photo(scene.owner.id, BufferedInputFile(a_png(8, 8), "x.png"), caption="x" * 1025)
