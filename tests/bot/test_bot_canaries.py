"""Nothing of one chat reaches another: words that stand in one alone are looked for wherever the model reads."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from bot.composing.engine import open_double
from bot.composing.notes import Notes
from bot.composing.sampler import Sampler
from bot.tables import migrations
from exporter.rights.forget import find_person, forget
from exporter.storing.store import open_store
from sandbox.world import World
from tests.bot.bigram import vocabulary, write_artifact
from tests.bot.conftest import LONG_AGO
from tests.bot.seeded import seeded
from trainer.models.artifact import read

DAY = 86_400
FILLERS = 15
KINDS = ("memory", "note", "now")
CANARIES = {"Anna": ("gherkin", "walrus", "kiosk"), "Boris": ("turnip", "lobster", "igloo")}


def canary(name, kind):
    """A word that stands in this friend's chat alone."""
    return CANARIES[name][KINDS.index(kind)]


def exchanges(world, friend):
    """Days of small talk, with one exchange that a zebra brings to mind."""
    for day in range(FILLERS):
        asked, told = ("hello", "hi") if day != 3 else (f"zebra {canary(friend.name, 'memory')}?", "ok")
        world.say(friend, world.owner, asked, date=LONG_AGO + (day - FILLERS) * DAY, silent=True)
        world.say(world.owner, friend, told, date=LONG_AGO + (day - FILLERS) * DAY + 60, silent=True)


@pytest.fixture
def world():
    world = World()
    world.own(world.person("Olive", username="olive"))
    for name in ("Anna", "Boris"):
        exchanges(world, world.person(name))
    return world


@pytest.fixture
def more_settings():
    return 'draft = ["Anna"]\nauto = ["Boris"]\n'


class Overheard:
    """A real engine, and whatever it is given to read."""

    def __init__(self, engine):
        self.engine, self.spec, self.tokenizer, self.prompts = engine, engine.spec, engine.tokenizer, []
        self.sampler = engine.sampler

    async def let_go(self):
        await self.engine.let_go()

    async def replies(self, prompt, blank, *, count):
        self.prompts.append(vocabulary().detokenize([*prompt, *blank], special=True).decode())
        return await self.engine.replies(prompt, blank, count=1)

    def kept(self):
        """What lies in the context, or beside it."""
        prompts = self.engine._batch._cache
        return [
            vocabulary().detokenize(list(ids)).decode() for ids in (prompts._ids, *(o.ids for o in prompts._others))
        ]


@asynccontextmanager
async def speaking(at, tmp_path):
    """The bot, with a real model."""
    artifact = read(write_artifact(tmp_path / "models", [("yes",), ("sure", "soon"), ("later",)], owner="Olive"))
    with open_double(artifact.card, artifact.gguf, forgotten=(), sampler=Sampler(0.8), random=seeded(1)) as engine:
        overheard = Overheard(engine)
        async with at.running(overheard) as drafts:
            yield overheard, drafts


async def asks(at, overheard, friend, text):
    """Have a friend write, and give all prompts of his chat, once one shows it."""
    said = at.say(friend, at.owner, text).text
    await at.until(lambda: any(said in prompt for prompt in of(overheard, friend)), seconds=30)
    return of(overheard, friend)


def of(overheard, friend):
    """The prompts that were made for a friend's chat."""
    return [prompt for prompt in overheard.prompts if f"Olive and {friend.name}" in prompt]


def note(at, friend):
    with open_store(at.config.database, migrations) as store:
        notes = Notes(store.database, lambda: datetime.now(UTC), UTC)
        notes.add(f"{canary(friend.name, 'note')} until Friday", chat_id=friend.id)


def erase(at, person):
    with open_store(at.config.database, migrations) as store:
        forget(at.config, store, find_person(store, person.id), clock=lambda: datetime.now(UTC))


def found(words, friend):
    """Which of this friend's canaries stand there, and whether the name does."""
    told = {kind: canary(friend.name, kind) for kind in KINDS} | {"name": friend.name}
    return {kind for kind, word in told.items() if word in words}


async def test_no_prompt_of_one_chat_holds_anything_of_another_and_after_forgetting_none_does(
    at, tmp_path, monkeypatch
):
    monkeypatch.setattr("bot.running.forgetting.LOOK", 0.02)
    anna, boris = at.person("Anna"), at.person("Boris")
    for friend in (anna, boris):
        note(at, friend)
    async with speaking(at, tmp_path) as (overheard, _):
        for number, friend in enumerate((anna, boris, anna)):  # what one left in the engine lies there for the other
            prompts = await asks(at, overheard, friend, f"zebra, {canary(friend.name, 'now')}, {number}?")
            assert found(prompts[-1], friend) == {"memory", "note", "now", "name"}
            assert found("".join(prompts), anna if friend is boris else boris) == set()
        erase(at, anna)
        await at.until(lambda: not any(found(kept, anna) for kept in overheard.kept()))
        prompts = await asks(at, overheard, boris, "and the zebra?")
        assert found("".join(prompts), anna) == set() and found(prompts[-1], boris) == {"memory", "note", "now", "name"}
        assert all(found(kept, anna) == set() for kept in overheard.kept())
    state = [file for file in at.config.state.rglob("*") if file.is_file()]
    assert not any(canary("Anna", kind).encode() in file.read_bytes() for kind in KINDS for file in state)


async def test_what_is_usual_in_one_chat_is_foreign_in_another(at):
    """The guard learns words from the chat itself; with Anna's, it would understand this."""
    anna, boris = at.person("Anna"), at.person("Boris")
    for _ in range(4):
        at.say(anna, at.owner, "we like the quagga and the blorp so much", silent=True)
    async with at.running() as drafts:
        at.say(boris, at.owner, "quagga blorp quagga blorp")
        await at.until(lambda: drafts.open_in(boris.id))
    assert ("draft", "language") in at.decisions() and at.from_owner(boris) == []


@pytest.mark.parametrize("leak", ["ask anna", "the code is 4821", "my sister sold the blue boat to a dentist in Porto"])
async def test_what_the_model_learned_of_one_chat_is_not_proposed_in_another(at, leak):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.script.says = [("yes",), (leak,)]
    at.limit(topics=[])
    async with at.running() as drafts:
        at.say(anna, at.owner, "my sister sold the blue boat to a dentist in Porto, and the code is 4821")
        draft = await at.until(lambda: drafts.open_in(anna.id))
        assert draft.proposals == (("yes",), (leak,)), "there it is known"
        at.say(boris, at.owner, "hi")
        await at.until(lambda: at.from_owner(boris) == ["yes"])
        at.script.says = [(leak,)]
        at.say(boris, at.owner, "hello?")
        await at.until(lambda: any("nothing that the model said was fit" in line for line in at.lines))
        assert at.from_owner(boris) == ["yes"]
