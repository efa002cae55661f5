"""Events, never people's words: `log.info("draft.ready", extra={"chat_id": 5})` -> `… draft.ready chat_id=5`.

What libraries say may hold secrets and telephone numbers, which are taken out. What errors say of themselves may quote
somebody, and is left out, but for kinds that speak of code and files alone.
"""

import json
import logging
import re
import sqlite3
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from exporter.errors import DoppelgangerError

LogFormat = Literal["text", "json"]
OURS = ("exporter", "trainer", "bot", "sandbox")

_SECRETS = {
    r"\d+:[\w-]{30,}": "(a bot's token)",  # libraries show addresses of the Bot API, of which the token is a part
    r"\+\d[\d ()-]{6,}\d": "(a telephone number)",
    r"\b[0-9a-f]{32}\b": "(an api_hash)",
    r"[\w=-]{200,}": "(a key)",
}
_SECRET = re.compile("|".join(f"({pattern})" for pattern in _SECRETS))
_BUILT_IN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_HARMLESS = (
    AttributeError, TypeError, NameError, ImportError, RuntimeError, OSError, sqlite3.Error, DoppelgangerError,
    BaseExceptionGroup,
)  # fmt: skip
"""Errors whose words are of code, files or tables. Others quote what they did not like."""
_REFUSALS = "telethon.errors.rpc"
"""Where those live that say no more than Telegram's own codes."""


class EventFormatter(logging.Formatter):
    """The event's name, then its fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        return f"{scrubbed(super().format(_told(record)))} {fields}".rstrip()

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own
        return trace(ei[1]) if ei[1] else ""


class JsonFormatter(EventFormatter):
    """The same as one line of JSON: at, level, logger, event, the fields, and a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": scrubbed(_told(record).getMessage()),
            **_fields(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = trace(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


class StderrHandler(logging.Handler):
    """Writes to whatever stands for stderr at the moment: rich puts itself there while it draws bars."""

    def emit(self, record: logging.LogRecord) -> None:
        """One event, one line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as every handler does: logging never breaks what it tells of
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own
        """Logging itself would print what it was to say, with all its arguments."""
        sys.stderr.write(f"an event of {record.name} could not be told\n")


def log_to_stderr(level: int = logging.WARNING, form: LogFormat = "text") -> None:
    """Send our own events from `level` on to stderr.

    Libraries speak from WARNING on, for Telethon's DEBUG prints what people wrote. Telethon itself warns at each of
    its attempts to connect; only that it gave up is news, unless more than usual is asked for.
    """
    handler = StderrHandler()
    text = EventFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for package in OURS:
        logging.getLogger(package).setLevel(level)
    logging.getLogger("telethon").setLevel(logging.WARNING if level <= logging.DEBUG else logging.ERROR)


def scrubbed(text: str) -> str:
    """Without tokens, keys and telephone numbers; what stands for each says which."""
    names = list(_SECRETS.values())
    return _SECRET.sub(lambda found: names[(found.lastindex or 1) - 1], text)


def trace(error: BaseException) -> str:
    """A traceback, for a bug's report: where, and which error, without words that may be somebody's."""
    return scrubbed("".join(_lines(error, set()))).rstrip()


def hide_words() -> None:
    """From now on, this process prints errors that nobody foresaw as `trace` has them, whatever thread they end."""
    sys.excepthook = lambda kind, error, where: _print(error)
    threading.excepthook = lambda ended: _print(ended.exc_value)
    sys.unraisablehook = lambda ignored: _print(ignored.exc_value)


def _print(error: BaseException | None) -> None:
    if error:
        sys.stderr.write(trace(error) + "\n")


def _lines(error: BaseException, told: set[int]) -> Iterator[str]:
    told.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before and id(before) not in told:
        yield from _lines(before, told)
        yield "\nwhich led to:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    harmless = isinstance(error, _HARMLESS) or kind.startswith(_REFUSALS)
    yield f"{kind}: {error if harmless else '(what it says is left out: it may quote somebody)'}\n"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _lines(inner, told)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _BUILT_IN}


def _told(record: logging.LogRecord) -> logging.LogRecord:
    """Libraries like to repeat, beside a traceback, what the error says: then only what they always say is told."""
    if record.exc_info and not record.name.startswith(OURS):
        record = logging.makeLogRecord({**vars(record), "args": None})
    return record
