"""`python -m sandbox serve` as a process: it says how to be reached, a client comes in, Ctrl-C ends it."""

import json
import signal
import subprocess
import sys
import time

import pytest
from telethon import TelegramClient
from telethon.crypto.rsa import add_key
from telethon.sessions import MemorySession

from tests.sandbox_fixtures import connected

EXPORT = {
    "personal_information": {"user_id": 1, "first_name": "Olga"},
    "chats": {
        "list": [
            {
                "id": 2,
                "type": "personal_chat",
                "name": "Anna",
                "messages": [
                    {"id": 1, "type": "message", "date_unixtime": "1700000000", "from_id": "user2", "text": "hi"}
                ],
            }
        ]
    },
}


@pytest.fixture
def world_file(tmp_path):
    path = tmp_path / "world.json"
    path.write_text(json.dumps(EXPORT))
    return path


def serve(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_it_serves_until_ctrl_c(world_file, tmp_path):
    ready = tmp_path / "ready.json"
    process = serve("--world", world_file, "--ready", ready)
    try:
        deadline = time.monotonic() + 30
        while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)  # noqa: ASYNC251  (nothing else runs here)
        about = json.loads(ready.read_text())
        assert ready.stat().st_mode & 0o777 == 0o600
        add_key(about["public_key"], old=False)
        session = MemorySession()
        session.set_dc(about["dc_id"], about["host"], about["port"])
        async with connected(TelegramClient(session, about["api_id"], about["api_hash"])) as client:
            await client.send_code_request(about["owner"]["phone"])
            await client.sign_in(about["owner"]["phone"], about["login_code"])
            assert [dialog.name for dialog in await client.get_dialogs()] == ["Anna"]
    finally:
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert about["host"] == "127.0.0.1" and f"127.0.0.1:{about['port']}" in printed
    assert [(person["name"], person["kind"]) for person in about["people"]] == [
        ("Olga", "owner"),
        ("Anna", "person"),
        ("Control", "bot"),
    ]


def test_a_world_that_cannot_be_loaded_is_one_line_of_problem_and_one_of_fix(tmp_path):
    process = serve("--world", tmp_path / "nothing.json")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert [line.split(":")[0] for line in errors.splitlines()] == ["problem", "fix"]
