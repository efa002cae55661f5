"""Commands at the control bot: a menu that the owner alone sees, and pictures."""

import json
import time

import pytest

from bot.desks.control.answers import CAPTION
from tests.bot.conftest import CONTACTS
from tests.bot.control_scene import control, said, settings


@pytest.fixture
def more_settings(sandbox, world):
    return settings(sandbox, world, CONTACTS)


async def test_the_menu_is_shown_in_the_owners_chat_alone(at):
    async with at.running():
        (asked,) = await at.until(lambda: [c.request for c in at.world.calls if c.method == "bot.setMyCommands"])
        assert json.loads(asked["scope"]) == {"type": "chat", "chat_id": at.owner.id}
        menu = {entry["command"]: entry["description"] for entry in json.loads(asked["commands"])}
        assert {"status", "mode", "stop", "resume", "contacts", "stats", "models"} <= menu.keys()
        assert all(0 < len(what) <= 256 and name.islower() for name, what in menu.items())


async def test_stats_come_as_a_picture_with_the_figures_under_it(at):
    pytest.importorskip("matplotlib")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.say(at.owner, control(at), "/stats")
        (told,) = await at.until(lambda: [message for message in said(at) if message.media])
        assert (told.media.kind, told.media.width) == ("photo", 1000)
        assert "messages of yours" in told.text and len(told.text) <= CAPTION


async def test_where_telegram_takes_no_picture_the_words_come(at):
    pytest.importorskip("matplotlib")
    at.world.fault("bot.sendPhoto", error=(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.say(at.owner, control(at), "/stats")
        (told,) = await at.until(lambda: [message for message in said(at) if "messages of yours" in message.text])
        assert told.media is None


async def test_commands_are_obeyed_in_the_order_in_which_they_were_written(at):
    at.say(at.owner, control(at), "/start")
    async with at.running():
        await at.until(lambda: said(at))
        at.world.fault("bot.sendChatAction", delay=0.2)
        for mode in ("off", "auto", "draft"):
            at.say(at.owner, control(at), f"/mode Anna {mode}")
        await at.until(lambda: len(said(at)) == 4)
        at.say(at.owner, control(at), "/mode Anna")
        await at.until(lambda: said(at)[-1].text == "Anna: draft")


async def test_a_command_that_waited_is_not_obeyed_but_a_stop_is(at):
    at.say(at.owner, control(at), "/mode Anna auto", date=time.time() - 3)
    at.say(at.owner, control(at), "/stop Boris", date=time.time() - 3)
    async with at.running():
        told = await at.until(lambda: len(said(at)) == 2 and sorted(message.text for message in said(at)))
        assert told[0].startswith("I send nothing to Boris") and told[1].startswith("I was not there")
        at.say(at.owner, control(at), "/mode Anna")
        await at.until(lambda: said(at)[-1].text == "Anna: draft")
