"""A bot in this process, on a Telegram of our own: an owner, friends, a synced history, and a model with a script."""

import asyncio
import contextlib
import sqlite3
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from bot.app import serve
from bot.composing.context import ModelFailed
from bot.composing.engine import Reply
from bot.composing.sampler import Sampler
from bot.composing.voice import Voice, reading
from bot.desks.control.link import Link
from bot.desks.drafts import Drafts
from bot.tables import migrations
from exporter.account.connection import connect
from exporter.pulling.sync import sync
from exporter.settings.config import Config, load
from exporter.settings.replying import Limits
from exporter.storing.store import open_store
from sandbox.world import World
from tests.bot.bigram import SPEC, a_card, vocabulary
from tests.sandbox_fixtures import account_settings, agreed
from trainer.models.artifact import Artifact, GGUFTokenizer

LONG_AGO = 1_700_000_000
SETTLE = 0.1
CONTACTS = 'draft = ["Anna", "Climbers"]\nauto = ["Boris"]\n'


def said(texts, likelihood=1.0):
    """A reply as a model gives it."""
    return Reply(texts, finished=True, first_token_ms=1.0, tokens=1, likelihood=likelihood, unprompted=likelihood)


class Script:
    """A speaker that says what a test wrote: all of it, in this order, whenever it is asked."""

    spec = SPEC

    def __init__(self):
        self.tokenizer = GGUFTokenizer(vocabulary())
        self.sampler = Sampler()
        self.says = [("yes",), ("no",), ("maybe", "later")]
        self.likelihood = 1.0
        self.failures = 0
        self.prompts = []
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def let_go(self):
        self.prompts.append(None)

    async def replies(self, prompt, blank, *, count):
        self.prompts.append(tuple(prompt))
        self.begun.set()
        await self.go_on.wait()
        if self.failures:
            self.failures -= 1
            raise ModelFailed(-1)
        return [said(texts, self.likelihood) for texts in self.says]


async def saying(config, store, speaker, card):
    """A voice that speaks through this."""
    voice = Voice(lambda artifact: contextlib.nullcontext(speaker), partial(reading, store, config))
    await voice.exchange(Artifact(config.models / "a model", card))
    return voice


class Setting:
    """Everything that a flow test looks at."""

    def __init__(self, world, sandbox, config, script):
        self.world, self.sandbox, self.config, self.script = world, sandbox, config, script
        self.owner = world.owner
        self.lines = []

    def person(self, name):
        return next(user for user in self.world.users.values() if user.name == name)

    def say(self, sender, receiver, text, **more):
        return self.world.say(sender, receiver, text, **more)

    def chat(self, one, other):
        """What stands between two, oldest first, since the test began."""
        said = list(self.world.conversation(one, other).newest_first(one))[::-1]
        return [message for message in said if message.date > LONG_AGO + 10_000]

    def from_owner(self, friend):
        return [m.text for m in self.chat(self.owner, friend) if m.sender.id == self.owner.id]

    def saved(self):
        return list(self.world.conversation(self.owner, self.owner).newest_first(self.owner))[::-1]

    def calls(self, *methods):
        return [call.method for call in self.world.calls if call.user_id == self.owner.id and call.method in methods]

    def states(self):
        """Of each message in the outbox: its words and what became of it."""
        with contextlib.closing(sqlite3.connect(self.config.database)) as database:
            return database.execute("select text, state from outbox order by entry_id").fetchall()

    def decisions(self):
        """Of each decision, in order: the action and its reason."""
        with contextlib.closing(sqlite3.connect(self.config.database)) as database:
            return database.execute("select action, reason from decision order by decision_id").fetchall()

    def limit(self, **limits):
        """Change what is under [reply.limits]."""
        reply = self.config.reply
        limits = Limits.model_validate({**reply.limits.model_dump(), **limits})
        self.config = self.config.model_copy(update={"reply": reply.model_copy(update={"limits": limits})})

    async def until(self, condition, seconds=10):
        async with asyncio.timeout(seconds):
            while not (found := condition()):  # noqa: ASYNC110  (what is waited for lies in several programs)
                await asyncio.sleep(0.005)
        return found

    async def quiet(self, seconds=0.3):
        """Give what must not happen the time to happen."""
        await asyncio.sleep(seconds)

    @asynccontextmanager
    async def running(self, speaker=None):
        """The bot, from ready to its clean end."""
        with open_store(self.config.database, migrations) as store:
            voice = await saying(self.config, store, speaker or self.script, a_card())
            async with self.serving(store, voice) as drafts:
                yield drafts

    @asynccontextmanager
    async def serving(self, store, voice):
        """The same, around a voice that a test brings along."""
        bot = asyncio.create_task(serve(self.config, store, voice, self.lines.append))
        await self.until(lambda: bot.done() or any(line.startswith("ready") for line in self.lines))
        if bot.done():
            bot.result()
        try:
            yield Drafts(store.database, None)
        finally:
            bot.cancel()
            await asyncio.wait([bot])
            self.lines.clear()
            if not bot.cancelled():
                bot.result()


@pytest.fixture
def world():
    world = World()
    world.own(world.person("Olive", username="olive"))
    friends = [world.person(name) for name in ("Anna", "Boris", "Nina")]
    for minute, friend in enumerate(friends):
        world.say(friend, world.owner, f"hello from {friend.name}", date=LONG_AGO + 60 * minute, silent=True)
        world.say(world.owner, friend, "hi", date=LONG_AGO + 60 * minute + 1, silent=True)
    climbers = world.group("Climbers", [world.owner, *friends])
    world.say(friends[0], climbers, "welcome", date=LONG_AGO + 600, silent=True)
    return world


@pytest.fixture
def more_settings():
    """What stands under [reply] and after it; a test may want something else."""
    return CONTACTS


def settings(sandbox, state: Path, more: str, limits: str) -> str:
    """A configuration for somebody on this sandbox, in TOML; `more` stands under [reply] and after it."""
    return f"""{account_settings(sandbox, state)}
[sync]
kinds = ["private", "group"]
requests_per_second = 0
[reply]
pace = 0.01
settle_seconds = {SETTLE / 0.01}
limits = {{ {limits} }}
disclosure = "none"
{more}
"""


def log_in(sandbox, config: Config, owner) -> None:
    """Make this person's session, as a login would."""
    config.make_state()
    session = SQLiteSession(str(config.session))
    session.set_dc(sandbox.dc_id, sandbox.host, sandbox.port)
    session.auth_key = AuthKey(sandbox.authorize(owner).auth.key)
    session.close()


@pytest.fixture
def more_limits():
    """What stands under [reply.limits]; how likely a model of two words finds them says nothing."""
    return 'quiet_hours = "", likelihood = 0'


@pytest.fixture
def config(sandbox, tmp_path: Path, more_settings: str, more_limits: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(settings(sandbox, tmp_path / "state", more_settings, more_limits), "utf-8")
    return load(file, environ={})


def link_of(world, store, *, bot_id=None, clock=lambda: datetime.now(UTC), say=None):
    """The link between the control bot and the owner."""
    bot_id = bot_id or world.bot_of(world.control_token).id
    return Link(store.database, bot_id=bot_id, owner_id=world.owner.id, clock=clock, say=say)


@pytest_asyncio.fixture
async def at(world, sandbox, config) -> Setting:
    """Logged in and synced; the bot is not running yet."""
    log_in(sandbox, config, world.owner)
    with open_store(config.database, migrations) as store:
        async with connect(config) as client:
            await sync(client, store, config.sync, agreed(store))
        if config.control.token:
            link_of(world, store).keep()
    world.calls.clear()
    return Setting(world, sandbox, config, Script())
