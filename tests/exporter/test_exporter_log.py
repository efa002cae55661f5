"""What reaches stderr: events, but no token, and beside a progress bar rather than through it."""

import contextlib
import io
import logging
from collections.abc import Iterator

import pytest

from exporter.log import log_to_stderr


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def test_it_writes_to_whatever_stands_for_stderr_now() -> None:
    log_to_stderr()
    with contextlib.redirect_stderr(io.StringIO()) as err:
        logging.getLogger("exporter.sync").warning("sync.refused", extra={"chat_id": 5})
        logging.getLogger("exporter.sync").info("sync.done")
        logging.getLogger("telethon.network").warning("Attempt 1 at connecting failed")
    assert err.getvalue().endswith("WARNING exporter.sync sync.refused chat_id=5\n")
    assert err.getvalue().count("\n") == 1


def test_no_library_shows_a_bots_token() -> None:
    log_to_stderr()
    token = "700000001:mDYjUj9eMAv179R2dKSZeQROuBzaAxos70Q"
    with contextlib.redirect_stderr(io.StringIO()) as err:
        logging.getLogger("aiogram").error("400, url='http://127.0.0.1/bot%s/getMe'", token)
    assert "mDYj" not in err.getvalue() and "getMe" in err.getvalue()
