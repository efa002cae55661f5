"""What keeps an answer of the double's own back: the owner at hand, hours, caps, topics, doubt, marks."""

import asyncio
from itertools import islice, product

import pytest

from tests.bot.test_bot_flow import SENT

TOUCHES = ("messages.readHistory", "messages.setTyping", *SENT)


@pytest.mark.parametrize("sign", ["read", "writes", "online", "went"])
async def test_where_the_owner_is_present_an_answer_becomes_a_draft(at, sign):
    boris = at.person("Boris")
    at.script.go_on.clear()
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.script.begun.wait()
        if sign == "read":
            at.world.read(at.owner, boris)
        elif sign == "writes":
            at.world.begin(at.owner, boris, "I am j")
        else:
            at.world.come_online(at.owner, sign == "online")
        await at.quiet(0.1)
        at.script.go_on.set()
        (card,) = await at.until(at.saved)
        assert "you are here" in card.text
        await at.quiet(0.1)
        assert at.from_owner(boris) == [] and at.calls("messages.readHistory") == []
        assert at.decisions() == [("auto", "mode"), ("draft", "owner_present")]


async def test_an_owner_who_is_online_when_the_bot_begins_is_noticed(at):
    boris = at.person("Boris")
    at.world.come_online(at.owner)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(at.saved)
        await at.until(lambda: at.decisions() == [("draft", "owner_present")])


@pytest.mark.parametrize("sign", ["read", "online"])
async def test_a_sign_of_the_owner_that_came_during_an_outage_counts_after_it(at, sign):
    boris = at.person("Boris")
    async with at.running():
        earlier = at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris))
        assert at.decisions() == [("auto", "mode")], earlier
        at.say(boris, at.owner, "and?")
        at.world.faults.silent_stream = True
        at.world.read(at.owner, boris) if sign == "read" else at.world.come_online(at.owner)
        at.world.faults.silent_stream = False
        at.sandbox.drop_connections()
        await at.until(at.saved)
        assert len(at.from_owner(boris)) == 1 and at.decisions()[-1] == ("draft", "owner_present")


async def test_what_passed_in_an_outage_too_long_to_be_told_of_may_have_been_the_owner(at):
    """He read what is answered, and Telegram says no more of it: only that too much was missed."""
    boris = at.person("Boris")
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris))
        at.world.faults.silent_stream = True
        at.say(boris, at.owner, "and?")
        at.world.read(at.owner, boris)
        at.world.box(at.owner).forget()
        at.world.faults.silent_stream = False
        at.sandbox.drop_connections()
        await at.until(at.saved)
        assert len(at.from_owner(boris)) == 1 and at.decisions()[-1] == ("draft", "owner_present")


async def test_that_a_friend_types_is_waited_for(at):
    boris = at.person("Boris")
    at.config = at.config.model_copy(update={"reply": at.config.reply.model_copy(update={"settle_seconds": 0.0})})
    async with at.running():
        at.world.type(boris, at.owner)
        await at.quiet(0.02)
        at.say(boris, at.owner, "I")
        for _ in range(3):
            at.world.type(boris, at.owner)
            await asyncio.sleep(0.03)
            assert at.script.prompts == []
        at.say(boris, at.owner, "think so")
        at.world.type(boris, at.owner, "cancel")
        await at.until(lambda: at.from_owner(boris))
        assert len(at.script.prompts) == 1


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"quiet_hours": "00:00-23:59"}, "quiet_hours"),
        ({"contact_per_hour": 1}, "contact_cap"),
        ({"contact_per_day": 1}, "contact_cap"),
        ({"per_hour": 1}, "cap"),
        ({"per_day": 1}, "cap"),
        ({"in_a_row": 1}, "in_a_row"),
    ],
)
async def test_acceptance_33_in_quiet_hours_and_above_the_caps_there_are_drafts_alone(at, limits, reason):
    boris = at.person("Boris")
    at.script.says = [("yes",)]
    if reason != "quiet_hours":
        async with at.running():
            at.say(boris, at.owner, "coming?")
            await at.until(lambda: at.from_owner(boris) == ["yes"])
    at.limit(**limits)
    async with at.running():
        at.say(boris, at.owner, "and you?")
        await at.until(at.saved)
        await at.quiet(0.1)
    assert len(at.from_owner(boris)) == (reason != "quiet_hours")
    assert at.decisions()[-1] == ("draft", reason)


async def test_an_answer_with_a_topic_of_the_owners_becomes_a_draft_and_the_card_says_why(at):
    boris = at.person("Boris")
    at.script.says = [("it costs 20 euros",), ("fine",)]
    async with at.running():
        at.say(boris, at.owner, "how was it?")
        (card,) = await at.until(at.saved)
        await at.quiet(0.1)
        assert "about money" in card.text and at.from_owner(boris) == []
        at.say(at.owner, at.owner, "+", reply_to=card)
        await at.until(lambda: at.from_owner(boris))
    assert at.decisions() == [("auto", "mode"), ("draft", "money")]


async def test_what_the_model_is_not_sure_of_becomes_a_draft(at):
    boris = at.person("Boris")
    at.script.likelihood = 0.05
    at.limit(likelihood=0.1)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        assert "not sure" in card.text and at.from_owner(boris) == []


@pytest.mark.parametrize("text", ["are you a bot?", "tervetuloa meille", "my granny is ill"])
async def test_what_is_not_the_doubles_to_answer_is_never_answered_by_it(at, text):
    boris = at.person("Boris")
    async with at.running():
        at.say(boris, at.owner, text)
        await at.until(at.saved)
        await at.quiet(0.1)
        assert at.from_owner(boris) == [] and at.calls("messages.readHistory", "messages.setTyping") == []


async def test_before_each_message_of_an_answer_it_is_asked_again_whether_it_is_right(at):
    boris = at.person("Boris")
    at.script.says = [("yes", "sure")]
    async with at.running():
        at.world.fault("messages.setTyping", delay=0.3, after=1)
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == ["yes"])
        at.world.come_online(at.owner)
        await at.until(lambda: at.states() == [("yes", "sent"), ("sure", "cancelled")])


@pytest.mark.parametrize(
    ("how", "first", "second"),
    [
        ({"disclosure": "none"}, ["yes"], ["yes"]),
        ({"disclosure": "mark"}, ["yes 🤖"], ["yes 🤖"]),
        ({"disclosure": "once", "notice": "I have a double"}, ["I have a double 🤖", "yes"], ["yes"]),
        ({"disclosure": "none", "disclosures": {"Boris": "mark"}}, ["yes 🤖"], ["yes 🤖"]),
    ],
)
async def test_contacts_are_told_that_a_program_answers_as_the_owner_wants_it(at, how, first, second):
    boris = at.person("Boris")
    at.script.says = [("yes",)]
    at.config = at.config.model_copy(update={"reply": at.config.reply.model_copy(update=how)})
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == first)
    async with at.running():
        at.say(boris, at.owner, "really?")
        await at.until(lambda: at.from_owner(boris) == [*first, *second])


async def test_every_part_of_what_is_too_long_for_one_message_bears_the_mark(at):
    boris = at.person("Boris")
    at.limit(topics=())
    words = " ".join(map("".join, islice(product("abcdefgh", repeat=4), 1500)))
    at.script.says = [(words,)]
    at.config = at.config.model_copy(update={"reply": at.config.reply.model_copy(update={"disclosure": "mark"})})
    async with at.running():
        at.say(boris, at.owner, "coming?")
        parts = await at.until(lambda: len(at.from_owner(boris)) == 2 and at.from_owner(boris))
        assert all(part.endswith(" 🤖") for part in parts)
        assert " ".join(part.removesuffix(" 🤖") for part in parts) == words


async def test_what_the_owner_chose_bears_no_mark(at):
    anna = at.person("Anna")
    at.config = at.config.model_copy(update={"reply": at.config.reply.model_copy(update={"disclosure": "mark"})})
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.say(at.owner, at.owner, "+", reply_to=card)
        await at.until(lambda: at.from_owner(anna) == ["yes"])


async def test_what_bears_the_mark_of_a_double_is_not_answered_by_one(at):
    boris = at.person("Boris")
    async with at.running():
        at.say(boris, at.owner, "coming? 🤖")
        await at.until(at.saved)
        assert at.decisions() == [("draft", "loop")]
