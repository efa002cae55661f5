"""Cards in Saved Messages when something goes wrong: what offers a choice is what can be chosen, sooner or later."""

import pytest

from bot.running import resume
from tests.bot.test_bot_saved import LATER, cards, reply

EDIT = "messages.editMessage"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(resume, "AGAIN", 0.05)


async def test_a_card_that_was_lost_on_its_way_to_a_draft_that_expired_is_closed(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.world.fault(EDIT, after=1, drop="after")
        at.say(anna, at.owner, "never mind")
        await at.until(lambda: "> never mind" in card.text)
        at.say(at.owner, anna, "I answer myself")
        await at.until(lambda: not drafts.all_open())
        await at.until(lambda: "Outdated" in card.text)


async def test_a_card_over_which_a_newer_draft_stands_is_not_closed_by_the_older_one(at):
    """The new proposals are on their way to the card while it is looked for cards that were left open."""
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.say(anna, at.owner, "never mind")
        await at.until(lambda: "Outdated" in card.text)
        at.world.faults.latency = 0.3
        await at.until(lambda: "> never mind" in card.text and "1. yes" in card.text)
        await at.quiet(0.4)
        assert "1. yes" in card.text and drafts.open_in(anna.id)
        reply(at, card, "2", after=LATER)
        await at.until(lambda: at.from_owner(anna) == ["no"])


async def test_a_card_that_the_owner_deleted_is_not_asked_for_again_and_again(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        at.world.delete(card)
        at.say(anna, at.owner, "never mind")
        (card,) = await at.until(lambda: [one for one in cards(at) if "> never mind" in one.text])
        at.world.delete(card)
        at.say(at.owner, anna, "I answer myself")
        await at.until(lambda: not drafts.all_open())
        await at.quiet(0.3)
        asked = len(at.calls(EDIT))
        await at.quiet(0.3)
        assert len(at.calls(EDIT)) == asked < 5


async def test_words_that_answer_another_chat_are_no_reply_to_a_card_of_the_same_number(at):
    """Telegram's apps can answer a message of one chat in another; channels number theirs by themselves."""
    anna, nina = at.person("Anna"), at.person("Nina")
    channel = at.world.supergroup("Climbing", [nina, at.owner])
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(lambda: cards(at))
        number = card.id_for(at.owner)
        posts = [at.world.say(nina, channel, f"post {one}", silent=True) for one in range(number)]
        post = next(one for one in posts if one.id_for(at.owner) == number)
        at.say(at.owner, at.owner, "what nonsense", reply_to=post)
        await at.quiet(0.2)
        assert at.from_owner(anna) == [] and drafts.open_in(anna.id)
