"""Events, never people's words: `log.info("draft.ready", extra={"chat_id": 5})` -> `… draft.ready chat_id=5`."""

import logging
import re
import sys

_BOT_TOKEN = re.compile(r"\d+:[\w-]{30,}")
"""Libraries show addresses of the Bot API, of which the token is a part."""
_BUILT_IN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """The event's name, then its fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        line = _BOT_TOKEN.sub("(a bot's token)", super().format(record))
        fields = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in _BUILT_IN)
        return f"{line} {fields}".rstrip()


class StderrHandler(logging.Handler):
    """Writes to whatever stands for stderr at the moment: rich puts itself there while it draws bars."""

    def emit(self, record: logging.LogRecord) -> None:
        """One event, one line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as every handler does: logging never breaks what it tells of
            self.handleError(record)


def log_to_stderr(level: int = logging.WARNING) -> None:
    """Send our own events from `level` on to stderr.

    Libraries speak from WARNING on, for Telethon's DEBUG prints what people wrote. Telethon itself warns at each of
    its attempts to connect; only that it gave up is news, unless more than usual is asked for.
    """
    handler = StderrHandler()
    handler.setFormatter(EventFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for package in ("exporter", "trainer", "bot", "sandbox"):
        logging.getLogger(package).setLevel(level)
    logging.getLogger("telethon").setLevel(logging.WARNING if level <= logging.DEBUG else logging.ERROR)
