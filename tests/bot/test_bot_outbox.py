"""A message is sent once, or known not to be: over a line that loses answers, refuses, and dies."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.drafts import Drafts, DraftState
from bot.outbox import AlreadySent, EntryState, Lost, Outbox, Refused, sent_since
from bot.tables import migrations
from exporter import ghostwritten
from exporter.messages import Message
from exporter.store import open_store
from tests.bot.seeded import seeded

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Killed(BaseException):
    """The process ends here."""


class Line:
    """A chat on a server that knows random ids; `trouble` happens before or after each send, in that order."""

    def __init__(self):
        self.chat = []
        self.trouble = []
        self.unreachable = False
        self.random_ids = []

    async def send(self, chat_id, text, random_id):
        before, after = self.trouble.pop(0) if self.trouble else (None, None)
        if before:
            raise before
        if random_id in self.random_ids:
            raise AlreadySent
        self.random_ids.append(random_id)
        self.chat.append(
            Message(chat_id, 100 + len(self.chat), sender_id=1, sent_at=NOW, outgoing=True, text=text.strip())
        )
        if after:
            raise after
        return self.chat[-1]

    async def own_since(self, chat_id, message_id):
        if self.unreachable:
            raise Lost
        return [m for m in self.chat if m.chat_id == chat_id and m.message_id > message_id]


class Setting:
    def __init__(self, store):
        self.now = NOW
        self.store = store
        self.line = Line()
        self.outbox = self.restarted()

    def restarted(self):
        return Outbox(self.store, self.line, seeded(7), lambda: self.now)

    @property
    def said(self):
        return [m.text for m in self.line.chat]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("bot.outbox.FIRST_WAIT", 0)


@pytest.fixture
def at(tmp_path):
    with open_store(tmp_path / "store.db", migrations) as store:
        yield Setting(store)


async def test_what_is_sent_is_history(at):
    first, second = at.outbox.queue(5, ["hi", "there"])
    assert first.random_id != second.random_id
    assert (await at.outbox.send(first)).state is EntryState.SENT
    assert (await at.outbox.send(second)).message_id == 101
    assert [m.text for m in at.store.recent(5, limit=9)] == ["hi", "there"]


async def test_a_refusal_is_final(at):
    at.line.trouble = [(Refused("USER_IS_BLOCKED"), None)]
    (entry,) = at.outbox.queue(5, ["hi"])
    result = await at.outbox.send(entry)
    assert (result.state, result.error, at.said) == (EntryState.FAILED, "USER_IS_BLOCKED", [])
    assert await at.outbox.recover({5}) == []


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_lost_answer_ends_in_exactly_one_message(at, where):
    at.line.trouble = [(Lost(), None) if where == "before" else (None, Lost())]
    (entry,) = at.outbox.queue(5, ["hi "])
    result = await at.outbox.send(entry)
    assert (result.state, result.message_id, at.said) == (EntryState.SENT, 100, ["hi"])


async def test_a_random_id_that_telegram_knows_means_sent(at):
    at.line.trouble = [(AlreadySent(), None)]
    (entry,) = at.outbox.queue(5, ["hi"])
    assert (await at.outbox.send(entry)).state is EntryState.SENT
    assert at.said == []


async def test_the_same_words_twice_are_two_messages(at):
    at.line.trouble = [(None, None), (Lost(), None)]
    for entry in at.outbox.queue(5, ["ok", "ok"]):
        assert (await at.outbox.send(entry)).state is EntryState.SENT
    assert at.said == ["ok", "ok"]


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("draft_id", [None, 3])
async def test_after_a_kill_the_next_run_sends_exactly_once(at, where, draft_id):
    at.line.trouble = [(Killed(), None) if where == "before" else (None, Killed())]
    (entry,) = at.outbox.queue(5, ["hi"], draft_id=draft_id)
    with pytest.raises(Killed):
        await at.outbox.send(entry)
    (result,) = await at.restarted().recover({5})
    assert (result.state, at.said) == (EntryState.SENT, ["hi"])
    assert len(set(at.line.random_ids)) == 1 and at.line.random_ids == [entry.random_id]
    assert await at.restarted().recover({5}) == []


async def test_after_a_long_time_only_what_the_owner_approved_is_still_sent(at):
    at.line.trouble = [(Killed(), None)]
    for text, draft_id in (("by itself", None), ("approved", 3)):
        (entry,) = at.outbox.queue(5, [text], draft_id=draft_id)
        at.line.trouble = [(Killed(), None)]
        with pytest.raises(Killed):
            await at.outbox.send(entry)
    at.outbox.queue(5, ["never begun"])
    at.now += timedelta(hours=1)
    results = await at.restarted().recover({5})
    assert [one.state for one in results] == [EntryState.CANCELLED, EntryState.SENT, EntryState.CANCELLED]
    assert at.said == ["approved"]


async def test_our_own_message_that_comes_back_is_not_the_owners(at):
    at.line.trouble = [(None, Killed())]
    (entry,) = at.outbox.queue(5, ["hi"])
    with pytest.raises(Killed):
        await at.outbox.send(entry)
    echo = at.line.chat[0]
    assert at.restarted().is_own(echo)
    await at.restarted().recover({5})
    assert at.outbox.is_own(echo)
    assert not at.outbox.is_own(Message(5, 200, 1, NOW, outgoing=True, text="hi"))
    assert sent_since(at.store.database, NOW - timedelta(hours=1)) == 1


async def test_what_a_model_wrote_is_remembered_as_such_and_what_the_owner_typed_is_his(at):
    drafts = Drafts(at.store.database, lambda: NOW)
    chosen, typed = (drafts.open(chat, answers_to=1, proposals=[("hi",)]).draft_id for chat in (5, 6))
    drafts.close(chosen, DraftState.SENT, number=1)
    drafts.close(typed, DraftState.SENT)
    for chat_id, text, draft_id in ((5, "by itself", None), (5, "chosen", chosen), (6, "typed", typed)):
        (entry,) = at.outbox.queue(chat_id, [text], draft_id=draft_id)
        await at.outbox.send(entry)
    assert at.said == ["by itself", "chosen", "typed"]
    assert ghostwritten.marked(at.store.database) == {(5, 100), (5, 101)}


async def test_it_is_remembered_though_nobody_could_look_which_message_it_became(at):
    at.line.trouble = [(None, Lost()), (AlreadySent(), None)]
    (entry,) = at.outbox.queue(5, ["hi"])
    at.line.unreachable = True
    assert (await at.outbox.send(entry)).state is EntryState.SENT
    assert ghostwritten.marked(at.store.database) == frozenset()
    at.line.unreachable = False
    await at.restarted().recover({5})
    assert ghostwritten.marked(at.store.database) == {(5, 100)}
    assert await at.restarted().recover({5}) == []
