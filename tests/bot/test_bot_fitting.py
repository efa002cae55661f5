"""The sampler that is fitted to the owner: how long he writes, and how seldom he repeats himself."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bot.composing.engine import open_double, open_engine
from bot.composing.fit_to_owner import LEAST, fit_to_owner
from bot.composing.fitting import Form, TooSlow, drift, fit, form, nearer
from bot.composing.sampler import Sampler
from bot.composing.samplers import Samplers
from bot.composing.voice import Voice
from bot.tables import migrations
from exporter.messages import Message, Peer, PeerKind
from exporter.rights.consent import Ledger
from exporter.settings.config import Consent
from exporter.storing.store import open_store
from tests.bot.bigram import SPEC, talker, write_artifact, write_bigram
from tests.bot.conftest import Script, said
from tests.bot.seeded import seeded
from trainer.models.artifact import read
from trainer.reading.conversations import Views

CLOSE = 2


def logits(**likely):
    """Of ten tokens."""
    every = np.full(10, -20.0, np.float32)
    for name, value in likely.items():
        every[int(name[1:])] = value
    return every


def drawn(sampler, after, said=(), times=2000):
    random = seeded(1)
    return np.bincount([sampler.draw(after, said, CLOSE, random) for _ in range(times)], minlength=10) / times


def test_a_token_is_drawn_as_often_as_it_is_likely_and_never_below_the_least_share():
    shares = drawn(Sampler(1.0), logits(t1=np.log(0.6), t2=np.log(0.38), t3=np.log(0.02)))
    assert shares[1] == pytest.approx(0.6 / 0.98, abs=0.03) and shares[3] == 0
    colder = drawn(Sampler(0.5), logits(t1=np.log(0.6), t2=np.log(0.38)))
    assert colder[1] == pytest.approx(0.6**2 / (0.6**2 + 0.38**2), abs=0.03)


def test_the_end_of_the_turn_is_given_more_with_each_token():
    sampler, after = Sampler(1.0, ending=-1.0, growing=0.5), logits(t1=0.0, t2=0.0)
    assert drawn(sampler, after)[CLOSE] == pytest.approx(1 / (1 + np.e), abs=0.03)
    assert drawn(sampler, after, said=(5, 6, 7, 8))[CLOSE] == pytest.approx(np.e / (1 + np.e), abs=0.03)


def test_a_pair_that_was_said_is_made_less_likely_and_nothing_else():
    sampler, after = Sampler(1.0, again=50.0), logits(t1=0.0, t3=0.0)
    assert drawn(sampler, after, said=(4, 3, 4))[3] == 0
    assert drawn(sampler, after, said=(4, 3, 5))[3] == pytest.approx(0.5, abs=0.05)


def test_drift_finds_by_how_much_turns_end_too_seldom():
    random = seeded(3)

    def lengths(hazard):
        """Of many replies, each of whose tokens is the last with these odds."""
        return [next(n for n in range(1, 1000) if random.random() < hazard(n)) for _ in range(3000)]

    often = drift(lengths(lambda n: 0.1), lengths(lambda n: 0.2))
    assert often[0] == pytest.approx(np.log(0.25 / (1 / 9)), abs=0.15) and often[1] == pytest.approx(0, abs=0.02)
    rising = drift(lengths(lambda n: 0.1), lengths(lambda n: 1 / (1 + np.exp(3 - 0.1 * n))))
    assert rising[1] == pytest.approx(0.1, abs=0.03) and rising[0] < 0
    same = lengths(lambda n: 0.15)
    assert drift(same, same) == pytest.approx((0, 0), abs=1e-6)
    assert np.isfinite(drift([5], [300, 1])).all()


def test_repetition_is_taken_from_as_long_as_there_is_more_of_it_than_the_owners():
    assert form([("so so so",), ("one two", "one two")], [4, 6]) == Form((4, 6), 2 / 5)
    plain = form([("a b",)], [3])
    assert nearer(Sampler(again=1.0), Form((3,), 0.1), plain).again > 1.0
    assert nearer(Sampler(again=1.0), plain, plain).again == 1.0


@pytest.fixture(scope="module")
def halting(tmp_path_factory):
    """A model that says "yes" again, or ends, either as likely."""
    path = tmp_path_factory.mktemp("halting") / "model.gguf"
    follows = talker([("yes",)])
    (word,) = follows[next(iter(follows))]
    follows[word].add(word)
    write_bigram(path, follows)
    return path


async def test_a_model_that_ends_too_early_is_brought_to_the_owners_lengths(halting):
    random = seeded(5)
    owner = Form(tuple(2 + int(random.expovariate(1 / 5)) for _ in range(60)), repeated=1.0)
    with open_engine(halting, replace(SPEC, length=90), sampler=Sampler(1.0), random=seeded(1)) as engine:
        prompt = [*engine.tokenizer.text("hi"), *engine.tokenizer.text("\n")]
        before = [one.tokens for _ in range(6) for one in await engine.replies(prompt, (), count=6)]
        fitted = await fit(engine, [prompt] * 5, owner)
        after = [one.tokens for _ in range(6) for one in await engine.replies(prompt, (), count=6)]
    assert fitted.ending < 0 and np.mean(before) < 4
    assert np.mean(after) == pytest.approx(np.mean(owner.lengths), rel=0.5), "of 36 replies, so chance has its part"


async def test_a_model_that_is_too_slow_speaks_as_before(halting):
    hours = iter(range(0, 10**9, 3600))
    with open_engine(halting, SPEC, sampler=Sampler(1.0), random=seeded(1)) as engine:
        before = engine.sampler
        with pytest.raises(TooSlow):
            await fit(engine, [engine.tokenizer.text("\n")], Form((8, 9), 1.0), clock=lambda: next(hours))
        assert engine.sampler == before


ANN, BEN = Peer(1, PeerKind.SELF, "Ann"), Peer(5, PeerKind.USER, "Ben")


async def test_a_model_is_fitted_once_and_at_each_temperature(tmp_path):
    artifact = read(write_artifact(tmp_path / "models", [("yes",), ("sure", "soon")]))
    begun, lines = artifact.card.held_out_since, []
    with open_store(tmp_path / "store.db", migrations) as store:
        store.save_peers([ANN, BEN])
        for number in range(2 * LEAST):
            at, own = begun + timedelta(hours=number), bool(number % 2)
            store.add([Message(5, number + 1, 1 if own else 5, at, own, "a longer answer of mine" if own else "well?")])
        ledger = Ledger(store.database, Consent())
        samplers = Samplers(store.database)
        await fitted_voice(artifact, store, ledger, lines)
        assert lines == [], "nobody agreed"
        ledger.grant(BEN, ["learn"], begun)
        first = await fitted_voice(artifact, store, ledger, lines)
        await fitted_voice(artifact, store, ledger, lines)
        assert first == samplers.best(artifact.card.sha256, 0.8) != Sampler(0.8)
        assert len(lines) == 2 and samplers.best(artifact.card.sha256, 0.9) == Sampler(0.9)


class Unending(Script):
    """Is never done with the replies that it is fitted by, which are ranked by nobody."""

    async def replies(self, prompt, blank, *, count):
        if not blank:
            self.begun.set()
            await asyncio.Event().wait()
        return [said(texts) for texts in self.says]


async def test_a_bot_answers_while_its_model_is_being_fitted(at, monkeypatch):
    monkeypatch.setattr("bot.composing.fit_to_owner.LEAST", 1)
    anna, boris, speaker = at.person("Anna"), at.person("Boris"), Unending()
    at.say(anna, at.owner, "well?")
    at.say(at.owner, anna, "an answer of mine")
    async with at.running(speaker):
        await at.until(speaker.begun.is_set)
        at.say(boris, at.owner, "coming?")
        assert await at.until(lambda: at.from_owner(boris)) == ["yes"]


async def fitted_voice(artifact, store, ledger, lines):
    """The sampler with which a model speaks, once a bot has begun with it."""
    voice = Voice(
        lambda one: open_double(one.card, one.gguf, forgotten=(), sampler=Sampler(0.8), random=seeded(1)),
        lambda card: Views(ANN, {}, UTC, None, {}),
    )
    await voice.exchange(artifact)
    try:
        await fit_to_owner(voice, store, ledger, lines.append, clock=lambda: datetime.now(UTC))
        return voice.model.speaker.sampler
    finally:
        await voice.close()
