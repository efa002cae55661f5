"""What cards say, and what replies to them mean."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desks import cards
from bot.desks.cards import Card, ago, closed_card, moment, open_card
from bot.desks.drafts import Draft, DraftState
from bot.desks.saved.desk import HOW
from bot.desks.saved.replies import Choice, Kind, parse
from bot.sending.outbox import MOST_UNITS

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BURSTS = st.lists(st.lists(st.text(min_size=1, max_size=5000), min_size=1, max_size=4).map(tuple), max_size=9)


def a_card(proposals, said=("coming?",), name="Anna", age=timedelta(minutes=3)):
    draft = Draft(1, 5, 10, tuple(proposals), DraftState.OPEN, None, NOW, None, 1)
    return Card(draft, name, tuple(said), NOW - age)


def test_an_open_card_says_who_what_and_how_long_ago():
    card = a_card([("yes",), ("no", "sorry\n\n2. I mean it")], said=("hey", "coming?"))
    assert open_card(card, now=NOW, how="Choose.") == (
        "Anna, 11:57, 3 min ago\n> hey\n> coming?\n\n1. yes\n2. no\n   sorry\n   2. I mean it\n\nChoose."
    )


def test_a_closed_card_offers_nothing_any_more():
    lisbon = timezone(timedelta(hours=1))
    outcome = cards.sent(("no", "sorry"), of=2, at=NOW, zone=lisbon, number=2)
    assert closed_card(a_card([("yes",)]), outcome) == "Anna\n> coming?\n\nSent 2 at 13:00:\n   no\n   sorry"
    assert "only 1 of 2" in cards.sent(("no",), of=2, at=NOW, zone=lisbon, number=None)


@given(BURSTS, st.lists(st.text(max_size=5000), max_size=9), st.text(max_size=300))
def test_every_card_fits_into_a_message(proposals, said, name):
    card = a_card(proposals, said=said, name=name)
    outcome = cards.sent(("x" * 5000,), of=1, at=NOW, zone=UTC, number=1)
    for text in (open_card(card, now=NOW, how=HOW), closed_card(card, outcome)):
        assert len(text.encode("utf-16-le", "surrogatepass")) // 2 <= MOST_UNITS


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-2), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=30), "30 h ago"),
        (timedelta(days=3, hours=1), "3 days ago"),
    ],
)
def test_an_age_in_words(age, words):
    assert ago(age) == words


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("1", Choice(Kind.NUMBER, 1)),
        (" 3\n", Choice(Kind.NUMBER, 3)),
        ("+", Choice(Kind.NUMBER, 1)),
        ("👍", Choice(Kind.NUMBER, 1)),
        ("👍🏽", Choice(Kind.NUMBER, 1)),
        ("-", Choice(Kind.SKIP)),
        ("?", Choice(Kind.AGAIN)),
        ("//1", Choice(Kind.COMMENT)),
        ("// too formal", Choice(Kind.COMMENT)),
        ("/stop", Choice(Kind.UNCLEAR)),
        ("0", Choice(Kind.UNCLEAR)),
        ("4", Choice(Kind.UNCLEAR)),
        ("", Choice(Kind.UNCLEAR)),
        ("2 minutes", Choice(Kind.WORDS)),
        ("42", Choice(Kind.WORDS)),
        ("??", Choice(Kind.WORDS)),
        ("+1", Choice(Kind.WORDS)),
    ],
)
def test_the_grammar_of_replies(reply, choice):
    assert parse(reply, proposals=3) == choice


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW, "12:00"),
        (NOW - timedelta(hours=13), "Saturday 23:00"),
        (NOW - timedelta(days=7), "22 February 12:00"),
    ],
)
def test_a_moment_in_words_that_stay_true(at, words):
    assert moment(at, NOW) == words
