"""A line to a server that loses answers, refuses and dies, and an outbox on it: what tests of sending stand on."""

from contextlib import contextmanager
from datetime import UTC, datetime

from bot.sending.outbox import Outbox
from bot.sending.refused import AlreadySent
from bot.tables import migrations
from exporter.messages import Message
from exporter.storing.store import open_store
from tests.bot.seeded import seeded

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Killed(BaseException):
    """The process ends here."""


class Line:
    """A chat on a server that knows random ids; `trouble` happens before or after each send, in that order."""

    def __init__(self):
        self.chat = []
        self.trouble = []
        self.blind = []
        self.random_ids = []

    def say(self, text, *, outgoing, chat_id=5):
        self.chat.append(Message(chat_id, 100 + len(self.chat), 1, NOW, outgoing=outgoing, text=text.strip()))
        return self.chat[-1]

    async def send(self, chat_id, text, random_id, *, topic):
        before, after = self.trouble.pop(0) if self.trouble else (None, None)
        if before:
            raise before
        if random_id in self.random_ids:
            raise AlreadySent
        self.random_ids.append(random_id)
        message = self.say(text, outgoing=True, chat_id=chat_id)
        if after:
            raise after
        return message

    async def since(self, chat_id, message_id):
        if self.blind and (trouble := self.blind.pop(0)):
            raise trouble
        return [m for m in self.chat if m.chat_id == chat_id and m.message_id > message_id]


class Setting:
    def __init__(self, store):
        self.now = NOW
        self.store = store
        self.line = Line()
        self.outbox = self.restarted()

    def restarted(self):
        return Outbox(self.store, self.line, seeded(7), lambda: self.now)

    async def send(self, entry, still=lambda: True):
        return await self.outbox.send(entry, still=still)

    @property
    def said(self):
        return [m.text for m in self.line.chat]


@contextmanager
def a_line(folder, monkeypatch):
    """Both, on a store in this folder; after a lost answer nobody waits."""
    monkeypatch.setattr("bot.sending.outbox.FIRST_WAIT", 0)
    with open_store(folder / "store.db", migrations) as store:
        yield Setting(store)
