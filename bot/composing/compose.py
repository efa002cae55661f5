"""From a prompt to what may be said: ask the model for several replies, and rank those that are fit to send."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.composing.batch import MOST
from bot.composing.engine import Reply, Speaker
from bot.composing.flaws import Flaw, flaw
from bot.composing.ranking import best_first
from bot.composing.window import Prompt
from bot.desks.drafts import Burst

ROUNDS = 3
"""So often MOST replies are asked for, where too few of them are fit to send."""


@dataclass(frozen=True, slots=True)
class Composed:
    """What may be said, and what it took to find it."""

    bursts: tuple[Burst, ...]
    """The best first, different from each other, and each fit to send; fewer than wanted where there were no more."""
    likelihood: float
    """Of the first: how sure the model is of these words, by which the policy judges, and not how good they are for the
    conversation, by which they were ranked; see `bot.composing.engine.Reply`."""
    first_token_ms: float
    """Of the first try: what the prompt cost to read."""
    tries: int
    flaws: Mapping[Flaw, int]
    """How often each was found."""


async def compose(
    speaker: Speaker,
    prompt: Prompt,
    *,
    wanted: int,
    objection: Callable[[Burst], Flaw | None] = lambda _: None,
    cost: Callable[[Burst], float] = lambda _: 0.0,
    known: Sequence[Burst] = (),
) -> Composed:
    """The best of the replies, up to `wanted`. Unfinished, flawed and repeated ones are thrown away.

    So is whatever the owner has seen already, which is `known`. `objection` is asked for flaws that words have in this
    chat alone, and `cost` for how much less he is like them.
    """
    fit: list[Reply] = []
    flaws = Counter[Flaw]()
    seen = set(map(_likeness, known))
    first_token_ms = 0.0
    tries = 0
    for _ in range(ROUNDS):
        replies = await speaker.replies(prompt.ids, prompt.blank, count=MOST)
        first_token_ms = first_token_ms or replies[0].first_token_ms
        tries += len(replies)
        for reply in replies:
            likeness = _likeness(reply.texts)
            if not reply.finished or likeness in seen:
                continue
            seen.add(likeness)
            if found := flaw(reply.texts, speaker.spec) or objection(reply.texts):
                flaws[found] += 1
            else:
                fit.append(reply)
        if len(fit) >= wanted:
            break
    best = best_first(fit, prompt.said, cost)[:wanted]
    likelihood = best[0].likelihood if best else 0.0
    return Composed(tuple(one.texts for one in best), likelihood, first_token_ms, tries, flaws)


def _likeness(burst: Burst) -> str:
    """The same for what says the same to whoever reads it."""
    return "\n".join(burst).casefold()
