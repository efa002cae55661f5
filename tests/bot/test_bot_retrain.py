"""A bot that retrains itself while friends write: nothing is lost or doubled, and only a better model takes over.

Telegram, trainings and models are real; the base is tiny and knows nothing.
"""

import asyncio
import json
import os
import shutil
import statistics
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec

import pytest

pytest.importorskip("torch", reason="training is not installed: pip install -e '.[train]'")

from bot import app
from bot.desks.control import progress
from bot.desks.orders.train import train
from bot.running import promoted, training_thread
from bot.running.retrain import ENDED, NOTHING_NEW, Retraining
from bot.tables import migrations
from exporter.account.connection import connect
from exporter.messages import Peer, PeerKind
from exporter.pulling.sync import sync
from exporter.settings.config import load
from exporter.storing.runs import alone
from exporter.storing.store import open_store
from sandbox.world import World
from tests.bot.conftest import link_of, log_in
from tests.bot.control_scene import control, said
from tests.bot.retraining_scene import FRIENDS, LEARNED, SINCE, Living, people, proposed, settings
from tests.sandbox_fixtures import account_settings, agreed
from tests.trainer.conftest import BEN, OWNER, tiny_base  # noqa: F401  (a fixture)
from trainer import pipeline
from trainer.learning.checkpoints import SEAL
from trainer.models.registry import current, in_use, names


@pytest.fixture
def world():
    world = World()
    owner, ben, *friends = people(world)
    for message in LEARNED:
        one, other = (owner, ben) if message.outgoing else (ben, owner)
        world.say(one, other, message.text, date=message.sent_at.timestamp(), silent=True)
    for friend in friends:
        world.say(friend, owner, "hi", date=LEARNED[0].sent_at.timestamp(), silent=True)
    return world


@pytest.fixture(scope="module")
def trained(tiny_base, tmp_path_factory):  # noqa: F811
    """A state folder with a model that learned for a moment what the owner said to Ben."""
    folder = tmp_path_factory.mktemp("trained")
    owner, ben, *_ = people(World())
    account = f'state = {json.dumps(str(folder))}\n[telegram]\napi_id = 1\napi_hash = "{"0" * 32}"\n'
    (folder / "config.toml").write_text(
        settings(folder, tiny_base, account + '[consent.default]\nprivate = ["learn"]\n', {"epochs": 3})
    )
    config = load(folder / "config.toml", environ={})
    ids = {OWNER.peer_id: owner.id, BEN.peer_id: ben.id}
    with open_store(config.database) as store:
        peers = (Peer(owner.id, PeerKind.SELF, OWNER.name), Peer(ben.id, PeerKind.USER, BEN.name))
        store.save_peers(peers)
        store.add(replace(one, chat_id=ben.id, sender_id=ids[one.sender_id]) for one in LEARNED)
        pipeline.run(config, store)
    return folder


@pytest.fixture
def living(world, sandbox, trained, tiny_base, tmp_path, monkeypatch):  # noqa: F811
    """Makes a bot whose model was trained, with these values under [train]."""
    monkeypatch.setattr(promoted, "LOOK", 0.02)

    async def make(**train):
        account = account_settings(sandbox, tmp_path / "state")
        (tmp_path / "config.toml").write_text(settings(tmp_path / "state", tiny_base, account, train))
        config = load(tmp_path / "config.toml", environ={})
        config.make_state()
        for folder in ("models", "base"):
            shutil.copytree(trained / folder, config.state / folder)
        log_in(sandbox, config, world.owner)
        with open_store(config.database, migrations) as store:
            async with connect(config) as client:
                await sync(client, store, config.sync, agreed(store))
            if config.control.token:
                link_of(world, store).keep()
        bot = Living(world, config)

        def remembered(*given):
            bot.retraining = Retraining(*given)
            return bot.retraining

        monkeypatch.setattr(app, "Retraining", remembered)
        return bot

    return make


async def test_it_retrains_while_friends_write_and_every_message_gets_its_draft_once(
    living, sandbox, world, monkeypatch, record_property
):
    """Begun at the control bot, where a message shows how it goes on, and a picture how it went."""
    monkeypatch.setattr(progress, "EVERY", 0.1)
    token = f'[control]\ntoken = "{world.control_token}"\napi_base = "{sandbox.api_base}"\n'
    bot = await living(epochs=5, after=token)
    before = in_use(bot.config.models)
    world.say(bot.owner, control(bot), "/start")
    async with bot.running() as drafts:
        alone_ = [await proposed(bot, drafts, bot.friends[n % 2], f"alone {n}?") for n in range(3)]
        bot.live_on()
        world.say(bot.owner, control(bot), "/train")
        await bot.until(lambda: bot.retraining.state.running)
        during, number = [], 0
        while bot.retraining.state.running:
            during.append(await proposed(bot, drafts, bot.friends[number % 2], f"during {number}?"))
            number += 1
            await asyncio.sleep(0.2)
        after, outcome = in_use(bot.config.models), bot.retraining.state.outcome
        assert after != before and outcome.startswith(f"I have learned from you anew, and speak as {after}")
        (end,) = await bot.until(lambda: [message for message in said(bot) if message.text == outcome])
        assert bool(end.media) == bool(find_spec("matplotlib"))
        edits = [call.request["text"] for call in world.calls if call.method == "bot.editMessageText"]
        assert len({text for text in edits if text.startswith("Training\n") and "▓" in text}) > 1
        assert sum(message.text.startswith("Training\n") for message in said(bot)) == 1, "it is one that changes"
        await bot.until(lambda: bot.voice.model.artifact.name == after)
        await proposed(bot, drafts, bot.friends[0], "afterwards?")
        assert not any(outcome in text for text in bot.saved()), "he is told where he asked"
        assert len(drafts.all_open()) == len(FRIENDS) and during
    card = current(bot.config.models).card
    assert card.parent == before and bot.ben.id in card.chats
    record_property("seconds alone, while it trains", (statistics.median(alone_), statistics.median(during)))


async def test_what_makes_a_worse_model_changes_nothing_and_the_owner_is_told_why(living):
    """Ordered in Saved Messages, and told there, once. It learns anew, for less long, and from worse words."""
    bot = await living(rank=2, epochs=2)
    before = in_use(bot.config.models)
    async with bot.running() as drafts:
        bot.live_on(drunk=len(SINCE) // 2)
        bot.world.say(bot.owner, bot.owner, "/train")
        await bot.until(lambda: any("I look for what was said since, and learn from it." in one for one in bot.saved()))
        (told,) = await bot.until(lambda: [text for text in bot.saved() if "I have learned" in text], 100)
        (worse,) = set(names(bot.config.models)) - {before}
        assert f"I have learned from you anew, but speak as before, for {worse} does not pass: worse than" in told
        assert "bits per byte of the words that you said since" in told
        await asyncio.sleep(10 * promoted.LOOK)
        assert in_use(bot.config.models) == before == bot.voice.model.artifact.name
        await proposed(bot, drafts, bot.friends[0], "still there?")


async def test_cancelled_it_ends_within_a_step_and_the_next_training_goes_on(living, monkeypatch):
    monkeypatch.setitem(pipeline.teach.__globals__["train"].fit.__kwdefaults__, "checkpoint_seconds", 0.0)
    bot = await living(epochs=12)  # much is left where it is cancelled, however late that is heard on a busy machine
    before = in_use(bot.config.models)
    async with bot.running():
        bot.live_on()
        assert (await train(bot.retraining, "cancel")).text == "No training is under way."
        assert (await train(bot.retraining, "")).text.startswith("I look for what was said since")
        assert (await train(bot.retraining, "")).text.startswith("A training is under way")
        await bot.until(lambda: (step := bot.retraining.state.step) and step.loss and step.done > 30)
        assert (await train(bot.retraining, "cancel")).text == "It ends in a moment."
        reached = bot.retraining.state.step.done
        assert (await bot.ended())[0] == ENDED
        assert names(bot.config.models) == [before] == [in_use(bot.config.models)]
        assert bot.retraining.start()
        outcome, steps = await bot.ended()
        assert "learned from you anew" in outcome
        assert min(step.done for step in steps if "loss" in step.note) > 25, f"from {reached}"
        assert bot.retraining.start()
        assert (await bot.ended())[0] == NOTHING_NEW


async def test_where_another_process_trains_or_no_training_is_possible_the_owner_is_told_why(living):
    bot = await living(base="/nowhere/at/all")
    async with bot.running() as drafts:
        bot.live_on()
        with alone(bot.config.runs):
            bot.world.say(bot.owner, bot.owner, "/train")
            await bot.until(lambda: any("another process is training" in text for text in bot.saved()))
        assert bot.retraining.start()
        told = await bot.until(lambda: [text for text in bot.saved() if "the base model /nowhere/at/all" in text])
        assert "I could not train" in told[0]
        await proposed(bot, drafts, bot.friends[0], "still there?")
        assert sum("I could not train" in text for text in bot.saved()) == 2, "each is told once"
        bot.world.say(bot.owner, bot.owner, "/status")
        await bot.until(lambda: any("tried again: " in text and text.endswith(told[0][-100:]) for text in bot.saved()))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is the whole process's")
def test_the_thread_that_trains_has_the_last_place_in_line_and_no_other_has():
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    with ThreadPoolExecutor(1, initializer=training_thread._step_back) as thread:
        assert thread.submit(niceness).result() == training_thread.NICENESS == 19
    assert niceness() == before


CHILD = """
import asyncio, sys
from pathlib import Path
from bot.running.training_thread import train
from exporter.settings.config import load
from trainer.learning.train import fit
fit.__kwdefaults__["checkpoint_seconds"] = 0.0
asyncio.run(train(load(Path(sys.argv[1]), environ={}), lambda step: None, asyncio.Event(), only_new=False))
"""


async def test_killed_in_the_middle_of_a_training_nothing_has_changed(living):
    bot = await living()
    bot.live_on()
    before = in_use(bot.config.models)
    with open_store(bot.config.database) as store:
        async with connect(bot.config) as client:
            await sync(client, store, bot.config.sync, agreed(store))
    file = bot.config.state.parent / "config.toml"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, str(file))
    await bot.until(lambda: child.returncode is not None or any(bot.config.runs.glob(f"*/checkpoints/*/{SEAL}")))
    assert child.returncode is None
    child.kill()
    await child.wait()
    assert names(bot.config.models) == [before] == [in_use(bot.config.models)]
    async with bot.running() as drafts:
        await proposed(bot, drafts, bot.friends[0], "are you well?")
        assert bot.voice.model.artifact.name == before
