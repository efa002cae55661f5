"""What gives a machine away, told by words alone."""

import math
import tomllib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.composing.tells import COST, WORDS, asks, load_tells
from bot.deciding.guard import load_guard
from exporter.messages import Message, MessageKind

TELLS = load_tells()
AT = datetime(2026, 3, 1, tzinfo=UTC)


def said(number, text, *, own=True, **more):
    return Message(5, number, 1 if own else 5, AT + timedelta(minutes=number), own, text, **more)


def test_it_knows_the_languages_that_the_guard_knows():
    assert set(tomllib.loads(WORDS.read_text("utf-8"))) == {one.name for one in load_guard().languages}


@pytest.mark.parametrize(
    ("texts", "phrases"),
    [
        (("as an AI, I can't", "I hope this helps!"), ["as an ai", "i hope this helps"]),
        (("How can I help you?",), ["how can i help"]),
        (("N\N{RIGHT SINGLE QUOTATION MARK}hésitez pas à demander",), ["n'hésitez pas à"]),
        (("Чем могу помочь?",), ["чем могу помочь"]),
        (("no dudes en escribirme", "als KI weiß ich"), ["no dudes en", "als ki"]),
        (("let me know if you're coming", "can you help?", "sure"), []),
        ((), []),
    ],
)
def test_phrases_that_only_assistants_say(texts, phrases):
    assert TELLS.never(texts) == phrases


def test_what_people_seldom_say_and_questions_of_who_seldom_asks_cost_something():
    assert TELLS.cost(("yep",), asks=0.1) == TELLS.cost((), asks=0.1) == 0
    assert TELLS.cost(("Certainly, however...",), asks=0.1) == 2 * COST
    assert TELLS.cost(("yep", "you?"), asks=0.1) == pytest.approx(math.log(5))
    assert (
        TELLS.cost(("you? yep",), asks=0.1) == TELLS.cost(("you?",), asks=0.5) == TELLS.cost(("you?",), asks=0.9) == 0
    )


def test_how_often_the_owner_asks_last_is_learned():
    assert asks([]) == 0.5
    history = [
        *(said(1, "hi?"), said(2, "how are you")),
        said(3, "fine?", own=False),
        *(said(4, "ok"), said(5, "coming?")),
        *(said(6, "no", own=False), said(7, "written by a model?")),
        *(said(8, "hm", own=False), said(9, "", kind=MessageKind.STICKER)),
    ]
    assert asks(history, foreign={(5, 7)}) == (1 + 1) / (2 + 2)


@given(st.lists(st.text(max_size=100)), st.floats(0.001, 0.999))
def test_every_burst_has_its_price(texts, share):
    assert TELLS.cost(texts, asks=share) >= 0
