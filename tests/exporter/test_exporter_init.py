"""The command `init`: what it says and asks, and the configuration that it leaves, if it leaves one."""

import asyncio
import os
import signal
import stat
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from exporter.commands.init import _local_zone, init_command
from exporter.errors import ConfigError
from exporter.settings.config import EXAMPLE, Config, load
from exporter.settings.template import fill, toml, write_config

HASH = "0123456789abcdef0123456789abcdee"
TOKEN = "12345:" + "x" * 35
ACCOUNT = {("telegram", "api_id"): 5, ("telegram", "api_hash"): HASH}
Init = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def init(file: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Run it with answers to its questions; `secrets` stand in the environment."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    def call(*arguments: str, answers: str = "", **secrets: str) -> Result:
        command = [*arguments, "--config", str(file)]
        return CliRunner(env={"COLUMNS": "100", **secrets}).invoke(init_command, command, input=answers)

    return call


def files_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


def written(file: Path) -> Config:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert files_in(file.parent) == [file.name]
    return load(file, environ={})


def test_enter_takes_the_default_of_every_question_but_the_application(init: Init, file: Path) -> None:
    result = init(answers=f"y\n5\n{HASH}\n\n\n\n\n\n")
    assert result.exit_code == 0, result.exception
    config = written(file)
    assert (config.telegram.api_id, config.telegram.api_hash.get_secret_value()) == (5, HASH)
    assert (config.timezone, config.state) == ("Asia/Tokyo", Path.home() / ".local/share/doppelganger")
    assert (config.sync.kinds, config.consent.default, config.control.token) == ({"private"}, {}, None)
    assert (config.reply.draft, config.reply.auto) == ((), ())


def test_what_telegram_and_the_people_have_to_say_comes_before_all_else(init: Init, file: Path) -> None:
    said = " ".join(init(answers="n\n").stderr.split())
    before, _, _ = said.partition("Go on?")
    for words in ("section 1.5", "does not make that use compliant", "consent is yours to get", "clients are watched"):
        assert words in before
    assert "api_id: " not in said
    assert not file.exists()


def test_other_answers(init: Init, file: Path, tmp_path: Path) -> None:
    answers = f"yes\n5\n{HASH}\nEurope/Lisbon\n{tmp_path}/state\ngroup, private\nstore learn\n{TOKEN}\n"
    assert init(answers=answers).exit_code == 0
    config = written(file)
    assert (config.timezone, config.state) == ("Europe/Lisbon", tmp_path / "state")
    assert config.sync.kinds == {"private", "group"}
    assert config.consent.default == {"private": {"store", "learn"}, "group": {"store", "learn"}}
    assert config.control.token.get_secret_value() == TOKEN


def test_what_cannot_be_right_is_asked_again(init: Init, file: Path) -> None:
    answers = f"y\nabc\n0\n5\n{HASH[:-1]}\n{HASH}\nMars/Base\n\n{__file__}\n\nprivat\n\nlearn\nstare\n\nnonsense\n\n"
    result = init(answers=answers)
    assert result.exit_code == 0, result.exception
    for words in ("is a number", "32 characters", "no such time zone", "is a file", "privat is none of", "store, too"):
        assert words in result.stderr
    assert HASH not in result.output
    assert written(file).telegram.api_id == 5


def test_options_answer_all_of_it(init: Init, file: Path) -> None:
    options = ("--api-id", "5", "--timezone", "UTC", "--state", "~/other", "--kinds", "none", "--folder", "Friends")
    more = ("--chat", "Anna", "--chat", "-100123", "--consent", "private=store,learn", "--consent", "group=store")
    result = init("--yes", *options, *more, DOPPELGANGER_API_HASH=HASH, DOPPELGANGER_BOT_TOKEN=TOKEN)
    assert result.exit_code == 0, result.exception
    assert result.stdout == ""
    assert HASH not in file.read_text() + result.output
    assert TOKEN not in file.read_text() + result.output
    config = load(file, environ={"DOPPELGANGER_API_HASH": HASH})
    assert (config.sync.chats, config.sync.folder, config.sync.kinds) == (("Anna", -100123), "Friends", set())
    assert config.consent.default == {"private": {"store", "learn"}, "group": {"store"}}
    assert config.state == Path.home() / "other"
    with pytest.raises(ConfigError, match="api_hash: it is missing"):
        load(file, environ={})


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "api_id is not known"),
        (("--api-id", "x"), "--api-id: an api_id is a number"),
        (("--api-id", "5"), "DOPPELGANGER_API_HASH is not known"),
        (("--api-id", "5", "--timezone", "Mars/Base"), "--timezone: no such time zone"),
    ],
)
def test_without_anybody_to_ask_a_lack_is_refused(
    init: Init, file: Path, arguments: tuple[str, ...], problem: str
) -> None:
    secrets = {"DOPPELGANGER_API_HASH": HASH} if "--timezone" in arguments else {}
    with pytest.raises(ConfigError, match=problem):
        raise init("--yes", *arguments, **secrets).exception
    assert not file.exists()


def test_a_configuration_that_exists_is_replaced_only_on_demand(init: Init, file: Path) -> None:
    file.write_text("mine")
    with pytest.raises(ConfigError, match="exists, and stays as it is"):
        raise init(answers="y\nn\n").exception
    with pytest.raises(ConfigError, match="exists, and stays as it is"):
        raise init("--yes", "--api-id", "5", DOPPELGANGER_API_HASH=HASH).exception
    assert file.read_text() == "mine"
    assert init("--yes", "--api-id", "5", "--replace", DOPPELGANGER_API_HASH=HASH).exit_code == 0
    assert "api_id = 5" in file.read_text()
    assert init(answers=f"y\ny\n6\n{HASH}\n\n\n\n\n\n").exit_code == 0
    assert written(file).telegram.api_id == 6


def test_questions_that_end_early_leave_nothing(init: Init, file: Path) -> None:
    assert "without an answer" in str(init(answers=f"y\n5\n{HASH}\n").exception)
    assert files_in(file.parent) == []


def test_what_is_written_explains_itself_as_the_example_does() -> None:
    example, filled = EXAMPLE.read_text().splitlines(), fill(ACCOUNT).splitlines()
    assert [(here, there) for here, there in zip(example, filled, strict=True) if here != there] == [
        ("api_id = 12345", "api_id = 5"),
        ('api_hash = "0123456789abcdef0123456789abcdef"', f'api_hash = "{HASH}"'),
    ]
    with pytest.raises(KeyError):
        fill({("sync", "state"): "elsewhere"})


def test_an_example_that_gives_way_is_no_longer_called_one() -> None:
    text = fill({**ACCOUNT, ("sync", "folder"): "Friends"})
    assert "in this folder of yours.\nfolder = " in text


@given(st.text(st.characters(codec="utf-8")), st.lists(st.text(st.characters(codec="utf-8")) | st.integers()))
def test_any_value_comes_back_from_the_file(one: str, many: list[str | int]) -> None:
    assert tomllib.loads(f"one = {toml(one)}\nmany = {toml(many)}\n") == {"one": one, "many": many}


def test_nothing_that_would_not_load_is_put_in_place(file: Path) -> None:
    file.write_text("mine")
    with pytest.raises(ConfigError, match="has wrong values"):
        write_config(file, fill({**ACCOUNT, ("", "timezone"): "Mars/Base"}), environ={})
    with pytest.raises(ConfigError, match="cannot be written"):
        write_config(file / "config.toml", fill(ACCOUNT), environ={})
    assert files_in(file.parent) == [file.name]
    assert file.read_text() == "mine"


def test_the_time_zone_is_that_of_the_machine(tmp_path: Path) -> None:
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Europe/Lisbon")
    assert _local_zone({}, link) == "Europe/Lisbon"
    assert _local_zone({"TZ": ":Asia/Tokyo"}, link) == "Asia/Tokyo"
    assert _local_zone({"TZ": "XYZ-3"}, tmp_path) == "UTC"


async def test_in_a_terminal_secrets_are_not_shown_and_ctrl_c_leaves_nothing(file: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "exporter", "init", "--config", str(file)]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = await asyncio.create_subprocess_exec(*command, **streams, start_new_session=True)
    os.close(theirs)
    seen = ""
    for question, answer in {"Go on? ": "y", "api_id: ": "5", "api_hash (not shown): ": HASH}.items():
        seen += await asyncio.to_thread(read_until, ours, question)
        os.write(ours, f"{answer}\n".encode())
    seen += await asyncio.to_thread(read_until, ours, "zone")
    process.send_signal(signal.SIGINT)
    seen += await asyncio.to_thread(read_until, ours, "Interrupted.")
    assert await process.wait() == 130
    assert HASH not in seen
    assert "Traceback" not in seen
    assert files_in(file.parent) == []
    os.close(ours)


def read_until(descriptor: int, end: str) -> str:
    seen = b""
    while end not in seen.decode(errors="ignore"):
        seen += os.read(descriptor, 65536)
    return seen.decode()
