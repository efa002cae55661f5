"""A work that goes on after its command: shown live, ended by a button, told with a picture of its curves."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from bot.desks.control import api, dispatcher, progress, works
from bot.desks.control.curve import png
from bot.desks.control.progress import follow
from bot.desks.orders.order import Answer, Order, Orders
from bot.sending.refused import Wait
from exporter.progress import Step
from tests.bot.conftest import CONTACTS
from tests.bot.control_scene import control, labels, press, press_stale, said, settings


@pytest.fixture
def more_settings(sandbox, world):
    return settings(sandbox, world, CONTACTS)


class Training:
    """Goes on, on a thread, until it is told to end."""

    name = "Training"

    def __init__(self):
        self.ended, self.steps = threading.Event(), [Step("data", 100, 100), Step("train", 25, 100, "loss 2.50", 2.5)]
        self.report = None

    async def follow(self, report):
        self.report = report
        await asyncio.to_thread(self.run, report)
        return "Cancelled: nothing changed."

    def cancel(self):
        self.ended.set()
        return True

    def run(self, report):
        for step in self.steps:
            report(step)
        self.ended.wait(10)

    async def order(self, _words):
        return Answer("It begins.", work=self)


@pytest.fixture
def training(monkeypatch):
    training = Training()
    monkeypatch.setattr(progress, "EVERY", 0.02)
    built = dispatcher.build

    def with_train(desk, parts, double, orders, switch, works):
        orders = Orders((Order("train", "", "learn anew", training.order), *orders.menu))
        return built(desk, parts, double, orders, switch, works)

    monkeypatch.setattr(dispatcher, "build", with_train)
    yield training
    training.ended.set()


async def test_progress_is_one_message_that_changes_and_its_button_cancels(at, training):
    pytest.importorskip("matplotlib")
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.say(at.owner, control(at), "/train")
        shown = (await at.until(lambda: [m for m in said(at) if m.text.startswith("Training\n")]))[0]
        await at.until(lambda: "train ▓▓▓░░░░░░░░░ 25%\nloss 2.50" in shown.text)
        assert "✓ data" in shown.text and labels(shown) == ["Cancel"]
        training.report(Step("train", 50, 100, "loss 2.25", 2.25))
        await at.until(lambda: "▓▓▓▓▓▓░░░░░░ 50%" in shown.text)
        old = shown.keyboard[0][0].data
        await press(at, shown, "Cancel")
        told = await at.until(lambda: [m for m in said(at) if m.text.startswith("Cancelled")])
        assert (told[0].media.kind, told[0].media.width) == ("photo", 1000)
        await at.until(lambda: not shown.keyboard)
        assert (await press_stale(at, shown, old)).alert
        assert len([m for m in said(at) if "train" in m.text.lower()]) == 1


async def test_an_end_that_cannot_be_told_is_told_later(at, training, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(works, "AGAIN", 0.05)
    monkeypatch.setattr(api, "REST", 0.0)
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.say(at.owner, control(at), "/train")
        await at.until(lambda: [m for m in said(at) if "25%" in m.text])
        training.report(Step("train", 30, 100, "loss 2.40", 2.4))
        at.world.fault("bot.sendPhoto", drop="before", times=2)
        training.ended.set()
        await at.until(lambda: [m for m in said(at) if m.text.startswith("Cancelled") and m.media])


async def test_whoever_follows_no_more_does_not_stop_the_work_of_another(at, training):
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.say(at.owner, control(at), "/train")
        await at.until(lambda: [m for m in said(at) if "25%" in m.text])
    assert not training.ended.is_set()


async def test_a_training_is_shown_and_told_once_however_often_it_is_asked_for_and_however_soon_it_ends(at):
    """Here Telegram wants to be asked nothing for hours: the first ends soon, the second at once."""
    at.say(at.owner, control(at), "/start")
    async with at.running():
        at.world.fault("messages.getDialogs", error=(420, "FLOOD_WAIT_9999"), delay=0.3)
        at.say(at.owner, control(at), "/train")
        await at.until(lambda: [m for m in said(at) if m.text == "Training"])
        at.say(at.owner, control(at), "/train")
        at.say(at.owner, at.owner, "/train")
        await at.until(lambda: [m for m in at.saved() if "A training is under way" in m.text])
        await at.until(lambda: [m for m in said(at) if m.text.startswith("I could not train: ")])
        at.say(at.owner, control(at), "/train")
        await at.until(lambda: len([m for m in said(at) if m.text.startswith("I could not train: ")]) == 2)
        await at.quiet()
    texts = [m.text for m in said(at)]
    assert sum(text.startswith("A training is under way") for text in texts) == 1
    assert sum(text.startswith("Training") for text in texts) == 2, "one message each"
    assert sum(text.startswith("I could not train") for text in texts) == 2
    assert not any("I could not train" in m.text for m in at.saved()), "he is told where he asked"


async def test_a_message_that_cannot_be_changed_now_is_changed_later(monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.01)
    shows, training = [], Training()

    async def show(text):
        shows.append(text)
        if len(shows) == 1:
            raise Wait("RETRY_AFTER", datetime.now(UTC))
        training.report(Step("train", 100, 100))
        training.ended.set()

    async def more():
        while not shows:  # noqa: ASYNC110  (what is waited for is the message)
            await asyncio.sleep(0.005)
        training.report(Step("train", 30, 100, "loss 2.40", 2.4))

    changing = asyncio.create_task(more())
    end = await follow(training, show)
    await changing
    assert end.text.startswith("Cancelled")
    assert "25%" in shows[0] and "30%" in shows[1] and shows[-1] == "Training\n✓ data\n✓ train"


def test_a_picture_needs_two_points_and_shows_whether_there_were_checks():
    pytest.importorskip("matplotlib")
    assert png([Step("train", 1, 100, "", 2.0)]) is None
    points = [Step("train", share, 100, "", 3 - share / 100) for share in range(0, 101, 10)]
    assert png(points) == png(points)
    assert png(points) != png([Step("train", step.done, 100, "", step.loss, 1.1) for step in points])
