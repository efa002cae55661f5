"""What all sources share: how far a file is read, what is written of it, and what it brought."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from exporter.messages import Message, Peer
from exporter.progress import Report, Step
from exporter.rights.consent import Ledger
from exporter.settings.config import Consent
from exporter.storing.store import Store

BATCH = 1_000
"""Messages of one transaction: what an interrupt loses at most."""
NAMED = 20
"""Of the records that could not be read, how many are named."""
_MEGABYTE = 1e6
_EVERY = 1 << 18
"""Bytes between two steps."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What one file brought."""

    chats: int
    messages: int
    new: int
    skipped: int
    """Records that could not be read."""
    named: tuple[str, ...]
    """Where the first of them stand and what is wrong with them, without a word of what they say."""
    left_out: tuple[tuple[Peer, int], ...] = ()
    """Chats whose consent to be stored was revoked, each with how many records the file has of it."""


class Intake:
    """Writes what is read, a batch a transaction; what was written stays if the rest is never read."""

    def __init__(self, store: Store) -> None:
        self.messages = self.new = self.skipped = 0
        self._store = store
        self._ledger = Ledger(store.database, Consent())
        self._batch: list[Message] = []
        self._named: list[str] = []
        self._left_out: list[tuple[Peer, int]] = []

    def takes(self, chat: Peer, records: int) -> bool:
        """Whether a chat may be stored: what the owner hands over may, unless consent to it was revoked."""
        refused = self._ledger.refuses(chat.peer_id, "store")
        if refused:
            self._left_out.append((chat, records))
        return not refused

    def add(self, message: Message) -> None:
        """One message more."""
        self._batch.append(message)
        if len(self._batch) >= BATCH:
            self.flush()

    def skip(self, where: str) -> None:
        """One record that says no message."""
        self.skipped += 1
        if len(self._named) < NAMED:
            self._named.append(where)

    def flush(self) -> None:
        """Write what is left."""
        self.new += len(self._store.add(self._batch, second_hand=True).new)
        self.messages += len(self._batch)
        self._batch = []

    def result(self, chats: int) -> ImportResult:
        """The sum, once all is written."""
        self.flush()
        taken = chats - len(self._left_out)
        return ImportResult(taken, self.messages, self.new, self.skipped, tuple(self._named), tuple(self._left_out))


class Watched:
    """A binary file of `size` bytes that reports, in megabytes, how far it is read."""

    def __init__(self, file: IO[bytes], size: int, report: Report, stage: str) -> None:
        self._file, self._size = file, size
        self._report, self._stage = report, stage
        self._done = self._told = 0
        self._tell()

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self._advance(len(data))
        return data

    def __iter__(self) -> Iterator[bytes]:
        """Line by line."""
        for line in self._file:
            self._advance(len(line))
            yield line

    def _advance(self, count: int) -> None:
        self._done += count
        if self._done - self._told >= _EVERY or self._told < self._size <= self._done:
            self._tell()

    def _tell(self) -> None:
        self._told = self._done
        total = max(self._size / _MEGABYTE, 0.001)
        self._report(Step(self._stage, round(self._done / _MEGABYTE, 3), round(total, 3), "MB"))
