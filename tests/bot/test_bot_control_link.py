"""Whom the control bot hears: the owner, once he proved by a code that it is his. Everybody else gets no answer."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from aiogram.types import Update

from bot.desks.control.door import Door
from bot.desks.control.link import LENGTH
from bot.tables import migrations
from exporter.storing.store import open_store
from sandbox.errors import Refused
from tests.bot.conftest import CONTACTS, link_of
from tests.bot.control_scene import a_card, cards, control, said, settings


@pytest.fixture
def more_settings(sandbox, world):
    return settings(sandbox, world, CONTACTS)


@pytest.fixture
def unlinked(at):
    with open_store(at.config.database, migrations) as store:
        store.database.table("control_link").delete_where()
    return at


def shown(at):
    """The codes that the terminal showed."""
    return [match[1] for line in at.lines if (match := re.search(r"/start (\w+) to @", line))]


def ignored(caplog):
    return [record.count for record in caplog.records if record.message == "control.ignored"]


async def test_the_code_of_the_terminal_links_the_owner_once(unlinked):
    at, bot = unlinked, control(unlinked)
    async with at.running():
        at.say(at.person("Anna"), at.owner, "coming?")
        (code,) = await at.until(lambda: shown(at))
        await at.until(at.saved)
        assert code not in "".join(message.text for message in at.saved())
        at.say(at.owner, bot, f"/start {code}")
        await at.until(lambda: cards(at))
        assert code not in "".join(message.text for message in said(at))
    async with at.running():
        at.say(at.owner, bot, "/status")
        await at.until(lambda: "auto: Boris" in said(at)[-1].text)
        assert shown(at) == []


async def test_acceptance_37_others_wrong_codes_and_groups_get_silence_and_are_counted(unlinked, caplog):
    at, nina, bot = unlinked, unlinked.person("Nina"), control(unlinked)
    group = at.world.group("Everybody", [at.owner, nina, bot])
    async with at.running():
        (code,) = await at.until(lambda: shown(at))
        at.say(nina, bot, f"/start {code}")
        await at.until(lambda: ignored(caplog) == [1])
        at.say(at.owner, bot, "/start WRONGONE")
        await at.until(lambda: ignored(caplog) == [1, 2])
        at.say(at.owner, group, f"/start {code}")
        at.say(at.owner, bot, "/status")
        await at.until(lambda: ignored(caplog) == [1, 2, 4])
        assert [said(at, one) for one in (nina, at.owner)] == [[], []]
        at.say(at.owner, bot, code.lower())
        await at.until(lambda: said(at))
        at.say(nina, bot, "/status")
        at.say(at.owner, group, "/status")
        at.say(at.owner, bot, "/status")
        await at.until(lambda: "auto: Boris" in said(at)[-1].text)
        await at.quiet(0.1)
        assert said(at, nina) == []
        assert [m for m in at.world.conversation(at.owner, group).newest_first(at.owner) if m.sender == bot] == []
    with open_store(at.config.database, migrations) as store:
        assert store.database.table("control_link").count == 1
        assert not any(str(nina.id) == str(row["owner_id"]) for row in store.database.table("control_link").rows)


async def test_strangers_cannot_press(at, caplog):
    at.say(at.owner, control(at), "/start")
    async with at.running():
        card = await a_card(at)
        with pytest.raises(Refused, match="BOT_RESPONSE_TIMEOUT"):
            await at.world.press(at.person("Nina"), card, card.keyboard[0][0].data, timeout=0.3)
        assert ignored(caplog) == [1]
        assert at.from_owner(at.person("Anna")) == []


OWNER, STRANGER = ({"id": user_id, "is_bot": False, "first_name": "X"} for user_id in (1, 8))
PRIVATE, FOREIGN, GROUP = ({"id": 1, "type": "private"}, {"id": 8, "type": "private"}, {"id": -5, "type": "group"})


def a_message(sender, chat):
    return {"message_id": 1, "date": 0, "chat": chat, "from": sender, "text": "/start"}


def a_press(sender, message):
    return {"id": "1", "from": sender, "chat_instance": "1", "data": "draft:send:1:1:1", "message": message}


@pytest.mark.parametrize(
    ("update", "heard"),
    [
        ({"message": a_message(OWNER, PRIVATE)}, True),
        ({"callback_query": a_press(OWNER, a_message(OWNER, PRIVATE))}, True),
        ({"message": a_message(STRANGER, FOREIGN)}, False),
        ({"message": a_message(STRANGER, PRIVATE)}, False),
        ({"message": a_message(OWNER, GROUP)}, False),
        ({"message": a_message(None, GROUP)}, False),
        ({"callback_query": a_press(OWNER, a_message(OWNER, GROUP))}, False),
        ({"callback_query": a_press(STRANGER, a_message(OWNER, PRIVATE))}, False),
        ({"callback_query": a_press(OWNER, None)}, False),
        ({"edited_message": a_message(OWNER, PRIVATE)}, False),
        ({"channel_post": a_message(None, GROUP)}, False),
        ({"business_message": a_message(OWNER, PRIVATE)}, False),
        ({"business_connection": {"id": "1", "user": OWNER, "user_chat_id": 1, "date": 0, "is_enabled": True}}, False),
        ({"inline_query": {"id": "1", "from": OWNER, "query": "", "offset": ""}}, False),
    ],
)
async def test_acceptance_37_nothing_but_the_owners_own_words_and_presses_passes_the_door(update, heard):
    async def handle(_event, _data):
        passed.append(True)

    passed, door = [], Door(OWNER["id"])
    await door(handle, Update.model_validate({"update_id": 1, **update}), {})
    assert (bool(passed), door.ignored) == (heard, 0 if heard else 1)


class Terminal:
    """Shows codes, at a time that the test tells."""

    def __init__(self):
        self.now, self.lines = datetime(2026, 3, 1, tzinfo=UTC), []

    @property
    def code(self):
        return re.search(r"/start (\w+)", self.lines[-1])[1]


@pytest.fixture
def terminal(world, tmp_path):
    shown = Terminal()
    with open_store(tmp_path / "store.db", migrations) as store:
        shown.link = link_of(world, store, clock=lambda: shown.now, say=shown.lines.append)
        shown.link.offer("double_bot")
        yield shown


def test_a_code_expires_and_another_one_is_shown_when_it_is_asked_for(terminal):
    first = terminal.code
    assert len(first) == LENGTH and f"https://t.me/double_bot?start={first}" in terminal.lines[0]
    terminal.now += timedelta(minutes=15)
    assert not terminal.link.prove(f"/start {first}")
    assert len(terminal.lines) == 2 and terminal.code != first
    assert not terminal.link.prove(first)
    assert terminal.link.prove(terminal.code) and terminal.link.stands


def test_after_five_wrong_codes_the_right_one_counts_no_more(terminal):
    for _ in range(3):
        assert not terminal.link.prove("/start")  # the button alone is no try
    for _ in range(5):
        assert not terminal.link.prove("/start AAAAAAAA")
    assert not terminal.link.prove(f"/start {terminal.code}")
    assert len(terminal.lines) == 1, "the next code comes when this one has expired"
    terminal.now += timedelta(minutes=15)
    terminal.link.prove("/start")
    assert terminal.link.prove(terminal.code)


def test_another_bot_or_another_owner_is_linked_anew_and_has_no_old_cards(world, tmp_path):
    with open_store(tmp_path / "store.db", migrations) as store:
        link = link_of(world, store)
        link.keep()
        assert link.stands
        store.database.table("draft").insert(
            {"draft_id": 1, "chat_id": 5, "answers_to": 1, "proposals": "[]", "state": "open", "opened_at": 0}
        )
        store.database.table("card").insert({"draft_id": 1, "desk": "control", "message_id": 9})
        other = link_of(world, store, bot_id=9)
        assert not other.stands
        other.keep()
        assert other.stands and store.database.table("card").count == 0
        assert not link.stands, "it is one bot's at a time"
        world.own(world.person("Theo"))
        assert not link_of(world, store, bot_id=9).stands
