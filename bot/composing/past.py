"""What was said before in one chat: read once, kept, and grown from answer to answer.

To read a long chat anew for each answer would take longer than the answer. It knows the store, and no Telegram.
"""

import asyncio
from collections.abc import Mapping
from itertools import islice

from exporter.storing import ghostwritten
from exporter.storing.rows import EPOCH
from exporter.storing.stamp import stamp
from exporter.storing.store import Store
from trainer.reading.conversations import View
from trainer.reading.dialogue import Session
from trainer.reading.memory import Memory

PAGE = 200
"""Messages that are read at once, and at least one session: for so long all else waits, some 20 ms."""


class Past:
    """The memory of one chat. What was edited or erased in the store since is read anew."""

    def __init__(self, store: Store, view: View) -> None:
        self._store = store
        self.view = view
        self.let_go()

    def let_go(self) -> None:
        """Keep nothing; the next time all is read anew."""
        self._memory = Memory()
        self._from = EPOCH
        """Where the last session begins. It may go on, so it is read each time; what is older is known."""
        self._stamp = stamp(self._store, self.view.chat.peer_id, before=EPOCH)
        self._names: dict[int, str | None] = {}
        """Under which names the people in it were read."""

    async def memory(self) -> Memory:
        """All that was said until now. The first time 5,000 messages take half a second; then only what is new."""
        while self._grow():  # noqa: ASYNC110 - nothing is waited for: others go on in between
            await asyncio.sleep(0)
        return self._memory

    def _grow(self) -> bool:
        """Read on from where the last session began; whether there is more."""
        with self._store.database.atomic():  # as of one moment, whoever else writes
            names = self._store.names()
            if not self._stands(names):
                self.let_go()
            sessions, more = self._page()
            foreign = ghostwritten.marked(self._store.database, self._store.parts(self.view.chat.peer_id))
            self._memory.let_go(self._from)
            for session in sessions[:-1] if more else sessions:
                self._memory.add(self.view.conversation(session, names, foreign))
                self._names |= {message.sender_id: names.get(message.sender_id) for message in session}
            if sessions:
                self._from = sessions[-1][0].sent_at
                self._stamp = stamp(self._store, self.view.chat.peer_id, before=self._from)
        return more

    def _stands(self, names: Mapping[int, str]) -> bool:
        """Whether all before the last session is as it was when it was read."""
        now = stamp(self._store, self.view.chat.peer_id, before=self._from)
        return now == self._stamp and all(names.get(sender) == name for sender, name in self._names.items())

    def _page(self) -> tuple[list[Session], bool]:
        """The next sessions, the last of which may be cut where there is more; but never that one alone."""
        limit = PAGE
        while True:
            page = list(islice(self._store.messages(self.view.chat.peer_id, since=self._from), limit))
            sessions, more = list(self.view.sessions(page)), len(page) == limit
            if len(sessions) > 1 or not more:
                return sessions, more
            limit *= 2
