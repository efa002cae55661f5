"""What reaches stderr: events, but no secret and nobody's words, and beside a progress bar rather than through it."""

import contextlib
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from exporter.log import LogFormat, hide_words, log_to_stderr, scrubbed
from exporter.settings.config import Sync


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], root.level = before
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def test_it_writes_to_whatever_stands_for_stderr_now() -> None:
    log_to_stderr()
    with contextlib.redirect_stderr(io.StringIO()) as err:
        logging.getLogger("exporter.pulling.sync").warning("sync.refused", extra={"chat_id": 5})
        logging.getLogger("exporter.pulling.sync").info("sync.done")
        logging.getLogger("telethon.network").warning("Attempt 1 at connecting failed")
    assert err.getvalue().endswith("WARNING exporter.pulling.sync sync.refused chat_id=5\n")
    assert err.getvalue().count("\n") == 1


def test_no_library_shows_a_bots_token() -> None:
    log_to_stderr()
    token = "700000001:mDYjUj9eMAv179R2dKSZeQROuBzaAxos70Q"
    with contextlib.redirect_stderr(io.StringIO()) as err:
        logging.getLogger("aiogram").error("400, url='http://127.0.0.1/bot%s/getMe'", token)
    assert "mDYj" not in err.getvalue() and "getMe" in err.getvalue()


CANARY = "canary-7f3a"


def test_json_has_one_object_a_line_with_the_fields_beside_the_event() -> None:
    log_to_stderr(form="json")
    with contextlib.redirect_stderr(io.StringIO()) as err:
        logging.getLogger("exporter.pulling.sync").warning("sync.refused", extra={"chat_id": 5, "code": "X"})
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            logging.getLogger("bot").exception("bot.failed")
    first, second = map(json.loads, err.getvalue().splitlines())
    assert {**first, "at": ""} == {
        "at": "", "level": "WARNING", "logger": "exporter.pulling.sync",
        "event": "sync.refused", "chat_id": 5, "code": "X"
    }  # fmt: skip
    assert datetime.fromisoformat(first["at"]).tzinfo and "No space left" in second["traceback"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_acceptance_39_no_error_tells_what_it_may_have_been_given(form: LogFormat) -> None:
    log_to_stderr(form=form)
    hide_words()
    with contextlib.redirect_stderr(io.StringIO()) as err:
        for fail in (lambda: int(CANARY), lambda: {}[CANARY], lambda: Sync.model_validate({"chats": {CANARY: 1}})):
            try:
                try:
                    fail()
                except Exception as error:
                    raise ExceptionGroup("a task", [error, RuntimeError("of the code")]) from error
            except ExceptionGroup as error:
                logging.getLogger("aiogram").exception("%s while %s", type(error), error.exceptions[0])
                sys.excepthook(type(error), error, error.__traceback__)
    assert CANARY not in err.getvalue()
    assert "builtins.ValueError: (what it says is left out" in err.getvalue() and "of the code" in err.getvalue()
    assert "in <lambda>" in err.getvalue(), "but where it happened is told"


def test_no_secret_of_any_kind_is_shown() -> None:
    secrets = ["700000001:mDYjUj9eMAv179R2dKSZeQROuBzaAxos70Q", "+351 912 345 678", "0123456789abcdef" * 2, "1Bvc" * 90]
    told = scrubbed(f"{', '.join(secrets)} at 2026-11-20 22:58:03+00:00, chat -1001234567890")
    shown = "(a bot's token), (a telephone number), (an api_hash), (a key)"
    assert told == f"{shown} at 2026-11-20 22:58:03+00:00, chat -1001234567890"


def test_an_event_that_cannot_be_told_is_not_told_in_another_way() -> None:
    log_to_stderr()
    with contextlib.redirect_stderr(io.StringIO()) as err:
        logging.getLogger("telethon").error("%d of", CANARY)
    assert err.getvalue() == "an event of telethon could not be told\n"


def test_what_ends_a_thread_tells_no_words_either() -> None:
    hide_words()
    with contextlib.redirect_stderr(io.StringIO()) as err:
        thread = threading.Thread(target=int, args=(CANARY,))
        thread.start()
        thread.join()
    assert CANARY not in err.getvalue() and "builtins.ValueError: (what it says" in err.getvalue()
