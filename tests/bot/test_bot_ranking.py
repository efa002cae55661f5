"""Which of several replies is proposed first: what this conversation calls for goes before what fits everywhere."""

from bot.composing.compose import compose
from bot.composing.engine import Reply
from bot.composing.flaws import Flaw
from bot.composing.ranking import best_first
from bot.composing.window import Prompt
from tests.bot.bigram import SPEC
from trainer.reading.dialogue import Turn


def reply(*texts, likelihood=0.2, unprompted=0.1, tokens=8, finished=True):
    return Reply(texts, finished, first_token_ms=1.0, tokens=tokens, likelihood=likelihood, unprompted=unprompted)


def ranked(*replies, said=()):
    return [one.texts[0] for one in best_first(replies, said)]


def test_what_owes_its_likelihood_to_the_conversation_goes_before_what_is_always_likely():
    always = reply("ok", likelihood=0.6, unprompted=0.6)
    called_for = reply("the blue one", likelihood=0.3, unprompted=0.02)
    assert ranked(always, called_for) == ["the blue one", "ok"]


def test_of_two_that_owe_as_much_to_it_in_all_the_shorter_one_goes_first():
    short = reply("short", likelihood=0.4, unprompted=0.1, tokens=4)
    long = reply("long", likelihood=0.22, unprompted=0.1, tokens=8)
    assert ranked(long, short) == ["short", "long"]


def test_equals_stay_in_the_order_in_which_they_were_sampled():
    assert ranked(reply("one"), reply("two"), reply("three")) == ["one", "two", "three"]


def test_a_reply_that_repeats_what_was_just_said_goes_last_whoever_said_it():
    said = (
        Turn("Ben", False, ("shall we meet at the old mill then?",)),
        Turn("Ann", True, ("I was there on the wrong day again",)),
    )
    parrot = reply("Shall we meet at the old mill then?", likelihood=0.25)
    herself = reply("I was there on the wrong day again", likelihood=0.25)
    assert ranked(parrot, herself, reply("at the mill, yes"), said=said)[0] == "at the mill, yes"
    assert ranked(reply("meet at the mill?", likelihood=0.25), reply("yes"), said=said)[0] == "meet at the mill?"


class Speaker:
    """Says each batch of replies once."""

    spec = SPEC
    tokenizer = None

    def __init__(self, *batches):
        self.batches = list(batches)

    async def replies(self, prompt, blank, *, count):
        return self.batches.pop(0)

    async def let_go(self):
        """It keeps nothing."""


PROMPT = Prompt((1, 2, 3), (1, 3), ())


async def test_composing_gives_the_best_first_and_how_likely_that_one_is():
    speaker = Speaker(
        [
            reply("ok", likelihood=0.6, unprompted=0.6),
            reply("the blue one", likelihood=0.3, unprompted=0.02),
            reply("The blue one", likelihood=0.3, unprompted=0.02),
            reply("cut off", likelihood=0.9, unprompted=0.01, finished=False),
            reply("[photo]", likelihood=0.9, unprompted=0.01),
        ]
    )
    composed = await compose(speaker, PROMPT, wanted=2)
    assert composed.bursts == (("the blue one",), ("ok",))
    assert composed.likelihood == 0.3 and composed.tries == 5


async def test_what_gives_a_machine_away_is_liked_less_and_what_must_not_be_said_here_is_thrown_away():
    speaker = Speaker([reply("certainly"), reply("the code is 4821"), reply("yep")])
    composed = await compose(
        speaker,
        PROMPT,
        wanted=2,
        objection=lambda texts: Flaw.SECRET if "4821" in texts[0] else None,
        cost=lambda texts: float(texts == ("certainly",)),
    )
    assert composed.bursts == (("yep",), ("certainly",)) and composed.flaws == {Flaw.SECRET: 1}


async def test_more_are_asked_for_where_too_few_are_fit_and_not_for_ever():
    speaker = Speaker([reply("one")], [reply("one")], [reply("two", likelihood=0.3)], [reply("three")])
    composed = await compose(speaker, PROMPT, wanted=3)
    assert composed.bursts == (("two",), ("one",)) and composed.tries == 3
