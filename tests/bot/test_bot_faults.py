"""Sending over a network that fails: exactly one message each time."""

from itertools import islice, product

import pytest

from exporter.errors import LoginError
from tests.bot.test_bot_flow import SENT


@pytest.mark.parametrize("drop", ["before", "after"])
async def test_a_connection_cut_around_a_send(at, drop):
    boris = at.person("Boris")
    at.script.says = [("once",)]
    async with at.running():
        at.world.fault("messages.sendMessage", drop=drop)
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris))
        await at.until(lambda: at.states() == [("once", "sent")])
        await at.quiet()
        assert at.from_owner(boris) == ["once"]
        assert len(at.calls(*SENT)) == (2 if drop == "before" else 1), "one looks before one sends again"


async def test_acceptance_28_a_duplicate_random_id_means_sent_and_takes_no_more_than_three_seconds(at):
    boris = at.person("Boris")
    at.script.says = [("once",)]
    async with at.running():
        at.world.fault("messages.sendMessage", error=(500, "RANDOM_ID_DUPLICATE"))
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.calls(*SENT))
        await at.until(lambda: at.states() == [("once", "sent")], seconds=3)
        assert len(at.calls(*SENT)) == 1 and at.from_owner(boris) == []


async def test_a_refusal_stops_the_burst_and_is_told_on_the_card(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.world.fault("messages.sendMessage", error=(400, "USER_IS_BLOCKED"))
        at.say(at.owner, at.owner, "3", reply_to=card)
        await at.until(lambda: "Not sent: they blocked you" in at.saved()[0].text)
        assert at.states() == [("maybe", "failed"), ("later", "cancelled")]
        assert at.from_owner(anna) == []


async def test_a_server_in_trouble_is_asked_again_with_the_same_random_id(at):
    boris = at.person("Boris")
    at.script.says = [("once",)]
    async with at.running():
        at.world.fault("messages.sendMessage", error=(500, "INTERNAL"))
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.states() == [("once", "sent")])
        assert at.from_owner(boris) == ["once"]
        sends = [call.request for call in at.world.calls if call.method == "messages.sendMessage"]
        assert len({send.random_id for send in sends}) == 1 and len(sends) == 2


async def test_a_revoked_session_ends_the_bot_with_a_fix(at):
    at.config = at.config.model_copy(update={"sync": at.config.sync.model_copy(update={"reconcile_seconds": 0.05})})
    with pytest.raises(LoginError):
        async with at.running():
            at.world.revoke(at.owner)
            await at.quiet()


async def test_a_message_whose_push_is_lost_is_answered_all_the_same(at):
    at.config = at.config.model_copy(update={"sync": at.config.sync.model_copy(update={"reconcile_seconds": 0.05})})
    at.world.faults.silent_stream = True
    anna, boris = at.person("Anna"), at.person("Boris")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.saved() and at.from_owner(boris))
        await at.quiet()
        assert len(at.saved()) == 1 and len(at.from_owner(boris)) == 1


async def test_a_reply_to_a_card_whose_push_is_lost_is_found_after_the_reconnection(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        await at.until(lambda: any("wait for you" in line for line in at.lines))
        at.world.faults.silent_stream = True
        at.say(at.owner, at.owner, "2", reply_to=card)
        at.world.box(at.owner).forget()
        at.sandbox.drop_connections()
        await at.until(lambda: at.from_owner(anna) == ["no"])


async def test_a_draft_of_an_outage_is_shown_after_it(at, monkeypatch):
    monkeypatch.setattr("bot.desks.desk.AGAIN", 0.05)
    at.script.go_on.clear()
    async with at.running() as drafts:
        at.say(at.person("Anna"), at.owner, "coming?")
        await at.script.begun.wait()
        port = at.sandbox.port
        await at.sandbox.mtproto.close()
        at.script.go_on.set()
        await at.until(drafts.all_open)
        await at.quiet(0.1)
        await at.sandbox.mtproto.start(at.sandbox.host, port)
        await at.until(at.saved)


async def test_all_that_is_left_open_is_settled_by_the_next_run(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        await at.until(lambda: any("wait for you" in line for line in at.lines))
    at.say(at.owner, anna, "I answered while it was down")
    async with at.running():
        await at.until(lambda: "Outdated" in at.saved()[0].text)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.quiet()
        assert at.from_owner(anna) == ["I answered while it was down"]


@pytest.mark.parametrize("friend", ["Anna", "Boris"])
async def test_whoever_was_being_answered_when_the_bot_ended_gets_a_draft_at_the_next_start(at, friend):
    friend = at.person(friend)
    at.script.go_on.clear()
    async with at.running():
        at.say(friend, at.owner, "coming?")
        await at.script.begun.wait()
    at.script.go_on.set()
    async with at.running():
        await at.until(lambda: any("wait for you" in line for line in at.lines))
        assert "> coming?" in at.saved()[0].text
    async with at.running():
        await at.quiet()
    assert len(at.saved()) == 1 and at.from_owner(friend) == []


async def test_an_open_draft_outlives_a_restart(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        await at.until(lambda: any("wait for you" in line for line in at.lines))
    async with at.running():
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: at.from_owner(anna) == ["yes"])


async def test_a_reply_to_a_card_while_the_bot_was_down_is_found_at_the_next_start(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        await at.until(lambda: any("wait for you" in line for line in at.lines))
    at.say(at.owner, at.owner, "a note")
    at.say(at.owner, at.owner, "2", reply_to=card)
    async with at.running():
        await at.until(lambda: at.from_owner(anna) == ["no"])


async def test_acceptance_17_an_update_that_comes_three_times_and_again_by_catch_up_is_answered_once(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.limit(present_minutes=0)  # else more was missed than is told of, and the owner may be there
    async with at.running():
        for friend in (anna, boris):
            at.world.faults.duplicate_updates = 1
            at.say(friend, at.owner, "coming?")
        at.world.box(at.owner).forget()
        at.sandbox.drop_connections()
        await at.until(lambda: at.saved() and at.from_owner(boris))
        await at.quiet()
        assert len(at.saved()) == 1 and at.from_owner(boris) == ["yes"]


async def test_acceptance_22_our_own_message_that_comes_back_by_catch_up_is_no_takeover(at):
    boris = at.person("Boris")
    at.limit(topics=())
    at.script.says = [("one", "two")]
    async with at.running():
        at.world.fault("messages.sendMessage", drop="after")
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.states() == [("one", "sent"), ("two", "sent")])
        assert at.from_owner(boris) == ["one", "two"]


async def test_our_message_is_found_however_short_the_pages_of_history_are(at):
    boris = at.person("Boris")
    at.limit(topics=())
    at.script.says = [("one", "two", "three")]
    at.world.faults.page = 1
    async with at.running():
        at.world.fault("messages.sendMessage", drop="after", after=2)
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: [state for _, state in at.states()] == ["sent"] * 3)
        assert at.from_owner(boris) == ["one", "two", "three"]


@pytest.mark.parametrize("speaks", ["owner", "friend"])
async def test_what_was_said_without_any_update_is_seen_before_the_double_speaks(at, speaks):
    boris = at.person("Boris")
    at.world.fault("messages.setTyping", delay=0.3)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.calls("messages.setTyping"))
        at.world.faults.silent_stream = True
        if speaks == "owner":
            at.say(at.owner, boris, "I answer myself")
        else:
            at.say(boris, at.owner, "never mind")
        await at.until(lambda: at.states() == [("yes", "cancelled")])
        assert at.calls(*SENT) == []


async def test_acceptance_35_markdown_arrives_as_it_is_and_a_long_text_in_parts(at):
    boris = at.person("Boris")
    at.limit(topics=())
    words = " ".join(map("".join, islice(product("abcdefgh", repeat=4), 1500)))
    at.script.says = [("*so* [it](there) `is`", words)]
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: len(at.from_owner(boris)) == 3)
        first, *parts = [message for message in at.chat(at.owner, boris) if message.sender.id == at.owner.id]
        assert first.text == "*so* [it](there) `is`" and not first.entities
        assert " ".join(part.text for part in parts) == words
        sends = [call.request for call in at.world.calls if call.method in SENT]
        assert all(send.no_webpage and not send.entities for send in sends)
