"""`python -m trainer`: what its commands print, and how they end."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from exporter.errors import ConfigError
from exporter.messages import Peer, PeerKind
from exporter.storing.store import open_store
from tests.trainer.conftest import AGREED, talk
from trainer.commands import main
from trainer.commands.preview import LARGEST, SHOWN
from trainer.models.registry import current


@pytest.fixture
def config_file(config_of, store, tmp_path):
    """A configuration file whose state folder holds the made-up history."""
    config = config_of()
    config.make_state()
    store.database.execute("vacuum into ?", [str(config.database)])
    train = config.train.model_dump(mode="json", exclude_none=True, exclude={"notes"})
    lines = [f"{key} = {json.dumps(value)}" for key, value in train.items()]
    path = tmp_path / "config.toml"
    account = [f'state = "{config.state}"', "[telegram]", "api_id = 1", 'api_hash = "0"']
    consent = ["[consent.default]", *(f"{kind} = {json.dumps([*scopes])}" for kind, scopes in AGREED.items())]
    path.write_text("\n".join([*account, *consent, "[train]", *lines]))
    return path


def call(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def test_run_reports_what_it_did_and_models_lists_it(config_file, config_of):
    ran = call("run", "--config", config_file, "--json")
    report = json.loads(ran.stdout)
    artifact = current(config_of().models)
    assert list(report) == [
        "model", "promoted", "why",
        "sessions", "tokens", "learned_tokens", "redacted", "left_out", "ended", "tokens_per_second",
        "peak_rss_mb", "bits_per_byte", "gguf",
        "adapter_bytes", "seconds",
    ]  # fmt: skip
    assert report["gguf"] == {"type": "Q8_0", "bytes": artifact.gguf.stat().st_size, "path": str(artifact.gguf)}
    assert report["bits_per_byte"]["tuned"] < report["bits_per_byte"]["base"]
    assert "Q8_0" in call("models", "--config", config_file).stdout


def test_preview_tells_what_training_would_take(config_file):
    shown = call("preview", "--plan", "--config", config_file).stdout
    for figure in ("tokens read", "steps", "time to train", "to warm up, once", "memory at its peak"):
        assert figure in shown
    assert "To make it fit" not in shown


def test_preview_counts_by_chat_and_shows_what_is_learned(config_file):
    shown = call("preview", "--config", config_file).stdout
    assert "Ben" in shown and "Club" in shown and "all" in shown
    assert "<|im_start|>Ann\nyep<filename>why<|im_end|>" in shown


def test_preview_of_many_chats_has_a_line_for_the_largest_and_three_rows(config_file, config_of):
    with open_store(config_of().database) as store:
        friends = [Peer(100 + number, PeerKind.USER, f"Friend {number:02}") for number in range(30)]
        store.save_peers(friends)
        store.add(replace(one, chat_id=friend.peer_id) for friend in friends for one in talk(sessions=3))
    shown = call("preview", "--config", config_file).stdout
    assert shown.count("Friend") == LARGEST - 2 and "12 chats more" in shown
    assert shown.count("<|im_start|>system") == SHOWN


def test_preview_tells_what_is_hidden_and_what_is_left_out(config_file, config_of, tmp_path):
    with open_store(config_of().database) as store:
        store.add(replace(message, text="+7 916 123-45-67") for message in talk() if message.text == "why")
    text = config_file.read_text()
    config_file.write_text(f'{text}\nnotes = ["{tmp_path}/none/*.md"]\n')
    shown = call("preview", "--config", config_file).stdout
    assert "40 phones" in shown and "916" not in shown and "are known with a + before them" in shown
    assert f"{tmp_path}/none/*.md:nosuchfile" in "".join(shown.split())
    assert "Rows by length" in shown and "█" in shown and "1,024 tokens" in shown


def test_looking_around_loads_no_torch(config_file):
    script = (
        "import sys; from click.testing import CliRunner; from trainer.commands import main;"
        f"CliRunner().invoke(main, ['models', '--config', {str(config_file)!r}], catch_exceptions=False);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_help_is_not_cut_and_what_is_not_installed_is_said(config_file):
    assert "..." not in call("--help").stdout.partition("Commands:")[2]
    script = "import sys; sys.modules['transformers'] = None; from exporter.cli import run; run('trainer.commands')"
    command = [sys.executable, "-c", script, "preview", "--config", str(config_file)]
    told = subprocess.run(command, check=False, capture_output=True, text=True).stderr
    assert "the package transformers" in told and "pip install -e '.[train]'" in told


def test_what_one_process_does_is_refused_to_many_and_one_of_them_speaks(config_file, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ConfigError, match="2 processes, and `continue` is done by one") as caught:
        call("continue", "--config", config_file)
    assert caught.value.fix.endswith("python -m trainer continue")
    monkeypatch.setenv("RANK", "1")
    silent = call("continue", "--config", config_file)
    assert (silent.exit_code, silent.output) == (2, "")


def test_no_double_yet_is_said_in_words(config_file):
    assert "run `python -m trainer run`" in call("models", "--config", config_file).stdout


def test_a_problem_is_one_line_and_its_fix_another(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(f'state = "{tmp_path / "state"}"\n[telegram]\napi_id = 1\napi_hash = "0"\n')
    ended = subprocess.run(
        [sys.executable, "-m", "trainer", "--config", str(path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-2:] == [
        "problem: there is no history yet",
        "fix: sync more chats (`[sync]` in the configuration, then `python -m exporter`), or import an export",
    ]


def test_ctrl_c_ends_it_cleanly_and_the_next_run_goes_on(config_file):
    command = [sys.executable, "-m", "trainer", "run", "--config", str(config_file)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    for line in running.stderr:
        if line.startswith("train: ") and "loss" in line:
            running.send_signal(signal.SIGINT)
            break
    rest = running.stderr.read()
    assert running.wait() == 130
    assert rest.splitlines()[-1].startswith("Interrupted.") and "Traceback" not in rest
    assert call("run", "--config", config_file).exit_code == 0
