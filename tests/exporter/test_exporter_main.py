"""The commands as a person runs them, where no Telegram is needed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.cli import INTERRUPTED, run

ROOT = Path(__file__).resolve().parents[2]
FULL = 'open("/dev/full", "w").write("x" * 10**6)'
SMALLEST = '[telegram]\napi_id = 1\napi_hash = "canary-hash"\n'


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Run a command in a folder of its own; its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DOPPELGANGER_CONFIG", raising=False)
    umask = os.umask(0o077)

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["exporter", *arguments])
        with pytest.raises(SystemExit) as ended:
            run("exporter.commands")
        return int(ended.value.code or 0)

    yield call
    os.umask(umask)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(f'state = "{tmp_path}/state"\n{SMALLEST}')
    return file


def test_help_names_commands_and_exit_codes(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    out = capsys.readouterr().out
    assert all(
        word in out
        for word in (
            "sync",
            "follow",
            "login",
            "logout",
            "sessions",
            "chats",
            "import",
            "stats",
            "come back later",
            "130",
        )
    )
    assert "..." not in out.partition("Commands:")[2]


@pytest.mark.parametrize("arguments", [(), ("sync",), ("chats",), ("login",), ("import", "x.json")])
def test_no_configuration_is_exit_code_2(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert call(*arguments) == 2
    assert "python -m exporter init" in capsys.readouterr().err


def test_a_typo_is_exit_code_2_and_named(
    call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(SMALLEST + "[sink]\n")
    assert call() == 2
    err = capsys.readouterr().err
    assert "sink: there is no such key" in err
    assert "canary-hash" not in err


def test_a_command_that_is_mistyped_is_no_argument_of_the_default_one(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("sycn") == 2
    assert "No such command 'sycn'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("sinc",),
        ("--jason",),
        ("import",),
        ("import", "a", "b", "--as", "Anna"),
        ("--until", "9999-12-31"),
        ("--since", "0001-01-01"),
    ],
)
def test_wrong_usage_is_exit_code_2_a_problem_and_a_fix(
    call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert call(*arguments) == 2
    problem, fix = capsys.readouterr().err.splitlines()
    assert problem.startswith("problem: ") and fix.startswith("fix: see `") and fix.endswith(" --help`")


def test_a_state_folder_that_cannot_be_one_is_named(
    call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.with_name("state").write_text("a file")
    assert call("chats") == 2
    problem, fix = capsys.readouterr().err.splitlines()
    assert "state cannot be used: File exists" in problem and "`state` in the configuration" in fix


def test_a_session_that_cannot_be_opened_is_not_called_damaged(
    call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.with_name("state").joinpath("account.session").mkdir(parents=True)
    assert call() == 1
    problem, fix = capsys.readouterr().err.splitlines()
    assert "account.session: it cannot be opened" in problem and "delete" not in fix


@pytest.mark.parametrize(
    ("what", "code", "said"), [("raise KeyboardInterrupt", 130, "Interrupted."), (FULL, 1, "the disk is full")]
)
def test_what_happens_while_commands_are_loaded_ends_in_words_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str, code: int, said: str
) -> None:
    tmp_path.joinpath("doomed_commands.py").write_text(what)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run("doomed_commands")
    assert ended.value.code == code
    assert said in capsys.readouterr().err


def test_not_logged_in_is_exit_code_3(
    call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--config", str(config), "--json") == 3
    assert "python -m exporter login" in capsys.readouterr().err


def test_import_takes_several_files_and_joins_a_contact(
    call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"id": 1, "type": "message", "date_unixtime": "1714564800", "from": "Olive", "from_id": "user1", "text": "a"}
    config.with_name("result.json").write_text(
        json.dumps({"id": 7, "type": "personal_chat", "name": "Anna", "messages": [said]})
    )
    config.with_name("WhatsApp Chat with Ann.txt").write_text("1/2/24, 10:00 - Ann: canary\n1/2/24, 10:00 - Olive: b\n")
    assert call("import", "result.json", "WhatsApp Chat with Ann.txt", "--me", "Olive") == 0
    assert call("import", "WhatsApp Chat with Ann.txt", "--as", "anna") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "WhatsApp Chat with Ann.txt: 1 chat, 2 messages, 0 of them new"
    assert "canary" not in printed.out + printed.err
    assert call("chats") == 0
    shown = capsys.readouterr().out
    assert "Anna" in shown
    assert "Ann " not in shown


def test_import_then_chats(call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config.with_name("result.json")
    record = {"id": 1, "type": "message", "date_unixtime": "1714564800", "from": "Olive", "from_id": "user1"}
    chat = {"id": 7, "type": "personal_chat", "name": "Anna", "messages": [record | {"text": "canary"}, "broken"]}
    file.write_text(json.dumps(chat))
    assert call("import", "result.json") == 1
    assert "--me user1 (Olive)" in capsys.readouterr().err
    assert call("import", "result.json", "--me", "user1") == 0
    printed = capsys.readouterr()
    assert printed.out == "result.json: 1 chat, 1 message, 1 of them new\n"
    assert "1 records of result.json could not be read" in printed.err
    assert "  chat 7, record 2: not an object\n" in printed.err
    assert call("chats") == 0
    printed = capsys.readouterr()
    assert "Anna" in printed.out
    assert "canary" not in printed.out + printed.err


def test_ctrl_c_that_a_library_swallows_as_it_loads_ends_it_all_the_same(tmp_path: Path) -> None:
    lines = [
        "import os, signal",
        "try:",
        "    os.kill(os.getpid(), signal.SIGINT)",
        "except BaseException:",
        "    pass",
    ]
    tmp_path.joinpath("deaf_commands.py").write_text("\n".join(lines))
    ended = subprocess.run(
        [sys.executable, "-c", 'from exporter.cli import run; run("deaf_commands")'],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (130, f"{INTERRUPTED}\n")


def test_chats_of_an_empty_store(call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("chats") == 0
    assert "No chats are stored yet" in capsys.readouterr().out


def test_logging_out_where_nobody_is_logged_in(
    call: Callable[..., int], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("logout") == 0
    assert capsys.readouterr().out == "This account is not logged in here; nothing to do.\n"
