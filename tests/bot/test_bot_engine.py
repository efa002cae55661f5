"""The engine over real llama.cpp: what it samples, where it stops, and that cancelling arrives."""

import asyncio
import time
from dataclasses import replace

import pytest

from bot.composing.compose import compose
from bot.composing.engine import open_double, open_engine
from bot.composing.sampler import Sampler
from bot.composing.window import Prompt
from exporter.errors import DoppelgangerError
from tests.bot.bigram import SPEC, talker, vocabulary, write_artifact, write_bigram
from tests.bot.seeded import seeded
from trainer.models.artifact import GGUFTokenizer, PromptMismatch, read
from trainer.reading.dialogue import Turn
from trainer.reading.prompt import Scene, encode, render_prompt

REPLIES = (("yes",), ("sure", "soon"), ("later",))


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return read(write_artifact(tmp_path_factory.mktemp("models"), REPLIES))


@pytest.fixture
def engine(artifact):
    with open_double(artifact.card, artifact.gguf, forgotten=(), sampler=Sampler(0.8), random=seeded(1)) as engine:
        yield engine


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """A model that says one word for ever."""
    path = tmp_path_factory.mktemp("endless") / "model.gguf"
    follows = talker([("yes",)])
    (word,) = follows[next(iter(follows))]
    write_bigram(path, {**follows, word: {word}})
    return path


def prompt_of(engine, *texts):
    turns = (Turn("Ben", False, texts),)
    ids, blank = (encode(engine.tokenizer, render_prompt(SPEC, Scene("Ann", "Ben"), told)).ids for told in (turns, ()))
    return Prompt(ids, blank, turns)


async def replies(engine, prompt, count=1):
    return await engine.replies(prompt.ids, prompt.blank, count=count)


async def reply(engine, prompt):
    (one,) = await replies(engine, prompt)
    return one


async def test_a_reply_is_split_where_the_model_put_a_separator_and_ends_by_itself(engine):
    prompt = prompt_of(engine, "are you coming?")
    said = [await reply(engine, prompt) for _ in range(20)]
    assert all(one.finished for one in said)
    assert {one.texts for one in said} == set(REPLIES)
    assert said[0].first_token_ms > 0
    assert all(0 < one.likelihood <= 1 for one in said)


async def test_several_replies_come_of_one_reading_each_with_its_own_end(engine):
    said = await replies(engine, prompt_of(engine, "are you coming?"), 6)
    assert len(said) == 6 and all(one.finished and one.texts in REPLIES for one in said)
    assert len({one.texts for one in said}) > 1
    words = engine.tokenizer.text
    assert all(one.tokens == sum(len(words(text)) + 1 for text in one.texts) for one in said), "with what ends each"
    assert all(one.likelihood == pytest.approx(one.unprompted, rel=1e-3) for one in said), "a bigram has no memory"


async def test_a_reply_without_an_end_is_cut_and_not_finished(endless):
    with open_engine(endless, replace(SPEC, length=60), sampler=Sampler(0.8), random=seeded(1)) as engine:
        prompt = prompt_of(engine, "hi")
        assert not (await reply(engine, prompt)).finished
        assert (await compose(engine, prompt, wanted=2)).bursts == ()


async def test_a_control_token_inside_a_reply_breaks_it_off(tmp_path):
    follows = talker([("yes",)])
    with open_engine_over(tmp_path, follows, stray="<|im_start|>") as engine:
        assert not (await reply(engine, prompt_of(engine, "hi"))).finished


async def test_composing_gives_different_bursts_only(engine):
    composed = await compose(engine, prompt_of(engine, "hi"), wanted=3)
    assert len(composed.bursts) == len(set(composed.bursts)) == 3


async def test_a_cancelled_reply_ends_within_a_token_and_leaves_the_model_usable(endless):
    long = replace(SPEC, length=2048)
    with open_engine(endless, long, sampler=Sampler(0.8), random=seeded(1)) as engine:
        prompt = prompt_of(engine, "hi")
        began = time.monotonic()
        await replies(engine, prompt)
        whole = time.monotonic() - began
        running = asyncio.create_task(replies(engine, prompt))
        waiting = asyncio.create_task(replies(engine, prompt))
        await asyncio.sleep(0.02)
        running.cancel()
        waiting.cancel()
        began = time.monotonic()
        await asyncio.wait([running, waiting])
        another = asyncio.create_task(replies(engine, prompt_of(engine, "another")))
        await asyncio.sleep(0.02)
        another.cancel()
        await asyncio.wait([another])
    assert time.monotonic() - began < whole / 2, "closing waits for the thread, so the thread must have stopped"


def test_a_model_that_reads_prompts_otherwise_is_refused(artifact):
    other = artifact.card.model_copy(update={"fingerprint": "0" * 16})
    with (
        pytest.raises(PromptMismatch),
        open_double(other, artifact.gguf, forgotten=(), sampler=Sampler(0.8), random=seeded(1)),
    ):
        pass


def test_a_broken_gguf_is_a_problem_with_a_fix(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF is more than four letters")
    with pytest.raises(DoppelgangerError) as caught, open_engine(path, SPEC, sampler=Sampler(0.8), random=seeded(1)):
        pass
    assert "trainer" in caught.value.fix


def open_engine_over(folder, follows, *, stray):
    token = GGUFTokenizer(vocabulary()).control(stray)
    path = folder / "model.gguf"
    (word,) = follows[next(iter(follows))]
    write_bigram(path, {**follows, word: {token}})
    return open_engine(path, SPEC, sampler=Sampler(0.8), random=seeded(1))
