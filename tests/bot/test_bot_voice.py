"""The model that speaks is exchanged: what is under way ends with the one that read it, and then it is closed."""

import asyncio
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.composing.prefix_cache import ROOM
from bot.composing.voice import Voice
from exporter.errors import DoppelgangerError
from tests.bot.bigram import a_card
from trainer.models.artifact import MODEL, Artifact


class Stage:
    """Models that can be told apart; what was opened and closed, in order."""

    def __init__(self, tmp_path):
        self.folder, self.events, self.broken, self.free = tmp_path, [], set(), None

    def model(self, name):
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / MODEL).write_bytes(b"x" * 100)
        return Artifact(self.folder / name, a_card(region=name))

    @contextmanager
    def open(self, artifact):
        if artifact.name in self.broken:
            raise DoppelgangerError("broken", fix="mend it")
        self.events.append(f"+{artifact.name}")
        yield artifact.name
        self.events.append(f"-{artifact.name}")

    def voice(self):
        return Voice(self.open, lambda card: f"views of {card.region}", free_memory=lambda: self.free)


@pytest.fixture
def stage(tmp_path: Path):
    return Stage(tmp_path)


async def settled():
    """Give every task that can go on the time to do so."""
    for _ in range(20):
        await asyncio.sleep(0.001)


async def test_who_borrowed_the_old_model_keeps_all_of_it_and_who_comes_later_gets_the_new_one(stage):
    voice = stage.voice()
    await voice.exchange(stage.model("old"))
    async with voice.borrowed() as before:
        exchange = asyncio.create_task(voice.exchange(stage.model("new")))
        while voice.model.artifact.name == "old":  # noqa: ASYNC110 - another thread loads it
            await asyncio.sleep(0.001)
        async with voice.borrowed() as after:
            assert (after.speaker, after.views, after.artifact.name) == ("new", "views of new", "new")
        await settled()
        assert (before.speaker, before.views) == ("old", "views of old")
        assert stage.events == ["+old", "+new"] and not exchange.done()
    await exchange
    assert stage.events == ["+old", "+new", "-old"]
    await voice.close()
    assert stage.events[-1] == "-new"


async def test_a_model_that_cannot_speak_leaves_the_old_one_speaking(stage):
    voice = stage.voice()
    await voice.exchange(stage.model("old"))
    stage.broken = {"new"}
    with pytest.raises(DoppelgangerError, match="broken"):
        await voice.exchange(stage.model("new"))
    async with voice.borrowed() as model:
        assert model.speaker == "old" and stage.events == ["+old"]


@pytest.mark.parametrize(("broken", "speaks"), [((), "new"), (("new",), "old")])
async def test_without_memory_for_two_and_their_prompts_the_old_one_is_closed_first_and_words_wait(
    stage, broken, speaks
):
    voice, stage.free, stage.broken = stage.voice(), ROOM + 50, set(broken)
    await voice.exchange(stage.model("old"))

    async def words():
        async with voice.borrowed() as model:
            return model.speaker

    async with voice.borrowed():
        exchange = asyncio.create_task(voice.exchange(stage.model("new")))
        await settled()
        waiting = asyncio.create_task(words())
        await settled()
        assert stage.events == ["+old"] and not waiting.done()
    assert await waiting == speaks
    await asyncio.wait([exchange])
    assert (exchange.exception() is None) == (not broken)
    assert stage.events == ["+old", "-old", f"+{speaks}"]
