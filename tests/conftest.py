"""What all tests share: where real people's chats lie, if they do."""

import os
from pathlib import Path

import pytest

from tests.sandbox_fixtures import client_of, sandbox, server_key, world  # noqa: F401

os.umask(0o077)  # as every command does: what tests write for them is refused where others could read it

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def real_export() -> Path:
    """A real person's chats as a Telegram Desktop export."""
    path = SHARED / "data" / "irc_helper" / "result.json"
    if not path.exists():
        pytest.skip(f"the real export is not on this machine: {path}")
    return path
