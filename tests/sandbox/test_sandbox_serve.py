"""`python -m sandbox serve` as a process: it says how to be reached, a client comes in, Ctrl-C ends it."""

import asyncio
import json
import signal
import socket
import struct
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from telethon import TelegramClient
from telethon.crypto.rsa import add_key
from telethon.sessions import MemorySession

from sandbox.server import Sandbox
from sandbox.world import World
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


async def started(process, ready):
    """What the process says of itself, once it does."""
    async with asyncio.timeout(30):
        while not ready.exists() and process.poll() is None:  # noqa: ASYNC110  (another process writes it)
            await asyncio.sleep(0.02)
    return json.loads(ready.read_text())


async def ended(process):
    """Press Ctrl-C; gives the exit code, what was printed, and what was printed as errors."""
    process.send_signal(signal.SIGINT)
    printed, errors = await asyncio.to_thread(process.communicate, timeout=10)
    return process.returncode, printed, errors


@asynccontextmanager
async def logged_in(about):
    """The owner's client."""
    add_key(about["public_key"], old=False)
    session = MemorySession()
    session.set_dc(about["dc_id"], about["host"], about["port"])
    client = TelegramClient(session, about["api_id"], about["api_hash"], connection_retries=0, auto_reconnect=False)
    async with connected(client):
        await client.send_code_request(about["owner"]["phone"])
        await client.sign_in(about["owner"]["phone"], about["login_code"])
        yield client


async def vanish(url, request):
    """Ask, and be gone without a goodbye before the answer."""
    host, port = url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.write(request)
    await asyncio.sleep(0.1)
    writer.close()


async def test_it_serves_until_ctrl_c_whoever_is_there_and_however_they_go(world_file, tmp_path, server_key):
    ready = tmp_path / "ready.json"
    process = serve("--world", world_file, "--ready", ready, "--latency", 0.001)
    try:
        about = await started(process, ready)
        assert ready.stat().st_mode & 0o777 == 0o600
        poll = f"GET /bot{about['control_token']}/getUpdates?timeout=20 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        await vanish(about["api_base"], poll)
        await vanish(f"{about['host']}:{about['port']}", b"\xef")
        host, port = about["api_base"].removeprefix("http://").split(":")
        _, waiting = await asyncio.open_connection(host, int(port))
        waiting.write(poll)
        async with logged_in(about) as client:
            assert [dialog.name for dialog in await client.get_dialogs()] == ["Anna"]
            code, printed, errors = await ended(process)
        waiting.close()
    finally:
        process.kill()
    assert (code, errors) == (0, "")
    assert about["host"] == "127.0.0.1" and f"127.0.0.1:{about['port']}" in printed
    assert [(person["name"], person["kind"]) for person in about["people"]] == [
        ("Olga", "owner"),
        ("Anna", "person"),
        ("Control", "bot"),
    ]
    async with Sandbox(World(), port=about["port"], private_key=server_key) as again:
        assert again.port == about["port"]  # nothing of the first one is in the way


def test_a_world_that_cannot_be_loaded_is_one_line_of_problem_and_one_of_fix(tmp_path):
    process = serve("--world", tmp_path / "nothing.json")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert [line.split(":")[0] for line in errors.splitlines()] == ["problem", "fix"]
