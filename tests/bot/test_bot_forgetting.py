"""Somebody is forgotten while the bot runs: it keeps nothing of them, speaks with them no more, and goes on."""

from datetime import UTC, datetime

import pytest

from bot.composing.engine import open_double
from bot.composing.sampler import Sampler
from bot.tables import migrations
from exporter.rights.forget import find_person, forget
from exporter.storing.store import open_store
from tests.bot.bigram import a_card
from tests.bot.seeded import seeded
from trainer.models.artifact import MODEL, LearnedFromForgotten, refuse_forgotten

CANARY = "canary7f3a"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr("bot.running.forgetting.LOOK", 0.02)


def erase(at, person):
    """As another process does."""
    with open_store(at.config.database, migrations) as store:
        forget(at.config, store, find_person(store, person.id), clock=lambda: datetime.now(UTC))


def files_with_canaries(folder):
    return [file.name for file in folder.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]


async def test_acceptance_40_a_running_bot_lets_go_of_who_is_forgotten(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.script.says = [(CANARY,)]
    async with at.running() as drafts:
        at.say(anna, at.owner, f"{CANARY}?")
        (card,) = await at.until(at.saved)
        assert drafts.all_open() and files_with_canaries(at.config.state)
        erase(at, anna)
        await at.until(lambda: None in at.script.prompts)
        assert drafts.all_open() == [] and files_with_canaries(at.config.state) == []
        at.say(anna, at.owner, f"{CANARY} again")
        at.say(at.owner, at.owner, "1", reply_to=card)
        at.script.says = [("yes",)]
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris))
        await at.quiet()
        assert at.from_owner(anna) == [] and len(at.saved()) == 2
    assert files_with_canaries(at.config.state) == []


async def test_what_is_being_composed_for_them_is_never_sent(at):
    boris = at.person("Boris")
    at.script.go_on.clear()
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.script.begun.wait()
        erase(at, boris)
        await at.until(lambda: None in at.script.prompts)
        at.script.go_on.set()
        await at.quiet()
    assert at.from_owner(boris) == [] and at.states() == []


async def test_what_was_queued_for_them_is_never_sent(at, monkeypatch):
    """Also where the bot has not noticed yet."""
    monkeypatch.setattr("bot.running.forgetting.LOOK", 60)
    boris = at.person("Boris")
    at.world.fault("messages.setTyping", delay=0.3)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(at.states)
        erase(at, boris)
        await at.quiet(0.6)
    assert at.from_owner(boris) == [] and at.states() == []


async def test_a_model_that_learned_from_them_ends_the_bot(at, monkeypatch):
    anna = at.person("Anna")
    card = a_card().model_copy(update={"people": (anna.id,)})
    monkeypatch.setattr("tests.bot.conftest.a_card", lambda: card)
    with pytest.raises(LearnedFromForgotten, match=f"{anna.id}, forgotten") as refused:
        async with at.running():
            erase(at, anna)
            await at.quiet(0.5)
    assert "python -m trainer" in refused.value.fix


def test_acceptance_40_a_model_that_learned_from_them_is_not_opened(tmp_path):
    card = a_card().model_copy(update={"chats": (5, 7), "people": (1, 5, 7, 9)})
    refuse_forgotten(card, {8})
    for forgotten in ({7}, {9}):
        with (
            pytest.raises(LearnedFromForgotten),
            open_double(card, tmp_path / MODEL, forgotten=forgotten, sampler=Sampler(0.8), random=seeded(1)),
        ):
            pass
