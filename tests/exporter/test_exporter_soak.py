"""kill -9 of `python -m exporter sync` at forty moments, over a sandbox in a process of its own."""

import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWNER = 1
FRIENDS = {10: "Anna", 20: "Boris", 30: "Nina"}
EACH = 4_000
"""Messages of a chat: a sync takes long enough to be killed in its midst."""
ROUNDS, KILLS = 5, 8


def a_world(path: Path) -> None:
    """Three chats in which both write; ids run through all chats, as they do in an account."""
    chats = []
    for turn, (friend, name) in enumerate(FRIENDS.items()):
        messages = [
            {
                "id": 3 * number + turn + 1,
                "type": "message",
                "date_unixtime": str(1_700_000_000 + 60 * number),
                "from": name if number % 2 else "Olive",
                "from_id": f"user{friend if number % 2 else OWNER}",
                "text": f"{name} {number}",
            }
            for number in range(EACH)
        ]
        chats.append({"id": friend, "name": name, "type": "personal_chat", "messages": messages})
    owner = {"user_id": OWNER, "first_name": "Olive"}
    path.write_text(json.dumps({"personal_information": owner, "chats": {"list": chats}}))


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Path]:
    """A configuration whose account is logged in, after a wrong code; nothing is synced yet."""
    world, ready = tmp_path / "result.json", tmp_path / "ready.json"
    a_world(world)
    serve = [sys.executable, "-m", "sandbox", "serve", "--world", str(world), "--ready", str(ready)]
    sandbox = subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while not ready.exists():
            assert sandbox.poll() is None
            time.sleep(0.05)
        config = tmp_path / "config.toml"
        config.write_text(settings(json.loads(ready.read_text()), tmp_path / "state"))
        login = exporter("login", config, stdin=subprocess.PIPE)
        _, err = login.communicate("1\n22222\n")
        assert login.returncode == 0 and "That was not the code." in err
        yield config
    finally:
        sandbox.send_signal(signal.SIGINT)
        sandbox.wait()


def settings(telegram: dict[str, Any], state: Path) -> str:
    server = ", ".join(f"{key} = {json.dumps(telegram[key])}" for key in ("host", "port", "dc_id", "public_key"))
    return f"""
state = {json.dumps(str(state))}
[telegram]
api_id = {telegram["api_id"]}
api_hash = "{telegram["api_hash"]}"
phone = "{telegram["owner"]["phone"]}"
server = {{ {server} }}
[sync]
kinds = ["private"]
requests_per_second = 0
"""


def exporter(command: str, config: Path, **more: Any) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "exporter", command, "--config", str(config)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)


def synced(config: Path) -> float:
    """Sync to the end; seconds that it took."""
    began = time.monotonic()
    process = exporter("sync", config)
    _, err = process.communicate()
    assert process.returncode == 0, err
    return time.monotonic() - began


def rows(config: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(config.parent / "state" / "doppelganger.db")) as database:
        return database.execute(query).fetchall()


def forget(config: Path) -> None:
    for file in (config.parent / "state").glob("doppelganger.db*"):
        file.unlink()


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_forty_kills_in_a_sync_lose_nothing_and_double_nothing(
    account: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(1)  # noqa: S311 - the same moments every time
    whole = synced(account)
    amid = 0
    for _ in range(ROUNDS):
        forget(account)
        for _ in range(KILLS):
            process = exporter("sync", account)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(whole * chance.uniform(0.3, 1.0))
            process.kill()
            process.communicate()
            done = rows(account, "select count(*) from messages")[0][0] if stored(account) else 0
            amid += 0 < done < len(FRIENDS) * EACH
        synced(account)
        assert rows(account, "pragma integrity_check") == [("ok",)]
        assert rows(account, "select chat_id, message_id, text, outgoing from messages order by 1, 2") == [
            (friend, 3 * number + turn + 1, f"{name} {number}", int(number % 2 == 0))
            for turn, (friend, name) in enumerate(FRIENDS.items())
            for number in range(EACH)
        ]
        assert len(rows(account, "select chat_id from sync_interval")) == len(FRIENDS)
    record_property("amid", amid)
    assert amid >= ROUNDS, "the kills came too early or too late to say anything"


def stored(config: Path) -> bool:
    """Whether the killed process came so far as to make its tables."""
    database = config.parent / "state" / "doppelganger.db"
    return database.exists() and bool(rows(config, "select 1 from sqlite_master where name = 'messages'"))
