"""The commands without a network: chat, status, compare, and what they say where something is missing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from bot.commands import main
from exporter.errors import ConfigError, DoppelgangerError
from exporter.messages import Message, Peer, PeerKind
from exporter.storing.store import open_store
from tests.bot.bigram import write_artifact
from tests.sandbox_fixtures import AGREED_BY_ALL
from trainer.models.artifact import PromptMismatch
from trainer.models.registry import NoModel

REPLIES = (("yes",), ("sure", "soon"))
BEGIN = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(
        f"""
state = "{tmp_path}/state"
[telegram]
api_id = 1
api_hash = "x"
[reply]
draft = ["Ben"]
{AGREED_BY_ALL}
""",
        "utf-8",
    )
    return file


@pytest.fixture
def history(config, tmp_path):
    """Ann and Ben, three exchanges after the model's held-out moment."""
    (tmp_path / "state").mkdir()
    with open_store(tmp_path / "state" / "doppelganger.db") as store:
        store.save_peers([Peer(1, PeerKind.SELF, "Ann"), Peer(5, PeerKind.USER, "Ben")])
        for day in range(3):
            at = BEGIN + timedelta(days=day)
            store.add([Message(5, 2 * day + 1, 5, at, False, f"question {day}")])
            store.add([Message(5, 2 * day + 2, 1, at + timedelta(seconds=9), True, f"answer {day}")])


@pytest.fixture
def model(tmp_path):
    return write_artifact(tmp_path / "state" / "models", REPLIES)


def call(*arguments, config, answers=None):
    result = CliRunner().invoke(main, [*arguments, "--config", str(config)], input=answers)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_one_can_talk_with_the_double_through_a_pipe(config, history, model):
    result = call("chat", "--as", "ben", config=config, answers="hi\n\nare you there?\n")
    said = [line.removeprefix("Ann: ") for line in result.stdout.splitlines()]
    assert said and set(said) <= {text for burst in REPLIES for text in burst}
    assert said[0] in {"yes", "sure"} and said[-1] in {"yes", "soon"}


def test_chat_needs_a_contact_that_exists(config, history, model):
    with pytest.raises(ConfigError):
        call("chat", "--as", "Nobody", config=config)


def test_status_says_who_speaks_with_whom(config, history, model):
    result = call("status", config=config)
    assert "draft: Ben\nauto: nobody\nopen drafts: 0\nsent today: 0" in result.stdout


def test_compare_shows_held_out_moments_beside_each_other(config, history, model):
    result = call("compare", "--count", "2", "--json", config=config)
    samples = json.loads(result.stdout.splitlines()[-1])
    assert [sample["real"] for sample in samples] == [["answer 0"], ["answer 1"]]
    assert samples[0]["context"] == ["Ben: question 0"]
    assert all(tuple(sample[key]) in REPLIES for sample in samples for key in ("base", "tuned"))


def test_compare_needs_the_base(config, history, model):
    card = json.loads((model / "card.json").read_text())
    (model / "card.json").write_text(json.dumps({**card, "base_gguf": "/nowhere/base.gguf"}))
    with pytest.raises(DoppelgangerError, match="base"):
        call("compare", config=config)


@pytest.mark.parametrize("command", [["run"], ["chat", "--as", "Ben"], ["status"], ["compare"]])
def test_without_a_model_the_fix_is_to_train_one(config, history, command):
    with pytest.raises(NoModel) as caught:
        call(*command, config=config)
    assert "python -m trainer" in caught.value.fix


@pytest.mark.parametrize("command", [["run"], ["chat", "--as", "Ben"], ["compare"]])
def test_a_model_that_reads_prompts_otherwise_says_nothing_to_anybody(config, history, model, command):
    """`run` finds it out before it connects: the address in the configuration is nowhere."""
    card = json.loads((model / "card.json").read_text())
    (model / "card.json").write_text(json.dumps({**card, "fingerprint": "0" * 16}))
    with pytest.raises(PromptMismatch, match="trained on prompts 0000000000000000") as caught:
        call(*command, config=config, answers="hi\n")
    assert "`python -m trainer run`" in caught.value.fix and "`python -m trainer models`" in caught.value.fix


@pytest.mark.parametrize("command", [[], ["run"], ["chat"], ["status"], ["compare"]])
def test_every_command_teaches(command):
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0 and len(result.output) > 200


@pytest.mark.usefixtures("history", "model")
def test_stop_and_resume_for_one_contact_and_for_all(config, tmp_path):
    assert call("stop", "Ben", config=config).output.startswith("nothing is sent to Ben any more")
    assert call("stop", config=config).output.startswith("nothing is sent to anybody any more")
    status = call("status", config=config).output
    assert "sends nothing to anybody until you say otherwise: you stopped it." in status and "nothing to Ben" in status
    assert "sends nothing to anybody" in call("resume", "Ben", config=config).output
    assert "nothing to Ben" not in call("status", config=config).output
    assert "speaks with everybody again" in call("resume", config=config).output
    assert "sends nothing" not in call("status", config=config).output


@pytest.mark.usefixtures("history", "model")
def test_resume_says_which_file_has_to_go(config, tmp_path):
    (tmp_path / "state" / "STOP").touch()
    call("stop", config=config)
    said = call("resume", config=config).output
    assert "you stopped it" not in said and f"rm {tmp_path}/state/STOP" in said
    (tmp_path / "state" / "STOP").unlink()
    assert "speaks with everybody again" in call("resume", config=config).output
