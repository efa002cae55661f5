"""Another model is put to use while the bot runs, in a terminal or at a desk: it speaks, and nobody is forgotten."""

import asyncio
import shutil
from contextlib import asynccontextmanager

import pytest
from click.testing import CliRunner

from bot.composing.voice import speaking
from bot.running import promoted
from bot.tables import migrations
from exporter.storing.store import open_store
from tests.bot.bigram import write_artifact
from tests.bot.seeded import seeded
from tests.bot.test_bot_orders import ordered, told
from trainer.commands import main
from trainer.models.registry import current, names, promote

SLOW = 60
"""Seconds for which a busy machine is waited for."""


@pytest.fixture
def more_settings():
    return 'draft = ["Anna", "Boris"]\n'


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two, each with one word to say; the first is in use. To write one takes a second."""
    folder = tmp_path_factory.mktemp("models")
    old, _ = [write_artifact(folder, [(word,)], owner="Olive") for word in ("yes", "later")]
    promote(folder, old.name)
    return folder


@pytest.fixture
def models(at, trained, monkeypatch):
    """Their names."""
    monkeypatch.setattr(promoted, "LOOK", 0.02)
    shutil.copytree(trained, at.config.models)
    return names(at.config.models)[::-1]


@asynccontextmanager
async def running(at):
    """The bot, with what is in use."""
    with open_store(at.config.database, migrations) as store:
        voices = speaking(current(at.config.models), at.config, store, random=seeded(1))
        async with voices as voice, at.serving(store, voice) as drafts:
            yield voice, drafts


async def in_a_terminal(at, *words):
    """What `python -m trainer models` says."""
    file = str(at.config.state.parent / "config.toml")
    result = await asyncio.to_thread(CliRunner().invoke, main, ["models", *words, "--config", file])
    assert result.exit_code == 0, result.output
    return result.output


async def proposed(at, drafts, friend, text):
    """What is proposed as an answer."""
    before = max((draft.draft_id for draft in drafts.all_open()), default=0)
    at.say(friend, at.owner, text)
    draft = await at.until(lambda: (found := drafts.open_in(friend.id)) and found.draft_id > before and found, SLOW)
    await at.until(lambda: any(f"> {text}" in message.text for message in at.saved()), SLOW)
    return draft.proposals


async def test_promoted_in_a_terminal_it_speaks_and_every_message_gets_its_draft_once(at, models):
    _, new = models
    friends = at.person("Anna"), at.person("Boris")
    async with running(at) as (voice, drafts):
        words = [await proposed(at, drafts, friends[0], "question 0?")]
        promoting = asyncio.create_task(in_a_terminal(at, "promote", new))
        while voice.model.artifact.name != new or len(words) < 4:
            words.append(await proposed(at, drafts, friends[len(words) % 2], f"question {len(words)}?"))
        assert f"{new} is in use" in await promoting
        words.append(await proposed(at, drafts, friends[len(words) % 2], "the last one?"))
        assert words[0] == (("yes",),) and words[-1] == (("later",),)
        assert words == sorted(words, reverse=True), "from some message on it is the new one that speaks"
        every = [drafts.get(number) for number in range(1, len(words) + 1)]
        assert len({(draft.chat_id, draft.answers_to) for draft in every}) == len(words)
        assert drafts.get(len(words) + 1) is None


async def test_one_goes_back_in_a_terminal_and_chooses_at_a_desk(at, models):
    old, new = models
    anna = at.person("Anna")
    promote(at.config.models, new)
    async with running(at) as (voice, drafts):
        assert await proposed(at, drafts, anna, "coming?") == (("later",),)
        assert f"{old} is in use again" in await in_a_terminal(at, "rollback")
        await at.until(lambda: voice.model.artifact.name == old, SLOW)
        assert await proposed(at, drafts, anna, "and now?") == (("yes",),)
        assert await ordered(at, f"/models {new}") == f"I speak as {new} in a moment."
        await at.until(lambda: voice.model.artifact.name == new, SLOW)
        assert await proposed(at, drafts, anna, "at last?") == (("later",),)


async def test_one_that_cannot_speak_is_told_of_and_the_one_before_it_speaks_on(at, models):
    old, new = models
    (at.config.models / new / "model.gguf").write_bytes(b"nothing")
    pointer = at.config.models / "in-use.json"
    async with running(at) as (_, drafts):
        pointer.write_text(pointer.read_text().replace(old, new, 1))
        await at.until(lambda: any("cannot speak" in text and f"I speak as {old}" in text for text in told(at)), SLOW)
        assert await proposed(at, drafts, at.person("Anna"), "coming?") == (("yes",),)
