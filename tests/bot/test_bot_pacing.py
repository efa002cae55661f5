"""How long the owner takes: learned from his chat with this contact, and drawn from what was learned."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sending import pacing
from bot.sending.habits import SLOWEST_ANSWER, USUAL, draw, learn
from exporter.messages import Message, MessageKind
from tests.bot.seeded import seeded

SEEDS = st.integers(0, 2**32).map(Random)
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def chat(*said):
    """Messages of (seconds since the one before, whether it is the owner's, text)."""
    messages, at = [], BEGAN
    for number, (seconds, outgoing, text) in enumerate(said, 1):
        at += timedelta(seconds=seconds)
        messages.append(Message(5, number, 1 if outgoing else 5, at, outgoing=outgoing, text=text))
    return messages


def exchanges(count, *, delay, speed, gap, random):
    """Their question, his answer and his follow-up, all as a person of these habits would write them."""
    said = []
    for _ in range(count):
        length = random.randint(2, 60)
        said += [
            (3600, False, "and?"),
            (round(delay * random.uniform(0.7, 1.4)), True, "yes"),
            (round(gap * random.uniform(0, 2) + length / speed), True, "x" * length),
        ]
    return chat(*said)


@pytest.mark.parametrize(("delay", "speed", "gap"), [(8, 8.0, 1.0), (60, 3.0, 5.0), (240, 5.0, 2.0)])
def test_the_owners_own_figures_are_found_again(delay, speed, gap):
    habits = learn(exchanges(300, delay=delay, speed=speed, gap=gap, random=seeded(1)))
    assert habits.delay[4] == pytest.approx(delay, rel=0.25)
    assert habits.speed == pytest.approx(speed, rel=0.3)
    assert habits.gap[4] == pytest.approx(gap, abs=1.2)


def test_without_a_history_one_writes_as_is_usual_and_a_few_messages_change_little():
    assert learn([]).speed == USUAL.speed
    assert learn([]).delay == pytest.approx(USUAL.delay, rel=0.2)
    few = learn(exchanges(2, delay=300, speed=12.0, gap=0.0, random=seeded(1)))
    assert few.delay[4] < 2 * USUAL.delay[4] and few.speed < 1.3 * USUAL.speed


def test_only_what_he_typed_himself_counts():
    messages = exchanges(50, delay=300, speed=3.0, gap=1.0, random=seeded(1))
    assert learn(messages, foreign={(5, one.message_id) for one in messages}) == learn([])
    for change in ({"forwarded": True}, {"via_bot": True}, {"kind": MessageKind.VOICE}):
        assert learn([replace(one, **change) if one.outgoing else one for one in messages]) == learn([])
    assert learn(chat(*[(0, False, "?"), (SLOWEST_ANSWER + 1, True, "late")] * 50)) == learn([])


@given(
    st.lists(st.tuples(st.integers(0, 900), st.booleans(), st.text(max_size=40)), max_size=60),
    st.lists(st.text(max_size=9000), min_size=1, max_size=5),
    SEEDS,
)
def test_whatever_a_chat_shows_a_burst_arrives_at_human_speed(said, texts, random):
    habits = learn(chat(*said))
    assert list(habits.delay) == sorted(habits.delay) and len(habits.delay) == len(habits.gap) == 9
    bubbles = pacing.bubbles(texts, habits, random, pace=1)
    assert [bubble.text for bubble in bubbles] == texts
    assert bubbles[0].gap == 0 and all(0 <= bubble.gap <= 60 for bubble in bubbles)
    assert all(1 <= bubble.typing <= 25 for bubble in bubbles)
    assert pacing.lasts(bubbles) == pytest.approx(sum(bubble.gap + bubble.typing for bubble in bubbles))
    assert pacing.SHORTEST_DELAY <= pacing.delay(habits, random, pace=1) <= SLOWEST_ANSWER


@given(SEEDS)
def test_pace_multiplies_every_delay(random):
    assert pacing.delay(USUAL, random, pace=0) == 0
    assert all(bubble.gap == bubble.typing == 0 for bubble in pacing.bubbles(["a", "b"], USUAL, random, pace=0))


def test_what_is_drawn_is_spread_as_what_was_seen():
    random = seeded(1)
    drawn = sorted(draw(USUAL.delay, random) for _ in range(2000))
    assert drawn[1000] == pytest.approx(USUAL.delay[4], rel=0.15)
    assert USUAL.delay[0] <= drawn[0] and drawn[-1] <= USUAL.delay[-1]
