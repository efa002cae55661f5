"""Edit: words of the owner's own go out as he wrote them, and only those that answer the bot's question."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.desks.control.edits import Edits
from bot.tables import migrations
from exporter.storing.store import open_store
from tests.bot.conftest import CONTACTS
from tests.bot.control_scene import a_card, cards, control, data, press, press_stale, said, settings


@pytest.fixture
def more_settings(sandbox, world):
    return settings(sandbox, world, CONTACTS)


def questions(at):
    return [message for message in said(at) if message.text.startswith("Reply to this message")]


async def ask(at, card):
    before = len(questions(at))
    await press(at, card, "Edit")
    return (await at.until(lambda: questions(at)[before:]))[0]


async def test_only_a_reply_to_the_question_is_sent_and_exactly_as_written(at):
    anna, bot = at.person("Anna"), control(at)
    at.say(at.owner, bot, "/start")
    async with at.running():
        card = await a_card(at)
        question = await ask(at, card)
        asked = [call.request for call in at.world.calls if call.method == "bot.sendMessage"][-1]
        assert json.loads(asked["reply_markup"]) == {"force_reply": True, "input_field_placeholder": "yes"}
        assert "Anna" in question.text and question.text.endswith("yes") and question.entities[0].kind == "code"
        at.say(at.owner, bot, "a note to myself")
        at.say(at.owner, bot, "and one to the card", reply_to=card)
        at.say(at.owner, bot, "/status", reply_to=question)
        await at.until(lambda: sum("went to nobody" in message.text for message in said(at)) == 2)
        await at.until(lambda: any("auto: Boris" in message.text for message in said(at)))
        assert at.from_owner(anna) == []
        at.say(at.owner, bot, "Tomorrow,  *at* 8 <b>!\n\nyes?", reply_to=question)
        await at.until(lambda: "Sent your own words" in card.text)
        assert at.from_owner(anna) == ["Tomorrow,  *at* 8 <b>!\n\nyes?"]
        await at.until(lambda: not questions(at))


async def test_a_pending_edit_survives_a_restart(at):
    anna, bot = at.person("Anna"), control(at)
    at.say(at.owner, bot, "/start")
    async with at.running():
        question = await ask(at, await a_card(at))
    at.say(at.owner, bot, "written while you slept", reply_to=question)
    async with at.running():
        await at.until(lambda: at.from_owner(anna) == ["written while you slept"])
        at.say(at.owner, bot, "and this is a stray one")
        await at.until(lambda: "went to nobody" in said(at)[-1].text)
        assert len(at.from_owner(anna)) == 1


async def test_words_for_a_chat_that_moved_on_are_not_sent(at):
    anna, bot = at.person("Anna"), control(at)
    at.say(at.owner, bot, "/start")
    async with at.running():
        card = await a_card(at)
        old, question = data(card, "Edit"), await ask(at, card)
        await a_card(at, "never mind")
        at.say(at.owner, bot, "too slow", reply_to=question)
        await at.until(lambda: said(at)[-1].text == "Outdated: nothing was sent.")
        assert (await press_stale(at, cards(at)[0], old)).alert
        assert at.from_owner(anna) == []


async def test_a_picture_is_no_words(at):
    bot = control(at)
    at.say(at.owner, bot, "/start")
    async with at.running():
        question = await ask(at, await a_card(at))
        at.say(at.owner, bot, "", reply_to=question)
        await at.until(lambda: "only send words" in said(at)[-1].text)
        at.say(at.owner, bot, "words", reply_to=question)
        await at.until(lambda: at.from_owner(at.person("Anna")) == ["words"])


def test_a_question_is_answered_once_and_for_a_quarter_of_an_hour(tmp_path):
    now = [datetime(2026, 3, 1, tzinfo=UTC)]
    with open_store(tmp_path / "store.db", migrations) as store:
        edits = Edits(store.database, lambda: now[0])
        edits.ask(7, 3)
        assert edits.asked(7) and not edits.asked(8)
        now[0] += timedelta(minutes=15)
        assert edits.take(7) == 3 and not edits.asked(7)
        edits.ask(7, 3)
        now[0] += timedelta(minutes=15, seconds=1)
        assert edits.asked(7), "it is known as a question that came too late"
        assert edits.take(7) is None
        edits.ask(9, 4)
        now[0] += timedelta(days=1, seconds=1)
        edits.ask(10, 4)
        assert not edits.asked(9)
