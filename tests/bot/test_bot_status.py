"""What the owner sees of a running double, and what its service manager hears."""

import contextlib
import os
import shutil
import socket
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from bot.deciding.guard import Concern
from bot.deciding.modes import Modes
from bot.deciding.policy import Reason
from bot.desks.drafts import Drafts
from bot.desks.reasons import why
from bot.running import trainings
from bot.running.latency import Took, answers_took, proposals_took
from bot.running.retrain import ENDED, NOTHING_NEW
from bot.running.status import status
from bot.sending.stops import Stops
from bot.tables import migrations
from exporter.rights.consent import Ledger
from exporter.storing.store import open_store
from tests.bot.bigram import a_card, write_artifact
from trainer.models.artifact import Artifact, read, write_card
from trainer.models.registry import Verdict, publish


def now():
    return datetime.now(UTC)


def screen(at, artifact=None):
    with open_store(at.config.database, migrations) as store:
        ledger, drafts = Ledger(store.database, at.config.consent), Drafts(store.database, now)
        modes = Modes(at.config, store, now)
        stops = Stops(store, at.config.stop_file, now)
        artifact = artifact or Artifact(at.config.models / "a model", a_card())
        return status(store, ledger, drafts, stops, artifact, modes, now=now(), zone=UTC)


async def test_the_screen_tells_of_today_with_reasons_and_latencies_and_holds_nobodys_words(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    assert "decided today: nothing" in screen(at) and "p50" not in screen(at)
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        await at.until(drafts.all_open)
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.states()[-1:] and at.states()[-1][1] == "sent")
    told = screen(at)
    lines = told.splitlines()
    assert lines[:4] == ["draft: Anna, Climbers", "auto: Boris", "open drafts: 1", "sent today: 1 message"]
    assert {"  1 drafted: as you chose", "  1 answered: as you chose"} <= set(lines)
    assert any(line.startswith("proposals today: after ") and line.endswith("(p95), 1 of them") for line in lines)
    assert any(line.startswith("answers today: after ") for line in lines)
    assert "coming" not in told and "yes" not in told
    with contextlib.closing(sqlite3.connect(at.config.database)) as database:
        (kept,) = database.execute("select composed_ms from draft").fetchone()
    assert 0 <= kept < 10_000


async def test_the_screen_tells_what_became_of_the_last_training(at):
    assert "last training" not in screen(at)
    first = read(write_artifact(at.config.models, [("yes",)]))
    assert screen(at, first).splitlines()[-1] == "last training: 2026-01-01 00:00, put to use"
    prepared = at.config.models / ".prepared"
    shutil.copytree(first.folder, prepared)
    write_card(prepared, a_card(created=datetime(2026, 2, 1, tzinfo=UTC)))
    second = publish(prepared, at.config.models, Verdict(passed=False, why="worse than the other"))
    said = "last training: 2026-02-01 00:00, not put to use: worse than the other"
    assert screen(at, first).splitlines()[-1] == said
    assert "in use because you chose it: worse" in screen(at, second).splitlines()[-1]


@pytest.mark.parametrize("told", [ENDED, NOTHING_NEW, "I could not train: the disk is full. I speak as before."])
async def test_the_screen_tells_of_a_training_since_that_no_model_came_of(at, told):
    made = read(write_artifact(at.config.models, [("yes",)]))
    for at_, shown in (
        (made.card.created - timedelta(days=1), ["last training: 2026-01-01 00:00, put to use"]),
        (made.card.created + timedelta(days=1), [f"tried again: 2026-01-02 00:00. {told}"]),
    ):
        with open_store(at.config.database, migrations) as store:
            trainings.keep(store.database, at_, told)
        assert screen(at, made).splitlines()[-1:] == shown


def test_half_and_nineteen_of_twenty_are_counted_from_today_alone(tmp_path):
    today = datetime(2026, 3, 1, tzinfo=UTC)
    with open_store(tmp_path / "store.db", migrations) as store:
        for at, ms in [(today - timedelta(hours=1), 90_000), *((today, 100 * count) for count in range(1, 21))]:
            Drafts(store.database, lambda at=at: at).open(5, answers_to=1, proposals=[("yes",)], composed_ms=ms)
        assert proposals_took(store.database, today) == Took(20, 1.0, 1.9)
        assert answers_took(store.database, today) is None


@pytest.mark.parametrize("reason", [*Reason, *Concern])
def test_every_reason_has_words(reason):
    assert why(reason) != reason and not why(reason).endswith(".")


def test_a_reason_of_another_version_is_told_by_its_name():
    assert why("brand_new") == "brand_new"


async def test_its_service_manager_hears_that_it_is_ready_alive_and_stopping(at, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        told = []

        def heard():
            with contextlib.suppress(BlockingIOError):
                while True:
                    told.append(systemd.recv(100).decode())
            return told

        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "80000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        async with at.running():
            await at.until(lambda: heard().count("WATCHDOG=1") > 2)
            monkeypatch.setattr("exporter.following.live.LONGEST_ROUND", -3600.0)
            await at.quiet(0.05)
            heard()
            told.append("hangs")
            await at.quiet(0.2)
        heard()
    assert told[0] in ("READY=1", "WATCHDOG=1") and told.count("READY=1") == 1
    assert told[told.index("hangs") + 1 :] == ["STOPPING=1"], "what hangs is fed no more"
