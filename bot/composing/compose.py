"""From a prompt to something that may be said: ask the model until enough of its replies are fit to send."""

from dataclasses import dataclass

from bot.composing.batch import MOST
from bot.composing.engine import Reply, Speaker
from bot.composing.flaws import flaw
from bot.composing.window import Prompt
from bot.desks.drafts import Burst

ROUNDS = 3
"""So often MOST replies are asked for, where too few of them are fit to send."""


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


async def compose(speaker: Speaker, prompt: Prompt, *, wanted: int) -> Composed:
    """Up to `wanted` replies. Unfinished, flawed and repeated ones are thrown away."""
    fit: dict[str, Reply] = {}
    first_token_ms = 0.0
    tries = 0
    for _ in range(ROUNDS):
        replies = await speaker.replies(prompt.ids, prompt.blank, count=MOST)
        first_token_ms = first_token_ms or replies[0].first_token_ms
        tries += len(replies)
        for reply in replies:
            if reply.finished and flaw(reply.texts, speaker.spec) is None:
                fit.setdefault("\n".join(reply.texts).casefold(), reply)
        if len(fit) >= wanted:
            break
    best = list(fit.values())[:wanted]
    return Composed(tuple(one.texts for one in best), best[0].likelihood if best else 0.0, first_token_ms, tries)
