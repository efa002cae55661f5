"""How long a person takes."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bot import pacing

SEEDS = st.integers(0, 2**32).map(Random)


@given(st.lists(st.text(max_size=500), min_size=1, max_size=5), SEEDS)
def test_a_burst_is_typed_at_human_speed(texts, random):
    bubbles = pacing.bubbles(texts, random, pace=1)
    assert [bubble.text for bubble in bubbles] == texts
    assert bubbles[0].gap == 0 and all(0.8 <= bubble.gap <= 2.5 for bubble in bubbles[1:])
    assert all(1.5 <= bubble.typing <= 25 for bubble in bubbles)
    long_enough = [bubble for bubble in bubbles if 1.5 < bubble.typing < 25]
    assert all(3 <= len(bubble.text) / bubble.typing <= 6 for bubble in long_enough)


@given(SEEDS)
def test_pace_multiplies_every_delay(random):
    assert 3 <= pacing.think(random, pace=1) <= 12
    assert pacing.think(random, pace=0) == 0
    assert all(bubble.gap == bubble.typing == 0 for bubble in pacing.bubbles(["a", "b"], random, pace=0))
