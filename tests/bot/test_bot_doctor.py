"""The doctor over the sandbox: each thing that can be wrong is made so, is named, and has a fix; nothing is changed."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from click.testing import CliRunner

from bot.commands import main
from bot.doctor.examine import examine
from bot.doctor.findings import Verdict
from bot.sending.stops import ACCOUNT, Stops
from bot.tables import migrations
from exporter.account.sealed import seal
from exporter.progress import silent
from exporter.rights.consent import Ledger
from exporter.storing.store import open_store
from tests.bot.bigram import write_artifact
from tests.bot.conftest import CONTACTS
from trainer.models.registry import current


@pytest.fixture
def more_settings(sandbox, world):
    return f'{CONTACTS}[control]\ntoken = "{world.control_token}"\napi_base = "{sandbox.api_base}"\n'


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model in use; to write one takes a second."""
    folder = tmp_path_factory.mktemp("models")
    write_artifact(folder, [("yes",)], owner="Olive")
    return folder


@pytest_asyncio.fixture
async def well(at, world, models):
    """A double with which nothing is wrong."""
    shutil.copytree(models, at.config.models)
    world.set_password(world.owner, "secret", hint="none")
    world.say(world.owner, at.person("Anna"), "just now")
    with open_store(at.config.database, migrations):
        pass
    return at


def now():
    return datetime.now(UTC)


async def look(at, clock=now):
    return await examine(at.config, at.config.state.parent / "config.toml", clock=clock, report=silent)


def of(findings, verdict):
    return {one.about: f"{one.says} | {one.fix}" for one in findings if one.verdict is verdict}


def files(at):
    return {
        path: (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in at.config.state.rglob("*")
        if path.name != "account.lock"
    }


def reply(at, **changes):
    at.config = at.config.model_copy(update={"reply": at.config.reply.model_copy(update=changes)})


async def test_of_a_double_that_is_well_every_line_says_so_and_nothing_was_changed(well):
    before = files(well)
    steps = []
    findings = await examine(well.config, well.config.state / "c.toml", clock=now, report=steps.append)
    assert of(findings, Verdict.PROBLEM) == of(findings, Verdict.UNSEEN) == {}
    assert {one.about for one in findings} >= {
        "configuration", "permissions", "model", "model file", "memory", "disk", "history", "names", "contacts",
        "stops", "lock", "account", "sessions", "password", "clock", "control bot",
    }  # fmt: skip
    assert files(well) == before, "not even a table was made"
    assert not well.calls("messages.sendMessage", "messages.readHistory", "account.updateStatus")
    assert well.world.control_token not in repr(findings) and steps[-1].done == steps[-1].total


def expose(at):
    at.config.database.chmod(0o640)


def spoil_the_card(at):
    card = current(at.config.models).folder / "card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "fingerprint": "0" * 16}))


def spoil_the_file(at):
    with current(at.config.models).gguf.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")


def teach_it_somebody_elses_words(at):
    card = current(at.config.models).folder / "card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "settings": {"learn": "Anna"}}))


def use_none(at):
    (at.config.models / "in-use.json").unlink()


def forget(at):
    with open_store(at.config.database) as store:
        store.forgotten.deny(at.person("Nina").id, [at.person("Nina").id], now())
    card = current(at.config.models).folder / "card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "chats": [at.person("Nina").id]}))


def disagree(at):
    with open_store(at.config.database) as store:
        Ledger(store.database, at.config.consent).revoke(store.peers()[at.person("Boris").id], ["reply"], now())


def erase_the_history(at):
    at.config.database.unlink()


def end_the_session(at):
    at.world.revoke(at.owner)


def lose_the_session(at):
    at.config.session.unlink()


def lose_the_server(at):
    server = at.config.telegram.server.model_copy(update={"port": 1})
    at.config = at.config.model_copy(update={"telegram": at.config.telegram.model_copy(update={"server": server})})


def mistype_the_token(at):
    at.config = at.config.model_copy(update={"control": at.config.control.model_copy(update={"token": None})})
    control = type(at.config.control)(token="12:wrong", api_base=at.config.control.api_base)
    at.config = at.config.model_copy(update={"control": control})


def give_a_passphrase(at):
    at.config = at.config.unlocked_by("several words")


WRONG = [
    (give_a_passphrase, "session", "it is in the clear | run `python -m exporter passphrase`"),
    (expose, "permissions", "doppelganger.db (mode 0640) | run `chmod go= "),
    (spoil_the_card, "model", "the model was trained on prompts 0000000000000000"),
    (spoil_the_file, "model file", "is not the file that its card describes | `python -m trainer models rollback`"),
    (teach_it_somebody_elses_words, "model", "is the double of Anna, and must not speak for you"),
    (use_none, "model", "models promote"),
    (forget, "model", "forgotten since | train a new one"),
    (disagree, "consent", "Boris is left alone, for nobody wrote down that they agree | once they agree: python -m"),
    (lambda at: reply(at, draft=("Nobody",)), "names, [reply]", "Nobody"),
    (lambda at: reply(at, auto_folder="Double"), "folders", "Double"),
    (erase_the_history, "history", "nothing is synced yet | run `python -m exporter sync`"),
    (
        end_the_session,
        "account",
        "never finished, or ended elsewhere | run `python -m exporter login`",
    ),
    (lose_the_session, "account", "not logged in | run `python -m exporter login`"),
    (mistype_the_token, "control bot", "is not accepted | copy it again from @BotFather"),
]


@pytest.mark.parametrize(("spoil", "about", "told"), WRONG)
async def test_each_thing_that_is_wrong_is_named_with_its_fix(well, spoil, about, told):
    spoil(well)
    problems = of(await look(well), Verdict.PROBLEM)
    assert list(problems) == [about] and told in problems[about]


async def test_before_the_first_sync_that_is_the_one_thing_told_of_the_history(well):
    well.config.database.unlink()
    with open_store(well.config.database, migrations) as store:
        Stops(store, well.config.stop_file, now).stop(ACCOUNT)
    findings = await look(well)
    assert list(of(findings, Verdict.PROBLEM)) == ["history"] and "stops" in of(findings, Verdict.NOTE)


async def test_without_a_network_all_that_is_here_is_looked_at(well, monkeypatch):
    monkeypatch.setattr("exporter.account.connection.CONNECTION_TRIES", 1)
    lose_the_server(well)
    findings = await look(well)
    assert "cannot be reached" in of(findings, Verdict.PROBLEM)["account"]
    assert set(of(findings, Verdict.UNSEEN)) == {"clock", "folders"} and "model file" in of(findings, Verdict.OK)


@pytest.mark.parametrize(("seconds", "said"), [(95, "95 s ahead of Telegram's: messages"), (-95, "95 s behind")])
async def test_a_clock_that_is_wrong_is_measured_against_telegrams(well, seconds, said):
    problems = of(await look(well, clock=lambda: now() + timedelta(seconds=seconds)), Verdict.PROBLEM)
    assert said in problems["clock"] and "timedatectl" in problems["clock"]


async def test_too_little_disk_or_memory_is_a_problem_with_figures(well, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 40_000_000}))
    monkeypatch.setattr("trainer.machine.free", lambda: 1_000_000)
    problems = of(await look(well), Verdict.PROBLEM)
    assert problems["disk"].startswith("40 MB free") and "quantize" in problems["memory"]


async def test_a_sealed_session_is_looked_at_and_stays_as_it_is(well, monkeypatch):
    monkeypatch.setattr("exporter.account.sealed.COST", 4)
    seal(well.config.session, "several words")
    before = files(well)
    assert "under a passphrase" in of(await look(well), Verdict.PROBLEM)["account"]
    well.config = well.config.unlocked_by("several words")
    findings = await look(well)
    assert not of(findings, Verdict.PROBLEM) and of(findings, Verdict.OK)["session"].startswith("under a passphrase")
    assert files(well) == before


async def test_beside_a_running_bot_the_account_is_left_to_it(well):
    async with well.running():
        well.world.calls.clear()
        findings = await look(well)
        assert well.calls("account.getAuthorizations") == []
    assert set(of(findings, Verdict.UNSEEN)) == {"account"} and not of(findings, Verdict.PROBLEM)
    assert "in use by process" in of(findings, Verdict.OK)["lock"]


async def test_what_is_stopped_is_no_problem_but_told_with_its_end(well):
    with open_store(well.config.database, migrations) as store:
        Stops(store, well.config.stop_file, now).stop(ACCOUNT)
    well.config.stop_file.touch()
    told = [one.fix for one in await look(well) if one.about == "stops"]
    assert told == [f"to send again: rm {well.config.stop_file}", "to send again: `python -m bot resume`"]


async def test_a_control_bot_that_nobody_linked_is_told_with_how_to_link_it(well, world):
    assert of(await look(well), Verdict.OK)["control bot"].startswith("@sandbox_control_bot, linked to you")
    with open_store(well.config.database, migrations) as store:
        store.database.execute("delete from control_link")
        store.database.conn.commit()
    assert "is not linked to you yet" in of(await look(well), Verdict.NOTE)["control bot"]
    well.config.database.unlink()
    assert "is not linked to you yet" in of(await look(well), Verdict.NOTE)["control bot"]


async def test_an_account_without_a_password_is_told_so(well, world):
    world.logins.passwords.clear()
    assert "two-step verification is off" in of(await look(well), Verdict.NOTE)["password"]


def call(*arguments):
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)])


def test_the_command_prints_a_line_each_and_exits_with_1_where_there_is_a_problem(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(f'state = "{tmp_path}/state"\n[telegram]\napi_id = 1\napi_hash = "x"\n')
    result = call("--config", file)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("ok       configuration") and "in UTC" in lines[0]
    assert any(line.startswith("problem  history") for line in lines)
    assert any(line.startswith("         fix: run `python -m exporter login`") for line in lines)
    assert lines[-1].startswith("3 problems") and not (tmp_path / "state").exists()
    told = json.loads(call("--config", file, "--json").stdout)
    assert {one["verdict"] for one in told} == {"ok", "problem", "unseen"}


@pytest.mark.parametrize("place", ["state", "state/models"])
def test_a_file_where_a_folder_has_to_be_is_told_with_its_fix_and_the_rest_is_looked_at(tmp_path, place):
    file = tmp_path / "config.toml"
    file.write_text(f'state = "{tmp_path}/state"\n[telegram]\napi_id = 1\napi_hash = "x"\n')
    (tmp_path / place).parent.mkdir(exist_ok=True, mode=0o700)
    (tmp_path / place).touch(mode=0o600)
    told = {one["about"]: one for one in json.loads(call("--config", file, "--json").stdout)}
    assert {"permissions", "model", "disk", "history", "lock", "account", "control bot"} <= told.keys()
    for about in ("model", "permissions") if place == "state" else ("model",):
        assert (told[about]["verdict"], "a file" in told[about]["says"]) == ("problem", True) and told[about]["fix"]


def test_a_configuration_that_is_wrong_is_the_one_problem(tmp_path):
    result = call("--config", tmp_path / "nowhere.toml")
    assert result.exit_code == 1 and "problem  configuration" in result.stdout and "exporter init" in result.stdout
