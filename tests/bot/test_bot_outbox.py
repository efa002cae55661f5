"""A message is sent once, or known not to be: over a line that loses answers, refuses, and dies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desks.drafts import Drafts, DraftState
from bot.sending.entries import EntryState
from bot.sending.outbox import MOST_UNITS, split, units
from bot.sending.refused import AlreadySent, Lost, Refused, Wait
from exporter.storing import ghostwritten
from tests.bot.line import NOW, a_line


@pytest.fixture
def at(tmp_path, monkeypatch):
    with a_line(tmp_path, monkeypatch) as setting:
        yield setting


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


async def test_what_is_stored_but_was_not_heard_of_stops_an_answer_to_what_was_said_before(at):
    asked, unheard = at.line.say("coming?", outgoing=False), at.line.say("never mind", outgoing=False)
    at.store.add([asked, unheard])
    (entry,) = at.outbox.queue(5, ["yes"], answering=asked.message_id)
    assert (await at.send(entry)).state is EntryState.CANCELLED
    (entry,) = at.outbox.queue(5, ["fine"], answering=unheard.message_id)
    assert (await at.send(entry)).state is EntryState.SENT


@pytest.mark.parametrize(("draft_id", "state"), [(None, EntryState.CANCELLED), (3, EntryState.SENT)])
async def test_to_what_was_deleted_unheard_nothing_is_said_but_what_the_owner_chose(at, draft_id, state):
    at.store.add([at.line.say("coming?", outgoing=False)])
    stands, gone = at.outbox.queue(5, ["yes", "sure"], draft_id=draft_id)
    assert (await at.send(stands)).state is EntryState.SENT
    del at.line.chat[0]
    assert (await at.send(gone)).state is state


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
