"""How long somebody must be quiet before what they say counts as finished: learned from their own pauses. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import quantiles

from exporter.messages import Message

SHORTEST, LONGEST = 4.0, 12.0
"""Seconds between which it lies."""
USUAL = 8.0
"""Where too little is known of somebody."""
WITHIN = 60.0
"""Seconds after which a next message is a new burst, whoever writes it."""
ENOUGH = 20
"""Pauses from which one can tell."""


def settle_seconds(messages: Sequence[Message]) -> float:
    """The pause that nine of ten of their pauses within a burst are shorter than; `messages` are a chat's in order."""
    pauses = [
        (after.sent_at - before.sent_at).total_seconds()
        for before, after in pairwise(messages)
        if before.sender_id == after.sender_id and not after.outgoing
    ]
    within = [pause for pause in pauses if pause <= WITHIN]
    if len(within) < ENOUGH:
        return USUAL
    return min(max(quantiles(within, n=10)[-1], SHORTEST), LONGEST)
