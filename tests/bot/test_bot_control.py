"""The control bot: aiogram's own dispatcher, over the sandbox's Bot API. Only the owner is heard."""

import asyncio

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.base import BaseSession
from aiogram.types import CallbackQuery, Chat, Message, Update, User

from bot.desks.control import Press, control_router, open_bot
from bot.desks.orders import Answer
from exporter.config import Control
from exporter.errors import ConfigError, DoppelgangerError
from sandbox.values import keyboard
from sandbox.world import World
from tests.bot.conftest import CONTACTS

OWNER, STRANGER = 1, 8


@pytest.fixture
def more_settings(sandbox, world: World):
    return f'{CONTACTS}[control]\ntoken = "{world.control_token}"\napi_base = "{sandbox.api_base}"\n'


def control(at):
    return at.world.bot_of(at.world.control_token)


def cards(at):
    """What the control bot shows the owner, oldest first."""
    conversation = at.world.conversation(at.owner, control(at))
    said = list(conversation.newest_first(at.owner))[::-1]
    return [message for message in said if message.sender.id == control(at).id and message.text.startswith("Anna")]


async def press_stale(at, card, data):
    """A press on a device that still shows the buttons of before."""
    now, card.keyboard = card.keyboard, keyboard([[("old", data)]])
    pressing = asyncio.ensure_future(at.world.press(at.owner, card, data))
    await asyncio.sleep(0)
    card.keyboard = now
    return await pressing


def data_of(card):
    return [button.data for row in card.keyboard for button in row]


async def test_a_press_sends_that_proposal_once_and_both_cards_say_so(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        assert [button.text for row in card.keyboard for button in row] == ["1", "2", "3", "Again", "Skip"]
        assert all(len(data.encode()) <= 64 for data in data_of(card))
        answers = await asyncio.gather(*(at.world.press(at.owner, card, data_of(card)[1]) for _ in range(2)))
        assert sorted(answer.alert for answer in answers) == [False, True], "a double tap is one choice"
        await at.until(lambda: all("Sent 2 at" in card.text for card in (cards(at)[0], at.saved()[0])))
        assert cards(at)[0].keyboard == ()
        await at.quiet()
        assert at.from_owner(anna) == ["no"]


async def test_skip_closes_the_cards_and_sends_nothing(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        await at.world.press(at.owner, card, data_of(card)[-1])
        await at.until(lambda: "Skipped" in at.saved()[0].text and "Skipped" in cards(at)[0].text)
        assert at.from_owner(anna) == []


async def test_again_puts_other_proposals_into_the_same_cards_and_old_buttons_send_nothing(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        old, at.script.says = data_of(card), [("soon",), ("on my way",), ("no idea",)]
        assert not (await at.world.press(at.owner, card, old[3])).alert
        await at.until(lambda: all("on my way" in card.text for card in (*cards(at), *at.saved())))
        answer = await press_stale(at, card, old[0])
        assert answer.alert
        await at.quiet(0.1)
        assert at.from_owner(anna) == []
        assert len(cards(at)) == len(at.saved()) == 1
        await at.world.press(at.owner, card, data_of(card)[0])
        await at.until(lambda: len(at.from_owner(anna)) == 1)
        assert at.from_owner(anna)[0] in card.text


async def test_again_twice_at_once_composes_once_and_a_new_message_ends_it(at):
    anna = at.person("Anna")
    at.say(at.owner, control(at), "/start")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.script.go_on.clear()
        again = data_of(card)[3]
        answers = [await at.world.press(at.owner, card, again) for _ in range(2)]
        assert [answer.alert for answer in answers] == [False, True]
        at.say(anna, at.owner, "well?")
        await at.until(lambda: "Outdated" in card.text)
        at.script.go_on.set()
        await at.until(lambda: len(cards(at)) == 2)
        assert [draft.version for draft in drafts.all_open()] == [1]


async def test_a_bot_that_may_not_write_yet_keeps_its_cards_until_start(at, caplog):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        await at.until(at.saved)
        await at.until(lambda: any(record.message == "control.unreachable" for record in caplog.records))
        assert cards(at) == []
        at.say(at.owner, control(at), "/start")
        await at.until(lambda: cards(at))


async def test_status_is_told_to_the_owner_and_to_nobody_else(at):
    nina, bot = at.person("Nina"), control(at)
    async with at.running():
        at.say(nina, bot, "/start")
        at.say(nina, bot, "/status")
        at.say(at.owner, bot, "/status")
        told = await at.until(lambda: [m.text for m in at.chat(at.owner, bot) if m.sender.id == bot.id])
        assert "auto: Boris" in told[0]
        assert [m for m in at.chat(nina, bot) if m.sender.id == bot.id] == []


@pytest.mark.parametrize("token", ["no token at all", "7:unknown"])
async def test_a_wrong_token_is_a_problem_with_a_fix(at, token):
    wrong = at.config.control.model_copy(update={"token": type(at.config.control.token)(token)})
    at.config = at.config.model_copy(update={"control": wrong})
    with pytest.raises(ConfigError):
        async with at.running():
            pass


class Recording(BaseSession):
    """Sends nothing, and remembers what would have been sent."""

    def __init__(self):
        super().__init__()
        self.sent = []

    async def make_request(self, bot, method, timeout=None):  # noqa: ASYNC109  (aiogram's own signature)
        self.sent.append(method)
        return True

    async def stream_content(self, *args, **kwargs):
        yield b""

    async def close(self):
        pass


class Choices:
    """The double, as far as a desk may ask it for anything."""

    def __init__(self):
        self.asked = []

    def approve(self, draft_id, number, *, version):
        self.asked.append((draft_id, number))
        return True

    async def skip(self, draft_id, *, version):
        self.asked.append((draft_id, "skip"))
        return True

    async def obey(self, said):
        return Answer("fine")

    def all_open(self):
        self.asked.append("drafts")
        return []


def message(user_id, text, chat):
    sender = User(id=user_id, is_bot=False, first_name="X")
    return Message(message_id=1, date=0, chat=chat, from_user=sender, text=text)


PRIVATE = {user_id: Chat(id=user_id, type="private") for user_id in (OWNER, STRANGER)}
GROUP = Chat(id=-5, type="group", title="Everybody")


@pytest.mark.parametrize(
    ("user_id", "chat", "heard"),
    [
        (OWNER, PRIVATE[OWNER], True),
        (STRANGER, PRIVATE[STRANGER], False),
        (OWNER, GROUP, False),
        (STRANGER, GROUP, False),
    ],
)
@pytest.mark.parametrize("what", ["/start", "/status", "press"])
async def test_strangers_cannot_command(user_id, chat, heard, what):
    double, bot = Choices(), Bot("42:TOKEN", session=Recording())
    dispatcher = Dispatcher(double=double, drafts=double, desks=None, orders=double)
    dispatcher.include_router(control_router(OWNER))
    if what == "press":
        sender = User(id=user_id, is_bot=False, first_name="X")
        data = Press(action="send", draft_id=3, version=1, number=1).pack()
        shown = message(OWNER, "a card", chat)
        query = CallbackQuery(id="1", from_user=sender, chat_instance="1", message=shown, data=data)
        update = Update(update_id=1, callback_query=query)
    else:
        update = Update(update_id=1, message=message(user_id, what, chat))
    await dispatcher.feed_update(bot, update)
    assert bool(bot.session.sent) is heard
    assert bool(double.asked) is (heard and what != "/status")


async def test_a_bot_api_that_cannot_be_reached_is_named_without_the_token(world, sandbox):
    """The MTProto port answers no HTTP; the error of the HTTP library shows the whole address."""
    wrong = Control(token=world.control_token, api_base=f"http://{sandbox.host}:{sandbox.port}")
    with pytest.raises(DoppelgangerError, match=f"at {wrong.api_base}") as caught:
        async with open_bot(wrong):
            pass
    assert world.control_token not in str(caught.value)
