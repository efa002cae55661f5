"""The Bot API is away, slow, or wants to wait: the double goes on, and the cards come later."""

import asyncio

import pytest

from bot.desks import desk
from bot.desks.control import api
from tests.bot.conftest import CONTACTS
from tests.bot.control_scene import a_card, cards, control, data, press, said, settings


@pytest.fixture
def more_settings(sandbox, world):
    return settings(sandbox, world, CONTACTS)


def asked(at):
    """What the control bot asked for, beside news."""
    return [call for call in at.world.calls if call.method.startswith("bot.") and call.method != "bot.getUpdates"]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(desk, "AGAIN", 0.05)
    monkeypatch.setattr(api, "REST", 0.1)


def sends(at):
    return [call.request for call in at.world.calls if call.method == "bot.sendMessage"]


async def test_while_the_bot_api_is_away_the_double_answers_and_cards_are_owed(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.say(at.owner, control(at), "/start")
    at.world.fault("bot.sendMessage", drop="before", times=3)
    async with at.running():
        at.say(anna, at.owner, "coming?")
        at.say(boris, at.owner, "hello")
        await at.until(lambda: at.from_owner(boris))
        card = (await at.until(lambda: cards(at)))[0]
        assert len(at.saved()) == 1, "the other desk shows it once"
        await press(at, card, "2")
        await at.until(lambda: at.from_owner(anna) == ["no"])


async def test_only_one_waits_for_an_answer_that_does_not_come(at, monkeypatch):
    monkeypatch.setattr(api, "REST", 60.0)
    anna, boris = at.person("Anna"), at.person("Boris")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        card = await a_card(at)
        at.world.fault("bot.editMessageText", drop="before")
        before = len(asked(at))
        at.say(anna, at.owner, "never mind")
        await at.until(lambda: "never mind" in at.saved()[0].text)
        at.say(boris, at.owner, "hello")
        await at.until(lambda: at.from_owner(boris))
        await at.quiet(0.2)
        assert len(asked(at)) == before + 1, "while it is away, nothing more is asked"
        at.say(at.owner, control(at), "/status")
        await at.until(lambda: "never mind" in card.text)


async def test_a_start_without_the_bot_api_ends_in_silence_of_the_desk_only(at):
    boris = at.person("Boris")
    at.say(at.owner, control(at), "/start")
    at.world.fault("bot.getMe", error=(502, "Bad Gateway"), times=2)
    async with at.running():
        assert any("the Bot API cannot be reached" in line for line in at.lines)
        at.say(boris, at.owner, "hello")
        await at.until(lambda: at.from_owner(boris))
        await a_card(at)


async def test_a_flood_wait_of_the_bot_api_is_obeyed(at):
    at.say(at.owner, control(at), "/start")
    async with at.running():
        await at.until(lambda: said(at))
        at.world.fault("bot.sendMessage", error=(429, "Too Many Requests: retry after 1"))
        before = len(sends(at))
        at.say(at.person("Anna"), at.owner, "coming?")
        await at.until(lambda: len(sends(at)) > before)
        refused = asyncio.get_running_loop().time()
        await at.until(lambda: cards(at))
        assert asyncio.get_running_loop().time() - refused > 0.9
        assert len(sends(at)) == before + 2, "once refused, once sent, and nothing in between"


async def test_an_edit_that_changes_nothing_is_no_failure(at, caplog):
    at.say(at.owner, control(at), "/start")
    async with at.running() as drafts:
        card = await a_card(at)
        old = data(card, "1")
        at.world.fault("bot.editMessageText", error=(400, "Bad Request: message is not modified"))
        at.script.says = [("soon",), ("on my way",), ("no idea",)]
        await press(at, card, "Again")
        await at.until(lambda: drafts.all_open()[0].version == 2)
        await at.quiet(0.2)
        assert data(card, "1") == old, "the sandbox did not change it"
        assert not [record for record in caplog.records if vars(record).get("desk") == "control"]


async def test_a_press_counts_even_if_its_answer_comes_too_late(at, caplog):
    at.say(at.owner, control(at), "/start")
    async with at.running():
        card = await a_card(at)
        at.world.fault("bot.answerCallbackQuery", error=(400, "Bad Request: query is too old"))
        pressing = asyncio.create_task(press(at, card, "1"))
        await at.until(lambda: at.from_owner(at.person("Anna")) == ["yes"])
        await at.until(lambda: any(record.message == "control.unanswered" for record in caplog.records))
        pressing.cancel()
        await asyncio.wait([pressing])
