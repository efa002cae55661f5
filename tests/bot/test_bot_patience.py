"""How long one waits for somebody to finish."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.deciding.patience import LONGEST, SHORTEST, USUAL, settle_seconds
from exporter.messages import Message

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def bursts(pauses, *, outgoing=False):
    """Messages of one sender with these pauses between them."""
    moments = [BEGAN + timedelta(seconds=sum(pauses[:count])) for count in range(len(pauses) + 1)]
    return [Message(5, number, 5, moment, outgoing, "hm") for number, moment in enumerate(moments)]


@pytest.mark.parametrize(
    ("pauses", "seconds"),
    [
        ([1.0] * 40, SHORTEST),
        ([30.0] * 40, LONGEST),
        ([3.0] * 30 + [7.0] * 10, 7.0),
        ([6.0] * 30 + [900.0] * 30, 6.0),
        ([1.0] * 10, USUAL),
    ],
)
def test_it_is_learned_from_the_pauses_within_their_bursts(pauses, seconds):
    assert settle_seconds(bursts(pauses)) == seconds


def test_the_owners_own_pauses_say_nothing():
    assert settle_seconds(bursts([1.0] * 40, outgoing=True)) == USUAL
