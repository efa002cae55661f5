"""From a prompt to something that may be said: ask the model until enough of its replies are fit to send."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.composing.engine import Speaker
from bot.composing.flaws import flaw
from bot.desks.drafts import Burst

TRIES = 4
"""Replies that may be thrown away for each one that is wanted."""


@dataclass(frozen=True, slots=True)
class Composed:
    """What came of it."""

    bursts: tuple[Burst, ...]
    """Different from each other, and each fit to send; fewer than wanted where the model had no more to say."""
    likelihood: float
    """Of the first, as the model sees it; see `bot.composing.engine.Reply`."""
    first_token_ms: float
    """Of the first try: what the prompt cost to read."""
    tries: int


async def compose(speaker: Speaker, prompt: Sequence[int], *, wanted: int) -> Composed:
    """Up to `wanted` replies. Unfinished, flawed and repeated ones are thrown away."""
    bursts: dict[str, Burst] = {}
    likelihood = 0.0
    first_token_ms = 0.0
    tries = 0
    while len(bursts) < wanted and tries < wanted * TRIES:
        reply = await speaker.reply(prompt)
        first_token_ms = first_token_ms or reply.first_token_ms
        tries += 1
        if reply.finished and flaw(reply.texts, speaker.spec) is None:
            likelihood = likelihood or reply.likelihood
            bursts.setdefault("\n".join(reply.texts).casefold(), reply.texts)
    return Composed(tuple(bursts.values()), likelihood, first_token_ms, tries)
