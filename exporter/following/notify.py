"""Telling systemd how things stand: ready, alive, stopping. Without a service manager it tells nobody.

The protocol is one datagram a message, to the socket that NOTIFY_SOCKET names (sd_notify(3)).
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Is given assignments as sd_notify has them: `READY=1`."""

ALIVE = "WATCHDOG=1"


def teller(environ: Mapping[str, str] = os.environ) -> Tell:
    """Whoever started this process; nobody, where none did who wants to know."""
    address = environ.get("NOTIFY_SOCKET")
    if not address:
        return lambda state: None
    abstract = address.replace("@", "\0", 1) if address.startswith("@") else address

    def tell(state: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as unix:
                unix.sendto(state.encode(), abstract)
        except OSError as error:
            log.warning("notify.failed", extra={"error": type(error).__name__})

    return tell


async def feed(tell: Tell, alive: Callable[[], bool], environ: Mapping[str, str] = os.environ) -> None:
    """Feed systemd's watchdog as long as `alive` says so, four times in the time that it waits; for ever.

    Whoever hangs so that this does not run, or is alive no more, is ended and started again.
    """
    patience = int(environ.get("WATCHDOG_USEC", "0")) / 1e6
    if not patience or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while True:
        if alive():
            tell(ALIVE)
        await asyncio.sleep(patience / 4)
