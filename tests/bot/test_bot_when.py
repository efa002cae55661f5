"""When the double speaks, end to end over a Telegram of our own: whose turn it is."""

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from bot.desks.drafts import DraftState
from tests.bot.test_bot_flow import SENT

TOUCHES = ("messages.readHistory", "messages.setTyping", *SENT)


async def test_acceptance_17_the_same_update_three_times_leads_to_one_answer(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.script.says = [("yes",)]
    async with at.running():
        at.world.faults.duplicate_updates = 6
        at.say(anna, at.owner, "coming?")
        at.say(boris, at.owner, "coming?")
        at.sandbox.drop_connections()
        await at.until(lambda: at.saved() and at.from_owner(boris))
        await at.quiet()
    async with at.running():
        await at.quiet(0.1)
    assert len(at.saved()) == 1 and at.from_owner(boris) == ["yes"]
    with contextlib.closing(sqlite3.connect(at.config.database)) as database:
        (drafts,) = database.execute("select count(*) from draft").fetchone()
    assert drafts == 1


async def test_acceptance_21_where_the_owner_answers_on_his_phone_the_double_keeps_away(at):
    boris = at.person("Boris")
    at.script.go_on.clear()
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.script.begun.wait()
        at.say(at.owner, boris, "I answer myself")
        at.script.go_on.set()
        await at.quiet(0.1)
        at.say(boris, at.owner, "nice")
        await at.until(lambda: at.decisions()[-1:] == [("silent", "owner_talks")])
        await at.quiet(0.1)
        assert at.from_owner(boris) == ["I answer myself"] and at.saved() == []
        assert at.calls(*TOUCHES) == []


@pytest.mark.parametrize(("minutes", "decided"), [(29, ("silent", "owner_talks")), (31, ("auto", "mode"))])
async def test_the_half_hour_begins_anew_with_each_of_the_owners_words(at, minutes, decided):
    boris = at.person("Boris")
    now = datetime.now(UTC)
    async with at.running():
        for ago in (45, minutes):
            at.say(at.owner, boris, "I write myself", date=(now - timedelta(minutes=ago)).timestamp())
        at.say(boris, at.owner, "and?")
        await at.until(lambda: decided in at.decisions())


async def test_words_that_the_owner_took_back_keep_the_double_away_all_the_same(at):
    boris = at.person("Boris")
    async with at.running():
        said = at.say(at.owner, boris, "I answer mys")
        await at.until(lambda: at.decisions() == [("silent", "owner_answered")])
        at.world.delete(said)
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.decisions()[-1:] == [("silent", "owner_talks")])
    assert at.calls(*TOUCHES) == []


async def test_what_is_answered_is_not_answered_again_where_the_answer_is_deleted(at):
    boris = at.person("Boris")
    at.limit(topics=())
    at.script.says = [("yes", "sure")]
    at.world.fault("messages.setTyping", delay=0.3, after=1)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == ["yes"])
        at.world.delete(at.chat(at.owner, boris)[-1])
        await at.until(lambda: at.states() == [("yes", "sent"), ("sure", "sent")])
        await at.quiet()
        assert at.from_owner(boris) == ["sure"] and len(at.script.prompts) == 1


async def test_what_the_owner_leaves_unanswered_is_taken_up_once_he_was_away_for_long(at):
    anna = at.person("Anna")
    at.limit(away_minutes=0.02)
    async with at.running():
        at.say(at.owner, anna, "I write myself")
        at.say(anna, at.owner, "and you?")
        await at.until(at.saved)
        await at.until(lambda: any("wait for you" in line for line in at.lines))
    assert at.decisions() == [("silent", "owner_talks"), ("draft", "mode")]


async def test_acceptance_22_the_doubles_own_message_is_no_sign_of_the_owner(at):
    boris = at.person("Boris")
    at.script.says = [("yes",)]
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == ["yes"])
        at.sandbox.drop_connections()
        await at.quiet(0.2)
        at.say(boris, at.owner, "really?")
        await at.until(lambda: at.from_owner(boris) == ["yes", "yes"])
    assert {action for action, _ in at.decisions()} == {"auto"}


async def test_acceptance_23_an_edit_before_the_answer_makes_a_new_draft_and_the_old_one_sends_nothing(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        said = at.say(anna, at.owner, "coming?")
        await at.until(at.saved)
        (old,) = drafts.all_open()
        at.world.edit(said, "coming there?")
        await at.until(lambda: "> coming there?" in at.saved()[0].text)
        assert len(at.saved()) == 1 and drafts.get(old.draft_id).state is DraftState.EXPIRED
        assert at.from_owner(anna) == []


async def test_an_edit_just_before_the_end_makes_a_new_draft_at_the_next_start(at):
    anna = at.person("Anna")
    async with at.running():
        said = at.say(anna, at.owner, "coming?")
        await at.until(at.saved)
        at.script.begun.clear()
        at.script.go_on.clear()
        at.world.edit(said, "coming there?")
        await at.until(at.script.begun.is_set)
    at.script.go_on.set()
    async with at.running() as drafts:
        await at.until(drafts.all_open)
        await at.until(lambda: "1. yes" in at.saved()[0].text)
        assert len(at.saved()) == 1 and at.from_owner(anna) == []


async def test_an_edit_while_it_types_makes_another_answer(at):
    boris = at.person("Boris")
    at.script.says = [("old answer",)]
    at.world.fault("messages.setTyping", delay=0.3)
    async with at.running():
        said = at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.calls("messages.setTyping"))
        at.script.says = [("new answer",)]
        at.world.edit(said, "not coming?")
        await at.until(lambda: at.from_owner(boris))
        await at.quiet()
        assert at.from_owner(boris) == ["new answer"]


async def test_an_edit_of_what_is_answered_is_only_stored(at):
    boris = at.person("Boris")
    at.script.says = [("yes",)]
    async with at.running():
        said = at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris))
        at.world.edit(said, "coming there?")
        await at.quiet(0.2)
        assert at.from_owner(boris) == ["yes"] and len(at.script.prompts) == 1


async def test_acceptance_24_a_reaction_makes_no_new_draft(at):
    anna = at.person("Anna")
    async with at.running():
        said = at.say(anna, at.owner, "coming?")
        await at.until(at.saved)
        prompts = len(at.script.prompts)
        at.world.react(at.owner, said, "❤")
        at.world.react(anna, said, "😂", bumps=True)
        await at.quiet(0.2)
        assert len(at.saved()) == 1 and len(at.script.prompts) == prompts


async def test_what_is_deleted_before_the_answer_is_dropped(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.world.fault("messages.readHistory", delay=0.3)
    async with at.running():
        oops, typo = at.say(anna, at.owner, "oops"), at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.saved() and at.calls("messages.readHistory"))
        at.world.delete(oops, typo)
        await at.until(lambda: "Outdated" in at.saved()[0].text)
        await at.quiet(0.5)
        assert len(at.saved()) == 1 and at.calls("messages.setTyping") == []


async def test_what_grows_too_old_while_it_types_is_not_sent_but_drafted(at, monkeypatch):
    boris = at.person("Boris")
    monkeypatch.setattr("bot.deciding.policy.FRESH", timedelta(seconds=2))
    at.world.fault("messages.setTyping", delay=2)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(at.saved)
        assert at.from_owner(boris) == [] and at.states() == [("yes", "cancelled")]
    assert at.decisions() == [("auto", "mode"), ("draft", "stale")]


async def test_acceptance_25_after_a_night_offline_there_is_one_draft_a_chat_and_no_answer(at):
    friends = [at.person("Anna"), at.person("Boris")]
    async with at.running():
        pass
    night = datetime.now(UTC) - timedelta(hours=9)
    for number in range(40):
        at.say(friends[number % 2], at.owner, f"message {number}", date=(night + timedelta(minutes=number)).timestamp())
    async with at.running():
        await at.until(lambda: len(at.saved()) == 2)
        await at.quiet()
    assert len(at.saved()) == 2 and at.calls(*TOUCHES) == ["messages.sendMessage"] * 2, "the two cards"
    assert sorted(at.decisions()) == [("draft", "mode"), ("draft", "stale")]


async def test_acceptance_25_after_an_outage_of_a_running_bot_the_same(at):
    boris = at.person("Boris")
    night = datetime.now(UTC) - timedelta(hours=9)
    async with at.running():
        at.world.faults.silent_stream = True
        for number in range(10):
            at.say(boris, at.owner, f"message {number}", date=night.timestamp())
        at.world.faults.silent_stream = False
        at.world.box(at.owner).forget()
        at.sandbox.drop_connections()
        await at.until(at.saved)
        await at.quiet()
    assert len(at.saved()) == 1 and at.from_owner(boris) == []


async def test_acceptance_31_bots_channels_telegram_strangers_and_groups_that_talk_among_themselves(at):
    anna, boris, group = at.person("Anna"), at.person("Boris"), next(iter(at.world.groups.values()))
    bot = at.world.bot("7:token", "weather_bot")
    telegram = at.world.person("Telegram", user_id=777000)
    namesake = at.world.person("Boris")
    channel = at.world.supergroup("News", [anna, at.owner], broadcast=True)
    async with at.running():
        at.world.calls.clear()
        for sender, receiver in (
            (bot, at.owner),
            (telegram, at.owner),
            (namesake, at.owner),
            (at.person("Nina"), at.owner),
        ):
            at.say(sender, receiver, "hello you")
        at.say(anna, channel, "@olive hello")
        at.say(anna, group, "how are you all")
        at.say(anna, group, "write to me@olive.example")
        at.say(boris, at.owner, "by a bot", via_bot=bot)
        await at.quiet()
        assert at.script.prompts == [] and at.saved() == [] and at.calls(*TOUCHES) == []
        assert set(at.decisions()) == {("silent", "not_addressed"), ("silent", "by_a_bot")}


async def test_a_reply_to_words_of_the_owner_long_ago_is_meant_for_him(at):
    anna, group = at.person("Anna"), next(iter(at.world.groups.values()))
    at.limit(away_minutes=0)
    async with at.running():
        own = at.say(at.owner, group, "who has a rope?")
        for number in range(3):
            at.say(anna, group, f"chatter {number}")
        at.say(at.person("Nina"), group, "me", reply_to=own)
        await at.until(at.saved)
