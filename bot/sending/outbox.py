"""A message is sent once, or known not to be.

Before every attempt one looks into the chat. Where our words stand there already, they were sent; where somebody said
something else, they no longer fit; only then are they sent, always under the same random_id, so that Telegram itself
would refuse a second one. It knows no Telegram library.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from bot.sending.entries import BEGUN, OPEN, Entries, Entry, EntryState
from bot.sending.refused import TOO_LATE, UNHEARD, AlreadySent, Lost, Refused, Wait
from exporter.messages import Message
from exporter.storing.store import Store

log = logging.getLogger(__name__)

MOST_UNITS = 4096
"""UTF-16 code units that one message may have."""
ATTEMPTS = 5
FIRST_WAIT = 0.5
"""Seconds before we look after a lost answer; doubled each time, and each time that nobody answers that either."""
LONGEST_WAIT = 30.0
LATE = timedelta(minutes=10)
"""What the owner chose so long ago, and was not sent, is not sent any more: by now he takes it for lost."""


class Line(Protocol):
    """The account, as an outbox needs it. Every method may raise Lost, Refused or Wait."""

    async def send(self, chat_id: int, text: str, random_id: int, *, topic: int | None) -> Message:
        """Send words as they are, in this topic of a forum. Raises AlreadySent where that random_id was used before."""
        ...

    async def since(self, chat_id: int, message_id: int) -> list[Message]:
        """What anybody said in a chat after `message_id`, oldest first."""
        ...


class Outbox:
    """All messages that the double has sent or is about to."""

    def __init__(self, store: Store, line: Line, random: Random, clock: Callable[[], datetime]) -> None:
        self._entries = Entries(store, random, clock)
        self._line = line
        self._clock = clock
        self._left = self._entries.where("state in (?, ?, ?)", *OPEN)
        """Of which nobody knows yet what becomes of it: those of an earlier run, and what got lost in this one."""

    @staticmethod
    def parts(texts: Sequence[str]) -> list[str]:
        """A burst as it can be sent: what is too long for one message becomes several."""
        return [part for text in texts for part in split(text)]

    def queue(
        self, chat_id: int, texts: Sequence[str], *, draft_id: int | None = None, answering: int | None = None
    ) -> list[Entry]:
        """Write a burst down, in its parts. Nothing is sent yet.

        Where it is `answering` a message, all that was said after that one speaks against it, also what is stored but
        was not heard of yet; else what is said from now on.
        """
        return self._entries.queue(chat_id, self.parts(texts), draft_id=draft_id, answering=answering)

    async def send(self, entry: Entry, *, still: Callable[[], bool]) -> Entry:
        """Send one message and return what became of it; unknown, too, where that is left to `recover`.

        `still` is asked last thing before each attempt: whether it is right to go on.

        Raises:
            Wait: Telegram does not want it now. It was not sent.
        """
        entry = self._entries.get(entry)  # an earlier try may have ended in a wait
        for attempt in range(ATTEMPTS):
            try:
                said = await self._patiently(entry)
            except Wait:
                raise
            except Refused as refusal:
                return self._leave(entry) if entry.state in BEGUN else self._fail(entry, refusal)
            if found := self._found(entry, said):
                return self._entries.sent(entry, found)
            if self._moved_on(entry, said) or self._is_gone(entry, said):
                return self.give_up(entry, UNHEARD)
            if not still():
                return self.give_up(entry)
            entry = await self._attempt(entry)
            if entry.state is not EntryState.UNKNOWN:
                break
            await asyncio.sleep(FIRST_WAIT * 2**attempt)
        return self._leave(entry) if entry.state in BEGUN else entry

    def cancel(self, entries: Sequence[Entry]) -> None:
        """Never send those of `entries` of which Telegram has not heard."""
        for entry in entries:
            self.give_up(entry)

    def give_up(self, entry: Entry, why: str | None = None) -> Entry:
        """The same for one; what may stand in the chat already is left to `recover`."""
        entry = self._entries.get(entry)
        if entry.state is EntryState.QUEUED:
            return self._entries.put(entry, EntryState.CANCELLED, error=why or entry.error)
        return self._leave(entry) if entry.state in BEGUN else entry

    async def recover(self, chats: Collection[int]) -> list[Entry]:
        """Settle what is left, oldest first; gives what is settled now. What Telegram does not tell about stays left.

        What the owner approved is sent if nobody said anything since, and if that was not long ago; what the double
        began by itself is not sent any more. In chats other than these nothing is sent, nor looked for.
        """
        for entry in self._entries.where("state = ? and message_id is null", EntryState.SENT):
            if entry.chat_id in chats:
                await self._sent_before(entry)
        left, self._left = self._left, []
        settled: list[Entry] = []
        blind: set[int] = set()
        for entry in map(self._entries.get, left):
            if entry.chat_id not in blind:  # else what comes after another must not come before it
                entry = await self._recover(entry, chats)
            if entry.state in OPEN:
                blind.add(entry.chat_id)
                self._left.append(entry)
            else:
                settled.append(entry)
        return settled

    @property
    def owes(self) -> bool:
        """Whether anything is left for `recover`."""
        return bool(self._left)

    def chosen(self, draft_id: int) -> list[Entry]:
        """The messages of a burst that the owner chose, as they stand."""
        return self._entries.where("draft_id = ?", draft_id)

    def recognise(self, message: Message) -> bool:
        """Whether the double itself sent this message of the owner's: one that nobody knew what became of, perhaps."""
        for entry in self._entries.where("chat_id = ? and message_id = ?", message.chat_id, message.message_id):
            return entry.state is EntryState.SENT
        for entry in self._entries.where("chat_id = ? and state in (?, ?)", message.chat_id, *BEGUN):
            if self._found(entry, [message]):
                if entry.state is EntryState.UNKNOWN:
                    self._entries.sent(entry, message)
                return True
        return False

    async def _patiently(self, entry: Entry) -> list[Message]:
        """What was said in the chat since it was queued, and just before; asked until somebody answers.

        Raises Refused or Wait.
        """
        wait = FIRST_WAIT
        while True:
            try:
                return await self._line.since(entry.chat_id, entry.after_id - 1)
            except Lost:
                log.info("send.blind", extra={"chat_id": entry.chat_id, "entry_id": entry.entry_id})
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _attempt(self, entry: Entry) -> Entry:
        before = entry.state
        entry = self._entries.put(entry, EntryState.SENDING)
        if entry.state is EntryState.CANCELLED:
            return entry
        try:
            sent = await self._line.send(entry.chat_id, entry.text, entry.random_id, topic=entry.topic)
            return self._entries.sent(entry, sent)
        except AlreadySent:
            return await self._sent_before(entry)
        except Wait as wait:
            self._entries.put(entry, before, error=wait.code)
            raise
        except Refused as refusal:
            return self._fail(entry, refusal)
        except Lost:
            log.warning("send.unknown", extra={"chat_id": entry.chat_id, "entry_id": entry.entry_id})
            return self._entries.put(entry, EntryState.UNKNOWN)

    async def _recover(self, entry: Entry, chats: Collection[int]) -> Entry:
        """What becomes of it; open still, where Telegram does not say."""
        if entry.state not in OPEN:  # it came back meanwhile, or was erased
            return entry
        if entry.chat_id not in chats:
            return self._entries.put(entry, EntryState.CANCELLED)
        try:
            said = await self._line.since(entry.chat_id, entry.after_id)
            if found := self._found(entry, said):
                return self._entries.sent(entry, found)
            if entry.draft_id is None or self._foreign(entry, said):
                return self._entries.put(entry, EntryState.CANCELLED)
            if self._clock() - entry.queued_at > LATE:
                return self._entries.put(entry, EntryState.CANCELLED, error=TOO_LATE)
            return await self._attempt(entry)
        except (Lost, Refused) as error:
            log.warning("send.left", extra={"entry_id": entry.entry_id, "error": str(error) or "lost"})
            if entry.state is EntryState.QUEUED and isinstance(error, Refused) and not isinstance(error, Wait):
                return self._fail(entry, error)
            return self._entries.get(entry)

    def _leave(self, entry: Entry) -> Entry:
        if all(one.entry_id != entry.entry_id for one in self._left):
            self._left.append(entry)
        return entry

    async def _sent_before(self, entry: Entry) -> Entry:
        """It was sent; which message it became is good to know, but not needed."""
        try:
            found = self._found(entry, await self._line.since(entry.chat_id, entry.after_id))
        except (Lost, Refused):
            found = None
        return self._entries.sent(entry, found) if found else self._entries.put(entry, EntryState.SENT)

    def _found(self, entry: Entry, said: Sequence[Message]) -> Message | None:
        """Our words among what was said since, unless they are those of another entry, or we never tried to send."""
        if entry.state is EntryState.QUEUED:
            return None
        ours = (message for message in self._foreign(entry, said) if message.outgoing)
        return next((message for message in ours if _plain(message.text) == _plain(entry.text)), None)

    def _moved_on(self, entry: Entry, said: Sequence[Message]) -> bool:
        """Somebody said what we had not heard of. Only words of the owner's own make what he approved unfit."""
        return any(entry.draft_id is None or message.outgoing for message in self._foreign(entry, said))

    def _is_gone(self, entry: Entry, said: Sequence[Message]) -> bool:
        """Whether what the double answers by itself was deleted, and we had not heard of it."""
        known = entry.draft_id is None and self._entries.stands(entry.chat_id, entry.after_id)
        return known and all(message.message_id != entry.after_id for message in said)

    def _foreign(self, entry: Entry, said: Sequence[Message]) -> list[Message]:
        """What was said since the entry was queued, without what the double is known to have sent."""
        rows = self._entries.where("chat_id = ? and message_id > ?", entry.chat_id, entry.after_id)
        known = {row.message_id for row in rows}
        return [message for message in said if message.message_id > entry.after_id and message.message_id not in known]

    def _fail(self, entry: Entry, refusal: Refused) -> Entry:
        return self._entries.put(entry, EntryState.FAILED, error=refusal.code)


def split(text: str, most: int = MOST_UNITS) -> Iterator[str]:
    """Parts that each fit into one message, or in `most` units, cut at a line's end, between two words, or wherever one
    must.
    """
    text = text.strip()
    while units(text) > most:
        fits = text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")
        end = next((at for mark in ("\n", " ") if (at := fits.rfind(mark)) > len(fits) // 2), len(fits))
        yield fits[:end].rstrip()
        text = text[end:].lstrip()
    yield text


def units(text: str) -> int:
    """How long Telegram takes a text to be, in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def _plain(text: str) -> str:
    """A text whose white space Telegram may have changed."""
    return " ".join(text.split())
