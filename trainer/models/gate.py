"""The gate: whether a fresh model may take the place of the one in use. It must not be worse at the owner's own words.

Both are measured in llama.cpp, as the bot will run them, on the same conversations, which neither has learned from.
Whoever publishes sees a verdict alone, so more may be asked of a model here than one figure.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from exporter.progress import PERCENT, Count, Report, Step, counting, silent, uncounted
from trainer.data.dataset import Row, memories, rows
from trainer.models.artifact import (
    Artifact,
    CannotLoad,
    GGUFTokenizer,
    LearnedFromForgotten,
    PromptMismatch,
    check,
    vocabulary,
)
from trainer.models.proof import frame, reading, surprise
from trainer.models.registry import NoModel, Verdict, current
from trainer.reading.conversations import Conversation
from trainer.reading.memory import Memory
from trainer.reading.prompt import Tokenizer

MEASURED = 4_000
"""Tokens on which two models are compared: at 135 million weights, 16 s of one core for each."""
DIGITS = 3
"""Decimals of bits per byte that count, and that are shown: what looks the same is not worse."""


def judge(
    fresh: Artifact,
    models: Path,
    history: Sequence[Conversation],
    report: Report = silent,
    *,
    forgotten: Collection[int] = (),
) -> Verdict:
    """Whether `fresh`, which need not be among `models` yet, may be put to use there.

    `history` holds the conversations of the store, oldest first: on those that neither learned from they are measured,
    with what the bot would recall of the others.
    `forgotten` are ids of who was: a model that learned from them is no rival, however good.
    """
    rival = _rival(models, forgotten)
    return _against(fresh, rival, history, report) if rival else _alone(fresh)


def _rival(models: Path, forgotten: Collection[int]) -> Artifact | None:
    """The model in use, if it can be used at all."""
    try:
        artifact = current(models)
        check(artifact, forgotten)
    except (NoModel, PromptMismatch, CannotLoad, LearnedFromForgotten):
        return None
    return artifact


def _alone(fresh: Artifact) -> Verdict:
    """Nothing is in use that could speak: it must have learned something."""
    bits = fresh.card.bits_per_byte
    told = f"{_told(bits.tuned)} bits per byte of your held-out words, and {_told(bits.base)} before training"
    if bits.tuned < bits.base:
        return Verdict(passed=True, why=f"better than its base: {told}")
    return Verdict(passed=False, why=f"no better than its base: {told}")


def _against(fresh: Artifact, rival: Artifact, history: Sequence[Conversation], report: Report) -> Verdict:
    learned_by_fresh = fresh.card.held_out_since
    since, partly, memory = max(learned_by_fresh, rival.card.held_out_since), "", memories(history)
    if not (chosen := held_out(fresh, history, memory, since)):
        since, partly = learned_by_fresh, f", though {rival.name} has learned some of them"
        chosen = held_out(fresh, history, memory, since)
    if not chosen:
        return Verdict(passed=False, against=rival.name, why="nothing is stored that it has not learned: sync first")
    found = []
    for start, artifact in ((0, fresh), (PERCENT // 2, rival)):
        count = counting(report, "compare", "exchanges", start=start, end=start + PERCENT // 2)
        found.append(measure(artifact, chosen, memory, since, count=count))
    report(Step("compare", PERCENT, PERCENT))
    mine, theirs = (round(bits, DIGITS) for bits in found)
    words = f"bits per byte of the words that you said since {since:%Y-%m-%d}{partly}"
    return Verdict(
        passed=mine <= theirs,
        why=f"{'not worse' if mine <= theirs else 'worse'} than {rival.name}: "
        f"{_told(mine)} and {_told(theirs)} {words}",
        against=rival.name,
        bits_per_byte=mine,
        against_bits_per_byte=theirs,
    )


def held_out(
    artifact: Artifact,
    history: Sequence[Conversation],
    memory: Mapping[int, Memory],
    since: datetime,
    *,
    tokens: int = MEASURED,
) -> list[Conversation]:
    """Conversations in which the owner speaks since then, about so many tokens of them, spread evenly."""
    with vocabulary(artifact.gguf) as tokenizer:
        shown = [
            (one, sum(len(row.ids) for row in read))
            for one in history
            if (read := _shown(one, tokenizer, artifact, memory, since))
        ]
    share = min(tokens / max(sum(length for _, length in shown), 1), 1.0)
    keep = max(round(len(shown) * share), min(len(shown), 1))
    return [shown[index * len(shown) // keep][0] for index in range(keep)]


def held_out_rows(artifact: Artifact, history: Sequence[Conversation], *, tokens: int = MEASURED) -> tuple[Row, ...]:
    """About so many tokens of what the owner said since the model learned, as the bot would show it."""
    memory, since = memories(history), artifact.card.held_out_since
    chosen = held_out(artifact, history, memory, since, tokens=tokens)
    with vocabulary(artifact.gguf) as tokenizer:
        return tuple(row for one in chosen for row in _shown(one, tokenizer, artifact, memory, since))


def measure(
    artifact: Artifact,
    chosen: Sequence[Conversation],
    memory: Mapping[int, Memory],
    since: datetime,
    *,
    count: Count = uncounted,
) -> float:
    """Bits per byte that a model needs, in llama.cpp, for the owner's words since then in these conversations.

    `count` is told exchanges.
    """
    with reading(artifact.gguf, artifact.card) as llama:
        tokenizer = GGUFTokenizer(llama)
        shown = [row for one in chosen for row in _shown(one, tokenizer, artifact, memory, since)]
        return surprise(llama, shown, frame(tokenizer, artifact.card), count=count)


def _shown(
    one: Conversation, tokenizer: Tokenizer, artifact: Artifact, memory: Mapping[int, Memory], since: datetime
) -> list[Row]:
    """A conversation as the bot would show it to this model."""
    return list(rows(one, tokenizer, artifact.card.prompt, memory[one.chat_id], everyone=False, since=since))


def _told(bits: float) -> str:
    return f"{bits:.{DIGITS}f}"
