"""The desk in Saved Messages: one card a chat, replies that count for what was seen, and nobody's words misread."""

import time

import pytest

from bot.composing.compose import ROUNDS
from bot.deciding.modes import Modes
from bot.desks.drafts import DraftState
from bot.desks.places import Places
from bot.tables import migrations
from exporter.settings.modes import Mode
from exporter.storing.store import open_store
from sandbox.values import Forward
from tests.bot.test_bot_orders import ordered, told

NOTHING_SENT = "Anna: nothing was sent or changed. The card changed before you replied, or it is closed."
LATER = 5
"""Seconds after which the owner has read what a card says now."""


def cards(at):
    return [message for message in at.saved() if "\n> " in message.text]


def reply(at, card, text, *, after=0.0):
    at.say(at.owner, at.owner, text, reply_to=card, date=time.time() + after)


async def test_the_next_draft_of_a_chat_takes_the_place_of_the_one_that_expired(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.say(anna, at.owner, "never mind")
        await at.until(lambda: "> never mind" in card.text and "1. yes" in card.text)
        await at.until(lambda: drafts.open_in(anna.id))
        reply(at, card, "2", after=LATER)
        await at.until(lambda: at.from_owner(anna) == ["no"])
        await at.until(lambda: "Sent 2 at" in card.text)
        at.say(anna, at.owner, "ok")
        await at.until(lambda: len(cards(at)) == 2)
        assert "Sent 2 at" in card.text, "what was sent stands there for good"


async def test_a_card_far_above_is_closed_and_the_next_draft_comes_to_the_end(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        for number in range(5):
            at.say(at.owner, at.owner, f"buy {number} apples")
        assert await ordered(at, "/mode Anna") == "Anna: draft"
        at.say(anna, at.owner, "never mind")
        await at.until(lambda: len(cards(at)) == 2)
        assert "Outdated" in card.text and "> never mind" in cards(at)[1].text


async def test_acceptance_23_a_reply_to_what_a_card_said_before_does_nothing_and_says_so(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.script.says = [("other",)]
        at.say(anna, at.owner, "to the funeral?")
        await at.until(lambda: "1. other" in card.text)
        for late in ("1", "on my way", "-", "?"):
            reply(at, card, late)
        await at.until(lambda: told(at) == [NOTHING_SENT] * 4)
        assert at.from_owner(anna) == [] and drafts.open_in(anna.id)
        reply(at, card, "1", after=LATER)
        await at.until(lambda: at.from_owner(anna) == ["other"])


async def test_a_question_mark_makes_other_proposals_in_the_same_card(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.script.says = [("other",)]
        reply(at, card, "?")
        await at.until(lambda: "1. other" in card.text)
        reply(at, card, "+")
        await at.until(lambda: told(at) == [NOTHING_SENT])
        reply(at, card, "+", after=LATER)
        await at.until(lambda: at.from_owner(anna) == ["other"])
        assert len(cards(at)) == 1


async def test_what_is_chosen_while_others_are_made_is_sent_and_nothing_else_comes(at):
    """And the other way round: once something is on its way, a question mark makes nothing."""
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.script.begun.clear()
        at.script.go_on.clear()
        reply(at, card, "?")
        await at.script.begun.wait()
        reply(at, card, "2")
        await at.until(lambda: "Sent 2 at" in card.text)
        at.script.go_on.set()
        reply(at, card, "?")
        await at.until(lambda: told(at))
        assert await ordered(at, "/mode Anna") == "Anna: draft"
        assert at.from_owner(anna) == ["no"] and drafts.all_open() == [] and "Sent 2 at" in card.text
        assert told(at)[0] == NOTHING_SENT and len(told(at)) == 2 and len(at.script.prompts) == 1 + ROUNDS


async def test_what_is_no_clear_choice_sends_nothing(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        reply(at, card, "// too formal")
        reply(at, card, "/mode Anna auto")
        reply(at, card, "9")
        await at.until(lambda: len(told(at)) == 2)
        assert all("I did not understand your reply; nothing was sent" in text for text in told(at))
        at.say(at.owner, at.owner, "+")
        at.say(at.owner, at.owner, "1", reply_to=card, forward=Forward(int(time.time()), anna.id))
        assert await ordered(at, "/mode Anna") == "Anna: draft"
        assert at.from_owner(anna) == [] and drafts.open_in(anna.id)


async def test_a_stop_counts_even_in_reply_to_a_card(at):
    anna = at.person("Anna")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        reply(at, card, "/stop")
        await at.until(lambda: any("nothing to anybody any more" in text for text in told(at)))
        reply(at, card, "1")
        await at.until(lambda: "Not sent: you stopped it" in card.text)
        assert at.from_owner(anna) == []


async def test_nobody_elses_words_and_no_answer_of_the_doubles_own_are_a_command(at):
    nina = at.person("Nina")
    async with at.running():
        help_text = await ordered(at, "/help")
        assert help_text.startswith("/status: ")
        at.say(nina, at.owner, "/mode Nina auto")
        at.say(at.owner, nina, "/mode Nina auto")
        assert await ordered(at, "/mode Nina") == "Nina: off"
        await at.quiet(0.1)
        assert len(told(at)) == 2


async def test_commands_that_came_too_late_are_not_obeyed_but_a_stop_is_and_each_is_read_once(at):
    anna, nina = at.person("Anna"), at.person("Nina")
    at.say(at.owner, at.owner, "/stop before the very first start")
    async with at.running():
        assert await ordered(at, "/mode Anna") == "Anna: draft"
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
    reply(at, card, "1")
    for text in ("/mode Nina auto", "/stop Anna", "/status"):
        at.say(at.owner, at.owner, text, date=time.time() - 60)
    async with at.running():
        await at.until(lambda: any("nothing to Anna any more" in text for text in told(at)))
        (late,) = [text for text in told(at) if "I was not there" in text]
        assert late.endswith("\n/mode Nina auto\n/status")
        await at.until(lambda: "Not sent: you stopped it" in card.text)
    said = len(told(at))
    async with at.running():
        await at.quiet(0.2)
        assert len(told(at)) == said
    with open_store(at.config.database, migrations) as store:
        assert Modes(at.config, store, None).now().get(nina.id, Mode.OFF) is Mode.OFF
    assert at.from_owner(anna) == []


async def test_a_card_that_was_left_open_after_its_draft_was_sent_is_closed_at_the_next_start(at):
    """As if the bot had been killed between sending and changing the card."""
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.world.fault("messages.editMessage", drop="before")
        reply(at, card, "2")
        await at.until(lambda: at.from_owner(anna) == ["no"])
        await at.until(lambda: at.calls("messages.editMessage"))
        assert drafts.get(1).state is DraftState.SENT and "1. yes" in card.text
    async with at.running():
        assert "Sent 2 at" in card.text and "1. yes" not in card.text
    with open_store(at.config.database, migrations) as store:
        assert Places(store.database).left_open() == []


async def test_an_open_card_tells_its_true_age_after_a_restart(at):
    anna = at.person("Anna")
    async with at.running():
        pass
    at.say(anna, at.owner, "coming?", date=time.time() - 3.5 * 3600)
    async with at.running():
        (card,) = await at.until(lambda: cards(at))
        await at.until(lambda: any("wait for you" in line for line in at.lines))
        assert "3 h ago" in card.text
        at.world.edit(card, card.text.replace("3 h ago", "2 min ago"))
    async with at.running():
        await at.until(lambda: "3 h ago" in card.text)
        reply(at, card, "1")
        await at.until(lambda: at.from_owner(anna) == ["yes"])


async def test_whatever_the_owner_orders_nobody_else_is_told_anything(at):
    before = {name: len(at.chat(at.owner, at.person(name))) for name in ("Anna", "Boris", "Nina")}
    sent = len(at.calls("messages.sendMessage"))
    orders = (
        "/help",
        "/status",
        "/mode",
        "/mode Nina draft",
        "/contacts",
        "/stop Anna",
        "/resume Anna",
        "/models",
        "/x",
    )
    async with at.running():
        for order in orders:
            await ordered(at, order)
    assert {name: len(at.chat(at.owner, at.person(name))) for name in before} == before
    assert at.chat(at.owner, next(iter(at.world.groups.values()))) == []
    assert len(at.calls("messages.sendMessage")) - sent == len(orders) == len(told(at))


@pytest.mark.parametrize("name", ["/stop", "🤖 Anna\n/stop"])
async def test_a_contact_cannot_be_called_so_that_a_card_is_read_as_a_command(at, name):
    anna = at.person("Anna")
    with open_store(at.config.database, migrations) as store:
        store.database.table("peers").update(anna.id, {"name": name})
        at.config = at.config.model_copy(
            update={"reply": at.config.reply.model_copy(update={"draft": (anna.id,), "auto": ()})}
        )
    async with at.running():
        at.say(anna, at.owner, "/stop")
        await at.until(lambda: cards(at))
        await at.quiet(0.1)
        assert told(at) == [] and len(at.saved()) == 1


async def a_card_nobody_knows_of(at):
    """What a kill leaves behind that comes after Telegram took a card, and before that was written down."""
    async with at.running():
        at.say(at.person("Anna"), at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        await at.until(lambda: any("wait for you" in line for line in at.lines))
    with open_store(at.config.database, migrations) as store:
        Places(store.database).forget("saved")
    return card


async def test_a_card_of_a_killed_process_is_found_and_replies_to_it_count(at):
    anna, card = at.person("Anna"), await a_card_nobody_knows_of(at)
    reply(at, card, "2")
    async with at.running():
        await at.until(lambda: at.from_owner(anna) == ["no"])
        await at.until(lambda: "Sent 2 at" in card.text)
    assert len(cards(at)) == 1


async def test_a_card_of_a_killed_process_is_closed_where_the_chat_moved_on(at):
    card = await a_card_nobody_knows_of(at)
    at.say(at.person("Anna"), at.owner, "never mind")
    async with at.running():
        await at.until(lambda: "> never mind" in card.text or "Outdated" in card.text)
        await at.until(lambda: any("> never mind" in one.text for one in cards(at)))
    assert sum("1. yes" in one.text for one in cards(at)) == 1


@pytest.mark.parametrize("drop", ["before", "after"])
async def test_a_card_whose_answer_is_lost_stands_there_once(at, drop, monkeypatch):
    monkeypatch.setattr("bot.desks.desk.AGAIN", 0.05)
    anna = at.person("Anna")
    async with at.running():
        at.world.fault("messages.sendMessage", drop=drop)
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        with open_store(at.config.database, migrations) as store:
            await at.until(lambda: Places(store.database).at("saved", card.id_for(at.owner)))
        reply(at, card, "1")
        await at.until(lambda: at.from_owner(anna) == ["yes"])
        await at.until(lambda: "Sent 1 at" in card.text)
    assert len(cards(at)) == 1
