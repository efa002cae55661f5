"""Events, never people's words: `log.info("draft.ready", extra={"chat_id": 5})` -> `… draft.ready chat_id=5`."""

import logging
import sys

_BUILT_IN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """The event's name, then its fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        fields = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in _BUILT_IN)
        return f"{line} {fields}".rstrip()


def log_to_stderr(*, verbose: bool = False) -> None:
    """Send our own events to stderr; libraries speak from WARNING on, for Telethon's DEBUG prints what people wrote."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for package in ("exporter", "trainer", "bot", "sandbox"):
        logging.getLogger(package).setLevel(logging.DEBUG if verbose else logging.INFO)
