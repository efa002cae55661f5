"""The whole way in one process: a Telegram, a login, a history, a training, a GGUF, and a double that answers."""

import asyncio
import json

import pytest

pytest.importorskip("torch", reason="training is not installed: pip install -e '.[train]'")

from bot.app import serve
from bot.composing.voice import speaking
from bot.tables import migrations
from exporter.account.connection import connect
from exporter.account.login import login
from exporter.pulling.sync import sync
from exporter.settings.config import load
from exporter.storing.store import open_store
from sandbox.world import LOGIN_CODE, World
from tests.bot.seeded import seeded
from tests.sandbox_fixtures import account_settings, agreed
from tests.trainer.conftest import BEN, OWNER, talk, tiny_base  # noqa: F401  (a fixture)
from trainer import pipeline

PULLED = [message for message in talk() if message.chat_id == BEN.peer_id]


@pytest.fixture
def world():
    world = World()
    world.own(world.person(OWNER.name))
    ben = world.person(BEN.name)
    for message in PULLED:
        sender, receiver = (world.owner, ben) if message.outgoing else (ben, world.owner)
        world.say(sender, receiver, message.text, date=message.sent_at.timestamp(), silent=True)
    return world


@pytest.fixture
def config(world, sandbox, tiny_base, tmp_path):  # noqa: F811
    file = tmp_path / "config.toml"
    file.write_text(
        f"""{account_settings(sandbox, tmp_path / "state")}
[sync]
kinds = ["private"]
requests_per_second = 0
[train]
base = {json.dumps(str(tiny_base))}
epochs = 6
learning_rate = 0.02
batch_tokens = 256
rank = 4
[reply]
auto = ["{BEN.name}"]
pace = 0.01
temperature = 0.5
disclosure = "none"
limits = {{ quiet_hours = "", topics = [], likelihood = 0 }}
""",
        "utf-8",
    )
    return load(file, environ={})


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  (what is waited for lies in several programs)
            await asyncio.sleep(0.01)


async def test_from_a_login_to_an_answer(world, config):
    ben = next(user for user in world.users.values() if user.name == BEN.name)

    def answers():
        said = world.conversation(ben, world.owner).newest_first(ben)
        return [message.text for message in said if message.sender is world.owner][: -sum(m.outgoing for m in PULLED)]

    await login(config, ask=lambda question: LOGIN_CODE, ask_hidden=str)
    with open_store(config.database, migrations) as store:
        async with connect(config) as client:
            assert (await sync(client, store, config.sync, agreed(store))).new == len(PULLED)
        artifact = pipeline.run(config, store)
        lines = []
        async with speaking(artifact, config, store, random=seeded(1)) as voice:
            bot = asyncio.create_task(serve(config, store, voice, lines.append))
            await until(lambda: bot.done() or lines)
            assert answers() == []
            world.say(ben, world.owner, "are you there on day 41?")
            await until(lambda: bot.done() or any("answered" in line for line in lines))
            bot.cancel()
            await asyncio.wait([bot])
    assert answers() and set(answers()) <= {"yep", "why", "ok"}
    methods = [call.method for call in world.calls if call.user_id == world.owner.id]
    assert methods.index("messages.readHistory") < methods.index("messages.setTyping")
    assert methods.index("messages.setTyping") < methods.index("messages.sendMessage")
    assert methods.count("messages.sendMessage") == len(answers())
