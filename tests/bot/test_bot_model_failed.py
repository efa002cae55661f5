"""A model that fails: the chat is silent for now, the next message is answered, and nothing ends."""

import pytest

from bot import conversation
from bot.composing.context import ModelFailed
from bot.composing.engine import open_double
from bot.composing.sampler import Sampler
from tests.bot.bigram import write_artifact
from tests.bot.seeded import seeded
from tests.bot.test_bot_engine import prompt_of, reply
from tests.bot.test_bot_saved import reply as answer
from trainer.models.artifact import read

FAILS = "The model fails again and again"


def told(at):
    return [message.text for message in at.saved() if FAILS in message.text]


async def test_what_llama_cpp_has_no_room_for_fails_and_the_next_prompt_is_read_anew(tmp_path):
    artifact = read(write_artifact(tmp_path, [("yes",)]))
    with open_double(artifact.card, artifact.gguf, forgotten=(), sampler=Sampler(0.8), random=seeded(1)) as engine:
        well = prompt_of(engine, "are you coming?")
        assert (await reply(engine, well)).texts == ("yes",)
        with pytest.raises(ModelFailed):
            await engine.replies(well.ids * 500, well.blank, count=1)
        assert (await reply(engine, well)).texts == ("yes",)


async def test_a_message_for_which_the_model_failed_is_left_alone_and_the_next_one_is_answered(at, caplog):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.script.failures = 1
    async with at.running() as drafts:
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: ("silent", "model_failed") in at.decisions())
        at.say(boris, at.owner, "hello?")
        await at.until(lambda: at.from_owner(boris) == ["yes"])
        at.say(anna, at.owner, "coming?")
        await at.until(lambda: drafts.open_in(anna.id))
    assert not told(at) and "coming?" not in caplog.text


async def test_it_is_tried_again_by_itself_and_failing_often_is_told_once(at, monkeypatch):
    monkeypatch.setattr(conversation, "TRIED_AGAIN", conversation.TRIED_AGAIN * 0)
    boris = at.person("Boris")
    at.script.failures = 6
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == ["yes"])
    assert at.decisions().count(("silent", "model_failed")) == 6 and len(told(at)) == 1


async def test_other_proposals_that_the_model_fails_at_are_none(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.script.failures = 1
        answer(at, card, "?")
        await at.until(lambda: any("nothing else came to my mind" in one.text for one in at.saved()))
        answer(at, card, "1")
        await at.until(lambda: at.from_owner(anna) == ["yes"])
