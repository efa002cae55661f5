"""Two doubles on one Telegram, each in auto mode for the other's owner: they must not talk for ever."""

import pytest
import pytest_asyncio

from exporter.account.connection import connect
from exporter.pulling.sync import sync
from exporter.settings.config import load
from exporter.storing.store import open_store
from sandbox.events import NewMessage
from tests.bot.conftest import Script, Setting, log_in, settings
from tests.sandbox_fixtures import agreed

TALKATIVE = 'away_minutes = 0, present_minutes = 0, quiet_hours = "", topics = []'
LONG = [(f"this is what I wanted to say about it, part {word}",) for word in ("one", "two", "three", "four", "five")]


@pytest_asyncio.fixture
async def two(world, sandbox, tmp_path, limits):
    """Olive's bot and Boris's, each logged in and synced."""
    boris = next(user for user in world.users.values() if user.name == "Boris")
    made = []
    for owner, other in ((world.owner, "Boris"), (boris, "Olive")):
        file = tmp_path / f"{owner.name}.toml"
        told = settings(sandbox, tmp_path / owner.name, f'auto = ["{other}"]\n', TALKATIVE + limits)
        file.write_text(told, "utf-8")
        config = load(file, environ={})
        log_in(sandbox, config, owner)
        with open_store(config.database) as store:
            async with connect(config) as client:
                await sync(client, store, config.sync, agreed(store))
        setting = Setting(world, sandbox, config, Script())
        setting.owner = owner
        made.append(setting)
    return made


@pytest.mark.parametrize(
    ("limits", "replies", "reason"),
    [
        (", in_a_row = 3", LONG, "in_a_row"),
        ("", [("ok then",)], "loop"),
    ],
)
async def test_acceptance_30_the_exchange_stops_within_the_cap_and_both_owners_are_told(two, replies, reason):
    olive, boris = two
    for each in two:
        each.script.says = list(replies)
    async with olive.running(), boris.running():
        olive.say(boris.owner, olive.owner, "how are you?")
        await olive.until(lambda: olive.saved() and boris.saved(), seconds=15)
        said = len(olive.chat(olive.owner, boris.owner))
        await olive.quiet(0.5)
        assert len(olive.chat(olive.owner, boris.owner)) == said <= 13
    stopped = {decision for each in two for decision in each.decisions()}
    assert ("draft", reason) in stopped


async def test_whoever_answers_at_once_again_and_again_is_taken_for_a_machine(at):
    boris = at.person("Boris")
    at.limit(topics=(), away_minutes=0)
    at.script.says = [(f"{word} things",) for word in ("nice", "odd", "grey", "soft", "wild", "calm", "tall")]
    async with at.running():

        def answer(event, pts, origin):
            if isinstance(event, NewMessage) and event.message.sender is at.owner:
                at.say(boris, at.owner, f"{event.message.text[::-1]}, and so on")

        unsubscribe = at.world.subscribe(boris, answer)
        at.say(boris, at.owner, "how are you?")
        await at.until(at.saved)
        await at.until(lambda: at.decisions()[-1] == ("draft", "loop"))
        await at.quiet()
        unsubscribe()
    assert len(at.from_owner(boris)) == 4
