"""The gap that each chat's own silences tell."""

from datetime import timedelta
from math import exp, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.reading.gaps import LONGEST, SHORTEST, learn_gap, typical
from trainer.reading.marks import HOUR


def silences(count, *, within, between, share=0.85, spread=1.0):
    """Seconds: `share` of them pauses around `within`, the others around `between`."""
    chance = Random(1)  # noqa: S311 - a sample, not a secret
    middles = (within if chance.random() < share else between for _ in range(count))
    return [exp(chance.gauss(log(middle), spread)) for middle in middles]


def minutes(gap):
    return gap.total_seconds() / 60


def test_a_chat_of_quick_talks_and_one_of_letters_have_gaps_of_their_own():
    quick = learn_gap(silences(2000, within=10, between=3 * 3600))
    usual = learn_gap(silences(2000, within=60, between=86_400))
    letters = learn_gap(silences(2000, within=1800, between=5 * 86_400))
    assert SHORTEST <= quick < HOUR < letters <= LONGEST
    assert 20 < minutes(usual) < 120


def test_the_gap_lies_where_both_kinds_are_as_likely():
    """Of equal spread, halfway between the middles, moved by log(share / (1 - share)) * spread**2 / distance."""
    gap = learn_gap(silences(20_000, within=60, between=60 * 400, share=0.9))
    halfway = log(60) + log(400) / 2 + log(9) / log(400)
    assert abs(log(gap.total_seconds()) - halfway) < 0.15


@pytest.mark.parametrize("of", [[], [5.0], [0.0] * 500, silences(3000, within=20, between=20, spread=0.5)])
def test_silences_of_one_kind_or_too_few_mean_an_hour(of):
    assert learn_gap(of) == HOUR


def test_the_fewer_there_are_the_nearer_to_an_hour():
    few, many = (learn_gap(silences(count, within=600, between=4 * 86_400)) for count in (30, 3000))
    assert HOUR <= few < many


@given(st.lists(st.floats(0, 1e9), max_size=200))
def test_any_silences_give_a_gap_within_bounds(of):
    assert SHORTEST <= learn_gap(of) <= LONGEST


def test_what_is_usual_is_the_middle_one():
    assert typical([3 * HOUR, HOUR, timedelta(minutes=20)]) == HOUR
    assert typical([]) == HOUR
