"""What becomes of messages of which nobody knows whether they arrived: after a kill, and after lost answers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.sending.entries import EntryState, sent_since
from bot.sending.refused import AlreadySent, Lost, Refused, Wait
from exporter.storing import ghostwritten
from tests.bot.line import NOW, Killed, a_line

POINTS = ["queued", "before", "after", "sent"]
"""Where a process may end: nothing asked yet, Telegram has not heard of it, has taken it, and we know that it has."""


@pytest.fixture
def at(tmp_path, monkeypatch):
    with a_line(tmp_path, monkeypatch) as setting:
        yield setting


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
    outbox = at.restarted()
    assert await outbox.recover({5}) == [] and outbox.owes
    assert [one.state for one in await outbox.recover({5})] == [EntryState.SENT] * 2
    assert at.said == ["first", "second"] and not outbox.owes


@pytest.mark.parametrize("trouble", [Lost(), Wait("FLOOD_WAIT", NOW)])
@pytest.mark.parametrize("where", ["blind", "trouble"])
async def test_a_choice_that_could_not_be_sent_at_the_start_is_sent_later_and_in_order(at, where, trouble):
    at.outbox.queue(5, ["first", "second"], draft_id=3)
    setattr(at.line, where, [trouble if where == "blind" else (trouble, None)])
    outbox = at.restarted()
    assert await outbox.recover({5}) == [] and at.said == []
    assert [one.state for one in await outbox.recover({5})] == [EntryState.SENT] * 2
    assert at.said == ["first", "second"]


async def test_a_choice_that_is_long_ago_is_not_sent_any_more(at):
    at.outbox.queue(5, ["hi"], draft_id=3)
    at.now = NOW + timedelta(minutes=11)
    (settled,) = await at.restarted().recover({5})
    assert (settled.state, settled.error, at.said) == (EntryState.CANCELLED, "TOO_LATE", [])


async def test_what_got_lost_in_this_run_is_settled_in_it(at):
    at.line.trouble = [(Lost(), None)] * 5
    (entry,) = at.outbox.queue(5, ["hi"], draft_id=3)
    assert (await at.send(entry)).state is EntryState.UNKNOWN and at.outbox.owes
    assert [one.state for one in await at.outbox.recover({5})] == [EntryState.SENT]
    assert at.said == ["hi"] and at.line.random_ids == [entry.random_id]


@pytest.mark.parametrize("arrived", [True, False])
async def test_what_got_lost_and_is_given_up_is_settled_all_the_same(at, arrived):
    """A stop, say, comes while it is to be looked for; or a wait that is too long."""
    at.line.trouble = [(None, Lost()) if arrived else (Lost(), None)]
    at.line.blind = [None, Wait("FLOOD_WAIT", NOW + timedelta(hours=1))]
    (entry,) = at.outbox.queue(5, ["hi"], draft_id=3)
    with pytest.raises(Wait):
        await at.send(entry)
    at.outbox.cancel([entry])
    assert at.outbox.owes
    at.line.say("enough", outgoing=True)
    (settled,) = await at.outbox.recover({5})
    assert settled.state is (EntryState.SENT if arrived else EntryState.CANCELLED) and not at.outbox.owes
    assert at.said == ["hi"] * arrived + ["enough"]


async def test_after_a_wait_its_own_message_is_found(at):
    at.line.trouble, at.line.blind = [(None, Lost())], [None, Wait("FLOOD_WAIT", NOW)]
    (entry,) = at.outbox.queue(5, ["hi"], draft_id=3)
    with pytest.raises(Wait):
        await at.send(entry)
    assert (await at.send(entry)).state is EntryState.SENT and at.said == ["hi"]


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
