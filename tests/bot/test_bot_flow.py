"""The path of a message, end to end over a Telegram of our own: drafts, answers, and what must not happen."""

import time
from dataclasses import replace

import pytest

from bot.composing.engine import open_double
from bot.composing.sampler import Sampler
from bot.desks.drafts import DraftState
from bot.sending import habits
from tests.bot.bigram import vocabulary, write_artifact
from tests.bot.seeded import seeded
from trainer.models.artifact import read

SENT = ("messages.sendMessage",)
SHORT = 0.01
"""Seconds between two lines of a burst."""


async def test_draft_the_owner_answers_2_and_the_friend_gets_exactly_that_once(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming tonight?")
        (card,) = await at.until(at.saved)
        assert "> coming tonight?" in card.text and "Anna" in card.text
        assert "1. yes\n2. no\n3. maybe\n   later\n" in card.text
        assert at.calls("messages.readHistory", "messages.setTyping") == []
        at.say(at.owner, at.owner, "2", reply_to=card)
        await at.until(lambda: at.from_owner(anna))
        await at.until(lambda: "Sent 2 at" in at.saved()[0].text)
        await at.quiet()
        assert at.from_owner(anna) == ["no"]
        assert drafts.get(1).state is DraftState.SENT and drafts.get(1).number == 2
        assert at.calls("messages.readHistory") == []


@pytest.mark.parametrize(
    ("reply", "arrives", "card_says"),
    [
        ("+", ["yes"], "Sent 1 at"),
        ("3", ["maybe", "later"], "Sent 3 at"),
        ("-", [], "Skipped"),
        ("on *my* way :)\nreally", ["on *my* way :)\nreally"], "Sent your own words"),
        ("7", [], "1. yes"),
    ],
)
async def test_the_grammar_of_a_reply_to_a_card(at, reply, arrives, card_says):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming tonight?")
        (card,) = await at.until(at.saved)
        at.say(at.owner, at.owner, reply, reply_to=card)
        await at.until(lambda: len(at.from_owner(anna)) == len(arrives) and card_says in at.saved()[0].text)
        await at.quiet(0.1)
        assert at.from_owner(anna) == arrives


async def test_what_is_no_reply_to_a_card_is_the_owners_own_notebook(at):
    anna = at.person("Anna")
    async with at.running():
        note = at.say(at.owner, at.owner, "1")
        at.say(anna, at.owner, "coming tonight?")
        await at.until(lambda: len(at.saved()) == 2)
        at.say(at.owner, at.owner, "2", reply_to=note)
        at.say(at.owner, at.owner, "+")
        at.say(anna, anna, "2", reply_to=None)
        await at.quiet()
        assert at.from_owner(anna) == []


async def test_acceptance_36_a_second_reply_to_a_card_sends_nothing_more(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming tonight?")
        (card,) = await at.until(at.saved)
        for choice in ("2", "2", "1", "words"):
            at.say(at.owner, at.owner, choice, reply_to=card)
        await at.until(lambda: at.from_owner(anna))
        await at.quiet()
        assert at.from_owner(anna) == ["no"]


async def test_acceptance_26_auto_a_burst_is_answered_once_read_and_typed_first(at):
    boris = at.person("Boris")
    at.script.says = [("sure", "see you")]
    async with at.running():
        for line in ("hey", "are you there", "coming?"):
            last = at.say(boris, at.owner, line)
            await at.quiet(SHORT)
        await at.until(lambda: len(at.from_owner(boris)) == 2)
        await at.quiet()
        assert at.from_owner(boris) == ["sure", "see you"]
        assert len(at.script.prompts) == 1
        order = at.calls("messages.readHistory", "messages.setTyping", *SENT)
        assert order == ["messages.readHistory", *(["messages.setTyping", "messages.sendMessage"] * 2)]
        (read,) = [call.request for call in at.world.calls if call.method == "messages.readHistory"]
        assert read.max_id == last.id_for(at.owner)
        assert at.saved() == []


async def test_what_the_model_takes_counts_inside_the_think_delay(at, monkeypatch):
    boris = at.person("Boris")
    monkeypatch.setattr(habits, "USUAL", replace(habits.USUAL, delay=(100.0,) * 9))  # one second, at a test's pace
    at.script.go_on.clear()
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.script.begun.wait()
        await at.quiet(1)
        at.script.go_on.set()
        began = time.monotonic()
        await at.until(lambda: at.calls("messages.readHistory"))
        assert time.monotonic() - began < 0.6


async def test_in_neither_list_nothing_happens(at):
    nina = at.person("Nina")
    async with at.running():
        at.world.calls.clear()
        at.say(nina, at.owner, "anybody there?")
        await at.quiet()
        assert at.calls("messages.readHistory", "messages.setTyping", *SENT) == []
        assert at.script.prompts == [] and at.saved() == []


@pytest.mark.parametrize("friend", ["Anna", "Boris"])
async def test_an_answer_of_the_owners_own_cancels_everything(at, friend):
    friend = at.person(friend)
    at.script.go_on.clear()
    async with at.running():
        at.say(friend, at.owner, "coming?")
        await at.script.begun.wait()
        at.say(at.owner, friend, "I answer myself")
        await at.quiet(0.1)
        at.script.go_on.set()
        await at.quiet()
        assert at.from_owner(friend) == ["I answer myself"]
        assert at.saved() == []


async def test_an_answer_of_the_owners_own_expires_the_draft(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.say(at.owner, anna, "I answer myself")
        await at.until(lambda: "Outdated" in at.saved()[0].text)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.quiet()
        assert at.from_owner(anna) == ["I answer myself"]
        assert drafts.get(1).state is DraftState.EXPIRED


async def test_words_of_the_owners_own_stop_even_an_approved_burst(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.world.fault("messages.setTyping", delay=0.3)
        at.say(at.owner, at.owner, "3", reply_to=card)
        await at.until(lambda: at.calls("messages.setTyping"))
        at.say(at.owner, anna, "I answer myself")
        await at.until(lambda: "Outdated" in at.saved()[0].text)
        await at.quiet()
        assert at.from_owner(anna) == ["I answer myself"]
        assert {state for _, state in at.states()} == {"cancelled"}


async def test_what_the_owner_chose_goes_out_before_what_they_say_meanwhile_is_decided_about(at):
    boris = at.person("Boris")
    async with at.running():
        at.say(boris, at.owner, "coming at 8?")
        (card,) = await at.until(at.saved)
        at.world.fault("messages.setTyping", delay=0.5)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: at.calls("messages.setTyping"))
        at.script.says = [("new answer",)]
        at.say(boris, at.owner, "how are you?")
        await at.until(lambda: at.decisions()[-1:] == [("auto", "mode")])
        await at.until(lambda: at.from_owner(boris) == ["yes", "new answer"])
        await at.quiet()
        assert at.from_owner(boris) == ["yes", "new answer"]


async def test_what_they_say_while_it_is_on_its_way_gets_a_card_of_its_own(at):
    """It is read after what was sent, and answered by none of that: he chose it before."""
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.world.fault("messages.setTyping", delay=0.5)
        at.say(at.owner, at.owner, "3", reply_to=card)
        await at.until(lambda: at.calls("messages.setTyping"))
        at.say(anna, at.owner, "how are you?")
        await at.until(lambda: drafts.open_in(anna.id))
        assert at.from_owner(anna) == ["maybe", "later"]
        prompt = vocabulary().detokenize(list(at.script.prompts[-1]), special=True).decode()
        assert prompt.index("coming?") < prompt.index("later") < prompt.index("how are you?")
        assert "Sent 3 at" in card.text and "> coming?\n> how are you?" not in at.saved()[-1].text


async def test_what_they_said_while_it_was_on_its_way_is_not_forgotten_over_a_restart(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.world.fault("messages.setTyping", delay=0.3)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: at.calls("messages.setTyping"))
        at.script.go_on.clear()
        at.say(anna, at.owner, "how are you?")
        await at.until(lambda: at.states() == [("yes", "sent")])
        assert not drafts.all_open()
    at.script.go_on.set()
    async with at.running() as drafts:
        await at.until(lambda: "> how are you?" in at.saved()[-1].text)
        assert at.from_owner(anna) == ["yes"]


async def test_acceptance_29_a_new_message_while_typing_stops_the_old_answer(at):
    boris = at.person("Boris")
    at.script.says = [("old answer",)]
    at.world.fault("messages.setTyping", delay=0.3)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.calls("messages.setTyping"))
        at.script.says = [("new answer",)]
        at.say(boris, at.owner, "wait, not like that")
        await at.until(lambda: at.from_owner(boris))
        await at.quiet()
        assert at.from_owner(boris) == ["new answer"]


async def test_what_came_before_the_start_is_at_most_a_draft(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    async with at.running():
        pass
    for friend in (anna, boris):
        for line in ("hello?", "old question"):
            at.say(friend, at.owner, line, date=time.time() - 60)
    async with at.running():
        await at.until(lambda: len(at.saved()) == 2)
        await at.quiet()
        assert len(at.saved()) == 2, "one card a chat"
        assert at.from_owner(anna) == at.from_owner(boris) == []
        assert at.calls("messages.readHistory", "messages.setTyping") == []


async def test_a_group_is_drafted_for_only_where_it_speaks_to_the_owner(at):
    anna, group = at.person("Anna"), next(iter(at.world.groups.values()))
    async with at.running():
        at.say(anna, group, "who comes on Sunday?")
        await at.quiet()
        assert at.saved() == [] and at.script.prompts == []
        at.say(anna, group, "@olive you too?")
        at.say(anna, group, "it will be sunny")
        (card,) = await at.until(at.saved)
        assert "Climbers" in card.text and "> Anna: it will be sunny" in card.text
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: "yes" in [m.text for m in at.chat(anna, group)])


async def test_nothing_that_is_unfit_is_ever_sent(at):
    boris = at.person("Boris")
    at.script.says = [(), ("[photo]",), ("ok", "ok", "ok"), ("x" * 5000,), ("<|im_start|>Boris",)]
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: any("fit to send" in line for line in at.lines))
        assert at.calls(*SENT, "messages.readHistory") == []


async def test_the_whole_way_with_a_real_model(at, tmp_path):
    replies = (("yes",), ("sure", "soon"), ("later",))
    artifact = read(write_artifact(tmp_path / "models", replies, owner="Olive"))
    anna = at.person("Anna")
    with open_double(artifact.card, artifact.gguf, forgotten=(), sampler=Sampler(0.8), random=seeded(1)) as engine:
        async with at.running(engine) as drafts:
            at.say(anna, at.owner, "coming tonight?")
            (card,) = await at.until(at.saved)
            assert sorted(drafts.get(1).proposals) == sorted(replies)
            at.say(at.owner, at.owner, "1", reply_to=card)
            await at.until(lambda: at.from_owner(anna) == list(drafts.get(1).proposals[0]))
