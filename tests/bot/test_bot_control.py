"""The buttons of the control bot: aiogram's own dispatcher, over the sandbox's Bot API."""

import asyncio

import pytest

from bot.desks.control.api import open_bot
from bot.tables import migrations
from exporter.errors import ConfigError
from exporter.settings.config import Control
from exporter.storing.store import open_store
from tests.bot.conftest import CONTACTS
from tests.bot.control_scene import a_card, cards, control, data, labels, press, press_stale, said, settings


@pytest.fixture
def more_settings(sandbox, world):
    return settings(sandbox, world, CONTACTS)


async def test_acceptance_36_a_double_tap_and_two_devices_send_one_message(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        card = await a_card(at)
        assert labels(card) == ["Send", "1", "2", "3", "Edit", "Again", "Skip", "Mute"]
        assert all(len(button.data.encode()) <= 64 for row in card.keyboard for button in row)
        wanted = [data(card, label) for label in ("2", "2", "Send")]
        answers = await asyncio.gather(*(at.world.press(at.owner, card, one) for one in wanted))
        assert sorted(answer.alert for answer in answers) == [False, True, True]
        await at.until(lambda: all("Sent 2 at" in card.text for card in (cards(at)[0], at.saved()[0])))
        assert cards(at)[0].keyboard == ()
        await at.quiet()
        assert at.from_owner(anna) == ["no"]


async def test_send_is_the_first_proposal(at):
    at.say(at.owner, control(at), "/start")
    async with at.running():
        await press(at, await a_card(at), "Send")
        await at.until(lambda: at.from_owner(at.person("Anna")) == ["yes"])


async def test_skip_closes_the_cards_and_sends_nothing(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        await press(at, await a_card(at), "Skip")
        await at.until(lambda: "Skipped" in at.saved()[0].text and "Skipped" in cards(at)[0].text)
        assert at.from_owner(anna) == []


async def test_again_puts_other_proposals_into_the_same_cards_and_old_buttons_send_nothing(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        card = await a_card(at)
        old, at.script.says = data(card, "1"), [("soon",), ("on my way",), ("no idea",)]
        assert not (await press(at, card, "Again")).alert
        await at.until(lambda: all("on my way" in card.text for card in (*cards(at), *at.saved())))
        assert (await press_stale(at, card, old)).alert
        await at.quiet(0.1)
        assert at.from_owner(anna) == []
        assert len(cards(at)) == len(at.saved()) == 1
        await press(at, card, "1")
        await at.until(lambda: len(at.from_owner(anna)) == 1)
        assert at.from_owner(anna)[0] in card.text


async def test_again_without_another_idea_says_so_and_leaves_the_card_as_it_is(at):
    at.say(at.owner, control(at), "/start")
    async with at.running():
        card = await a_card(at)
        shown, at.script.says = card.text, [("Yes",), ("no",)]
        await press(at, card, "Again")
        await at.until(lambda: any("nothing else came to my mind" in message.text for message in said(at)))
        assert card.text == shown and labels(card)


async def test_again_twice_at_once_composes_once_and_a_new_message_ends_it(at):
    at.say(at.owner, control(at), "/start")
    async with at.running() as drafts:
        card = await a_card(at)
        at.script.go_on.clear()
        answers = [await press(at, card, "Again") for _ in range(2)]
        assert [answer.alert for answer in answers] == [False, True]
        at.say(at.person("Anna"), at.owner, "well?")
        await at.until(lambda: "Outdated" in card.text)
        at.script.go_on.set()
        await at.until(lambda: "> well?" in card.text and card.keyboard)
        assert [draft.version for draft in drafts.all_open()] == [1]


async def test_acceptance_23_once_they_edited_the_old_button_answers_outdated(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        asked = at.say(anna, at.owner, "coming?")
        card = (await at.until(lambda: cards(at)))[0]
        old = data(card, "Send")
        at.world.edit(asked, "coming on Friday?")
        fresh = (await at.until(lambda: [one for one in cards(at) if "Friday" in one.text and one.keyboard]))[0]
        answer = await press_stale(at, card, old)
        assert (answer.text, answer.alert) == ("Outdated: nothing was sent.", True)
        await at.quiet(0.1)
        assert at.from_owner(anna) == []
        assert fresh.keyboard


async def test_mute_turns_the_chat_off_and_the_card_keeps_the_way_back(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        card = await a_card(at)
        assert not (await press(at, card, "Mute")).alert
        await at.until(lambda: labels(card) == ["Back to draft"])
        assert "this chat is off now" in card.text
        at.say(anna, at.owner, "hello?")
        await at.quiet()
        assert len(cards(at)) == 1
        await press(at, card, "Back to draft")
        await at.until(lambda: labels(card) == [])
        assert "And now?" in (await a_card(at, "And now?")).text
    with open_store(at.config.database, migrations) as store:
        assert store.database.table("chosen_mode").count == 0, "as his configuration says"


async def test_a_dead_card_that_kept_its_buttons_loses_them_at_the_next_press(at):
    at.say(at.owner, control(at), "/start")
    async with at.running():
        card = await a_card(at)
        at.world.fault("bot.editMessageText", error=(400, "Bad Request: message can't be edited"))
        await press(at, card, "Skip")
        await at.until(lambda: "Skipped" in at.saved()[0].text)
        assert labels(card), "it could not be changed"
        assert (await press(at, card, "Send")).alert
        await at.until(lambda: not card.keyboard)
        assert at.from_owner(at.person("Anna")) == []


async def test_a_bot_that_may_not_write_yet_keeps_its_cards_until_start(at, caplog):
    async with at.running():
        at.say(at.person("Anna"), at.owner, "coming?")
        await at.until(at.saved)
        await at.until(lambda: any(record.message == "control.unreachable" for record in caplog.records))
        assert cards(at) == []
        at.say(at.owner, control(at), "/start")
        await at.until(lambda: cards(at))


@pytest.mark.parametrize("token", ["no token at all", "7:unknown"])
async def test_a_wrong_token_is_a_problem_with_a_fix(at, token):
    wrong = at.config.control.model_copy(update={"token": type(at.config.control.token)(token)})
    at.config = at.config.model_copy(update={"control": wrong})
    with pytest.raises(ConfigError):
        async with at.running():
            pass


async def test_a_bot_api_that_cannot_be_reached_is_named_without_the_token(world, sandbox, caplog):
    """The MTProto port answers no HTTP; the error of the HTTP library shows the whole address."""
    wrong, lines = Control(token=world.control_token, api_base=f"http://{sandbox.host}:{sandbox.port}"), []
    async with open_bot(wrong, lines.append) as bot:
        assert bot is not None, "the double does without it for now"
    assert f"cannot be reached at {wrong.api_base}" in lines[0]
    assert world.control_token not in lines[0] + caplog.text
