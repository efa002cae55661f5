"""A message is sent once, or known not to be: over a line that loses answers, refuses, and dies."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desks.drafts import Drafts, DraftState
from bot.sending.entries import EntryState, sent_since
from bot.sending.outbox import MOST_UNITS, Outbox, split, units
from bot.sending.refused import AlreadySent, Lost, Refused, Wait
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
        self.blind = []
        self.random_ids = []

    def say(self, text, *, outgoing, chat_id=5):
        self.chat.append(Message(chat_id, 100 + len(self.chat), 1, NOW, outgoing=outgoing, text=text.strip()))
        return self.chat[-1]

    async def send(self, chat_id, text, random_id):
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
        if self.blind:
            raise self.blind.pop(0)
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


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("bot.sending.outbox.FIRST_WAIT", 0)


@pytest.fixture
def at(tmp_path):
    with open_store(tmp_path / "store.db", migrations) as store:
        yield Setting(store)


async def test_what_is_sent_is_history(at):
    first, second = at.outbox.queue(5, ["hi", "there"])
    assert first.random_id != second.random_id
    assert (await at.send(first)).state is EntryState.SENT
    assert (await at.send(second)).message_id == 101
    assert [m.text for m in at.store.recent(5, limit=9)] == ["hi", "there"]


async def test_a_refusal_is_final(at):
    at.line.trouble = [(Refused("USER_IS_BLOCKED"), None)]
    (entry,) = at.outbox.queue(5, ["hi"])
    result = await at.send(entry)
    assert (result.state, result.error, at.said) == (EntryState.FAILED, "USER_IS_BLOCKED", [])
    assert await at.outbox.recover({5}) == []


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_lost_answer_ends_in_exactly_one_message(at, where):
    at.line.trouble = [(Lost(), None) if where == "before" else (None, Lost())]
    (entry,) = at.outbox.queue(5, ["hi "])
    result = await at.send(entry)
    assert (result.state, result.message_id, at.said) == (EntryState.SENT, 100, ["hi"])


@pytest.mark.parametrize("where", ["before", "after"])
async def test_nothing_is_sent_again_before_one_could_look(at, where):
    (entry,) = at.outbox.queue(5, ["hi"])
    at.line.trouble = [(Lost(), None) if where == "before" else (None, Lost())]
    looks = [Lost()] * 20
    at.line.blind = [*looks]
    assert (await at.send(entry)).state is EntryState.SENT
    assert at.said == ["hi"] and at.line.blind == []


@pytest.mark.parametrize("draft_id", [None, 3])
async def test_after_a_lost_answer_words_of_the_owners_own_end_it(at, draft_id):
    (entry,) = at.outbox.queue(5, ["hi"], draft_id=draft_id)
    at.line.trouble = [(Lost(), None)]
    at.line.blind = []

    def still():
        if not at.said:
            at.line.say("I answer myself", outgoing=True)
        return True

    result = await at.send(entry, still)
    assert result.state is EntryState.UNKNOWN and at.said == ["I answer myself"]
    (settled,) = await at.restarted().recover({5})
    assert settled.state is EntryState.CANCELLED and at.said == ["I answer myself"]


@pytest.mark.parametrize(
    ("outgoing", "draft_id", "sent"), [(True, 3, 0), (False, 3, 1), (True, None, 0), (False, None, 0)]
)
async def test_what_was_said_unheard_stops_it_but_only_the_owners_words_stop_what_he_chose(
    at, outgoing, draft_id, sent
):
    (entry,) = at.outbox.queue(5, ["hi"], draft_id=draft_id)
    at.line.say("unheard", outgoing=outgoing)
    result = await at.send(entry)
    assert at.said == ["unheard", "hi"][: 1 + sent]
    assert result.state is (EntryState.SENT if sent else EntryState.CANCELLED)


async def test_it_is_asked_last_whether_to_go_on(at):
    (entry,) = at.outbox.queue(5, ["hi"])
    assert (await at.send(entry, lambda: False)).state is EntryState.CANCELLED
    assert at.said == []


async def test_a_server_that_never_answers_is_not_asked_for_ever(at):
    (entry,) = at.outbox.queue(5, ["hi"])
    at.line.trouble = [(Lost(), None)] * 99
    assert (await at.send(entry)).state is EntryState.UNKNOWN
    assert len(at.line.trouble) == 94


async def test_a_wait_leaves_it_queued_and_what_is_unknown_stays_so(at):
    (entry,) = at.outbox.queue(5, ["hi"])
    at.line.trouble = [(Wait("FLOOD_WAIT", NOW), None), (Lost(), None), (Wait("FLOOD_WAIT", NOW), None)]
    with pytest.raises(Wait):
        await at.send(entry)
    (given_up,) = at.outbox.queue(6, ["other"])
    assert at.outbox.give_up(given_up).state is EntryState.CANCELLED
    with pytest.raises(Wait):
        await at.send(entry)
    assert at.outbox.give_up(entry).state is EntryState.UNKNOWN


async def test_where_nobody_may_look_nothing_is_sent(at):
    never, begun = at.outbox.queue(5, ["never begun", "begun"])
    at.line.trouble = [(Lost(), None)]
    at.line.blind = [Refused("CHANNEL_PRIVATE")]
    assert (await at.send(never)).state is EntryState.FAILED

    def still():
        at.line.blind = [Refused("CHANNEL_PRIVATE")]
        return True

    assert (await at.send(begun, still)).state is EntryState.UNKNOWN
    assert at.said == []


async def test_a_random_id_that_telegram_knows_means_sent(at):
    at.line.trouble = [(AlreadySent(), None)]
    (entry,) = at.outbox.queue(5, ["hi"])
    assert (await at.send(entry)).state is EntryState.SENT
    assert at.said == []


async def test_the_same_words_twice_are_two_messages(at):
    at.line.trouble = [(None, None), (Lost(), None)]
    for entry in at.outbox.queue(5, ["ok", "ok"]):
        assert (await at.send(entry)).state is EntryState.SENT
    assert at.said == ["ok", "ok"]


POINTS = ["queued", "before", "after", "sent"]
"""Where a process may end: nothing asked yet, Telegram has not heard of it, has taken it, and we know that it has."""


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("draft_id", [None, 3])
async def test_acceptance_27_a_kill_at_any_point_leaves_exactly_one_message_or_a_known_none(at, point, draft_id):
    (entry,) = at.outbox.queue(5, ["hi"], draft_id=draft_id)
    if point == "sent":
        await at.send(entry)
    elif point != "queued":
        at.line.trouble = [(Killed(), None) if point == "before" else (None, Killed())]
        with pytest.raises(Killed):
            await at.send(entry)
    settled = await at.restarted().recover({5})
    arrives = draft_id is not None or point in ("after", "sent")
    assert at.said == ["hi"] * arrives, "what the double began by itself is a draft after a restart"
    states = {one.state for one in settled}
    assert states == (set() if point == "sent" else {EntryState.SENT if arrives else EntryState.CANCELLED})
    assert at.line.random_ids == [entry.random_id] * arrives
    assert await at.restarted().recover({5}) == [] and at.said == ["hi"] * arrives


@pytest.mark.parametrize("outgoing", [True, False])
async def test_what_the_owner_approved_is_not_sent_by_the_next_run_where_the_chat_moved_on(at, outgoing):
    (entry,) = at.outbox.queue(5, ["hi"], draft_id=3)
    at.line.trouble = [(Killed(), None)]
    with pytest.raises(Killed):
        await at.send(entry)
    at.line.say("meanwhile", outgoing=outgoing)
    (settled,) = await at.restarted().recover({5})
    assert settled.state is EntryState.CANCELLED and at.said == ["meanwhile"]


async def test_of_a_burst_nothing_overtakes_what_nobody_could_look_for(at):
    first, _ = at.outbox.queue(5, ["first", "second"], draft_id=3)
    at.line.trouble = [(None, Killed())]
    with pytest.raises(Killed):
        await at.send(first)
    at.line.blind = [Lost()]
    assert [one.state for one in await at.restarted().recover({5})] == [EntryState.SENDING]
    assert [one.state for one in await at.restarted().recover({5})] == [EntryState.SENT] * 2
    assert at.said == ["first", "second"]


async def test_in_a_chat_where_the_double_speaks_no_more_nothing_is_recovered(at):
    at.outbox.queue(5, ["hi"], draft_id=3)
    (settled,) = await at.restarted().recover({6})
    assert settled.state is EntryState.CANCELLED and at.said == []


async def test_our_own_message_that_comes_back_is_not_the_owners(at):
    at.line.trouble = [(None, Killed())]
    (entry,) = at.outbox.queue(5, ["hi"])
    with pytest.raises(Killed):
        await at.send(entry)
    echo = at.line.chat[0]
    assert at.restarted().recognise(echo)
    await at.restarted().recover({5})
    assert at.outbox.recognise(echo)
    assert not at.outbox.recognise(replace(echo, message_id=200))
    assert sent_since(at.store.database, NOW - timedelta(hours=1)) == 1


async def test_an_unknown_message_that_comes_back_is_known_to_be_sent(at):
    (entry,) = at.outbox.queue(5, ["hi  there"])
    at.line.trouble = [(None, Lost())]

    def still():
        at.line.blind = [Refused("CHANNEL_PRIVATE")]
        return True

    assert (await at.send(entry, still)).state is EntryState.UNKNOWN
    assert at.outbox.recognise(replace(at.line.chat[0], text="hi there"))
    assert ghostwritten.marked(at.store.database) == {(5, 100)}
    assert await at.restarted().recover({5}) == []


async def test_what_a_model_wrote_is_remembered_as_such_and_what_the_owner_typed_is_his(at):
    drafts = Drafts(at.store.database, lambda: NOW)
    chosen, typed = (drafts.open(chat, answers_to=1, proposals=[("hi",)]).draft_id for chat in (5, 6))
    drafts.close(chosen, DraftState.SENT, number=1)
    drafts.close(typed, DraftState.SENT)
    for chat_id, text, draft_id in ((5, "by itself", None), (5, "chosen", chosen), (6, "typed", typed)):
        (entry,) = at.outbox.queue(chat_id, [text], draft_id=draft_id)
        await at.send(entry)
    assert at.said == ["by itself", "chosen", "typed"]
    assert ghostwritten.marked(at.store.database) == {(5, 100), (5, 101)}


async def test_it_is_remembered_though_nobody_could_look_which_message_it_became(at):
    (entry,) = at.outbox.queue(5, ["hi"])
    at.line.trouble = [(None, Killed())]
    with pytest.raises(Killed):
        await at.send(entry)
    at.line.random_ids = []  # it stands in the chat; what follows is Telegram's answer to the same random_id
    at.line.trouble, at.line.chat, standing = [(AlreadySent(), None)], [], at.line.chat

    def still():
        at.line.blind = [Lost()]
        return True

    assert (await at.send(entry, still)).state is EntryState.SENT
    assert ghostwritten.marked(at.store.database) == frozenset()
    at.line.chat = standing
    await at.restarted().recover({5})
    assert ghostwritten.marked(at.store.database) == {(5, 100)}
    assert await at.restarted().recover({5}) == []


@given(st.text(alphabet=st.sampled_from("ab \n😀é"), max_size=300), st.integers(1, 40))
def test_acceptance_35_a_long_text_is_split_and_nothing_of_it_is_lost(text, copies):
    whole = text * copies * 3
    parts = list(split(whole))
    assert all(units(part) <= MOST_UNITS for part in parts)
    assert "".join("".join(parts).split()) == "".join(whole.split())


def test_a_long_text_is_cut_between_lines_or_words_where_it_can_be():
    words = "word " * 1000
    first, second = split(words)
    assert first.endswith("word") and second.startswith("word")
    assert [units(part) for part in split("😀" * 3000)] == [4096, 1904]
    assert [len(part) for part in split("x" * 3000 + "\n" + "y z" * 1000)] == [3000, 3000]
