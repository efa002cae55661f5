"""A bot that retrains itself: its friends, its configuration, its training, and what it told."""

import asyncio
import json
import time
from contextlib import asynccontextmanager, suppress

from bot import app
from bot.composing.voice import speaking
from bot.desks.drafts import Drafts
from bot.tables import migrations
from exporter.storing.store import open_store
from tests.bot.seeded import seeded
from tests.trainer.conftest import BEN, OWNER, talk
from trainer.models.registry import current

LEARNED = [message for message in talk(24) if message.chat_id == BEN.peer_id]
SINCE = [message for message in talk(32) if message.chat_id == BEN.peer_id][len(LEARNED) :]
FRIENDS = ("Cleo", "Dan")


def people(world):
    """The owner, Ben and friends, with the same ids in every world."""
    world.own(world.person(OWNER.name))
    return world.owner, *(world.person(name) for name in (BEN.name, *FRIENDS))


def settings(state, base, account, more):
    return f"""{account}
[sync]
kinds = ["private"]
requests_per_second = 0
[train]
base = {json.dumps(str(more.get("base", base)))}
learning_rate = 0.02
batch_tokens = 256
epochs = {more.get("epochs", 6)}
rank = {more.get("rank", 4)}
[reply]
draft = {json.dumps(FRIENDS)}
pace = 0.01
settle_seconds = 5
temperature = 0.5
limits = {{ quiet_hours = "", topics = [], likelihood = 0 }}
{more.get("after", "")}
"""


class Living:
    """The bot of a test: its world, its training, and what it told."""

    def __init__(self, world, config):
        self.world, self.config, self.lines, self.retraining = world, config, [], None
        self.owner, self.ben, *self.friends = world.users.values()

    def saved(self):
        """What stands in Saved Messages, oldest first."""
        return [m.text for m in self.world.conversation(self.owner, self.owner).newest_first(self.owner)][::-1]

    async def until(self, condition, seconds=60):
        async with asyncio.timeout(seconds):
            while not (found := condition()):  # noqa: ASYNC110  (what is waited for lies in several programs)
                await asyncio.sleep(0.005)
        return found

    async def ended(self):
        """How the training ended, once it has, and all that it told of."""
        steps = []
        return await self.retraining.follow(steps.append), steps

    def live_on(self, *, drunk=0):
        """Ben and the owner go on talking, while nobody listens; in the first messages the owner is not himself."""
        for number, message in enumerate(SINCE):
            one, other = (self.owner, self.ben) if message.outgoing else (self.ben, self.owner)
            text = "the purple walrus sings" if message.outgoing and number < drunk else message.text
            self.world.say(one, other, text, date=message.sent_at.timestamp(), silent=True)

    @asynccontextmanager
    async def running(self):
        with open_store(self.config.database, migrations) as store:
            async with speaking(current(self.config.models), self.config, store, random=seeded(1)) as voice:
                self.voice = voice
                bot = asyncio.create_task(app.serve(self.config, store, voice, self.lines.append))
                await self.until(lambda: bot.done() or any(line.startswith("ready") for line in self.lines))
                try:
                    yield Drafts(store.database, None)
                    if bot.done():
                        bot.result()
                finally:
                    bot.cancel()
                    with suppress(asyncio.CancelledError):
                        await bot


async def proposed(bot, drafts, friend, text):
    """Seconds from a message to the proposals for it."""
    began = time.monotonic()
    message = bot.world.say(friend, bot.owner, text)
    await bot.until(lambda: any(text in card for card in bot.saved()))
    assert sum(text in card for card in bot.saved()) == 1, f"message {message.id} is answered once"
    return time.monotonic() - began
