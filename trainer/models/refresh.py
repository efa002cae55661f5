"""Going on from the model in use: what was said since, and a share of what it learned before, so that it forgets less.

A published model keeps its adapter for that, and a list of the sessions that were ever learned: chats and times, no
words. The cut between what is learned and what is held out moves on with time, and never back behind a moment up to
which the adapter has learned. So what it is measured on is always new to it, although last month's held-out sessions
are learned by now.

Replay against forgetting, at a rate that rises and falls again: Ibrahim et al., Simple and Scalable Strategies to
Continually Pre-train Large Language Models, TMLR 2024.
"""

import random
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from peft import set_peft_model_state_dict
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from safetensors.torch import load_file

from exporter.errors import DoppelgangerError
from exporter.settings.config import Train
from trainer.data.split import Split
from trainer.learning.base import Base, Model
from trainer.models import registry
from trainer.models.artifact import ADAPTER, RETRAIN, Artifact
from trainer.reading.conversations import Conversation
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec, Tokenizer
from trainer.run import whole

WEIGHTS = "adapter_model.safetensors"
LINEAGE = "learned.json"
GENTLER = 0.5
"""The rate of a refresh, as a share of a training's: the lower it rises again, the less is forgotten."""
SAME = ("method", "rank", "learn")
"""Settings that say what an adapter is."""


class CannotContinue(DoppelgangerError):
    """There is no way on from the model in use to the one that is asked for."""


class NothingNew(Exception):
    """The owner has said nothing since."""


class Lineage(BaseModel):
    """What an adapter has learned, over all trainings that led to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: AwareDatetime
    """Nothing that was said at this moment or later was learned."""
    sessions: frozenset[tuple[int, AwareDatetime]]
    """Of each session its chat's id and when it began."""


@dataclass(frozen=True, slots=True)
class Start:
    """The model that a refresh goes on from."""

    artifact: Artifact
    lineage: Lineage

    @property
    def adapter(self) -> Path:
        """The folder of its adapter."""
        return self.artifact.folder / ADAPTER


def start(models: Path) -> Start:
    """The model in use, with all that a refresh needs.

    Raises:
        NoModel: none is in use.
        CannotContinue: it kept no adapter.
    """
    artifact = registry.current(models)
    try:
        lineage = Lineage.model_validate_json((artifact.folder / ADAPTER / LINEAGE).read_bytes())
    except (FileNotFoundError, ValidationError):
        raise CannotContinue(f"the model in use, {artifact.name}, kept no adapter to go on from", fix=RETRAIN) from None
    return Start(artifact, lineage)


def since(history: Split, begun: Start, train: Train) -> Split:
    """What of the history to learn now. `history` is split behind `begun`.

    Raises:
        NothingNew: the owner said nothing that the adapter has not learned.
        CannotContinue: a chat that the adapter learned from is one no more, or nothing is left to measure on.
    """
    known, until = begun.lineage.sessions, begun.lineage.until
    gone = {chat_id for chat_id, _ in known} - {one.chat_id for one in (*history.learned, *history.held_out)}
    if gone:
        raise CannotContinue(
            f"the model in use learned from chats that may not be learned from any more: {', '.join(map(str, gone))}",
            fix=RETRAIN,
        )
    fresh = [one for one in history.learned if _key(one) not in known or one.ends[-1] >= until]
    if not any(_speaks(one, until if _key(one) in known else None) for one in fresh):
        raise NothingNew
    if not any(_speaks(one, history.since) for one in history.held_out):
        raise CannotContinue("the model in use has learned all that would be held out", fix=RETRAIN)
    old = [one for one in history.learned if _key(one) in known and one.ends[-1] < until]
    chance = random.Random(f"{train.seed} {history.since.isoformat()}")  # noqa: S311 - a choice, not a secret
    count = min(round(len(fresh) * train.replay / (1.0 - train.replay)), len(old))
    learned = sorted([*fresh, *chance.sample(old, count)], key=lambda one: one.began)
    return replace(history, learned=tuple(learned))


def require_same(begun: Start, base: Base, spec: PromptSpec, tokenizer: Tokenizer, train: Train) -> None:
    """Check that the adapter fits the base, reads prompts as they are rendered now, and is what the settings ask for.

    Raises:
        CannotContinue: it does not.
    """
    card = begun.artifact.card
    changed = [name for name in SAME if card.settings.get(name) != train.model_dump(mode="json").get(name)]
    if card.base_key != base.key:
        changed.append("base")
    if (card.prompt, card.fingerprint) != (spec, fingerprint(tokenizer, spec)):
        changed.append("the prompt")
    if changed:
        raise CannotContinue(
            f"the model in use, {begun.artifact.name}, was trained otherwise: {', '.join(changed)} changed since",
            fix=f"{RETRAIN}, or set it back",
        )


def begin_from(model: Model, begun: Start) -> None:
    """Give the fresh adapter of `model` what the last one had learned."""
    set_peft_model_state_dict(model, load_file(begun.adapter / WEIGHTS))


def keep(adapter: Path, prepared: Path, history: Split, begun: Start | None) -> None:
    """Put the adapter, and what it has learned so far, into the folder that will be published.

    Where all weights learned there is no adapter, and no refresh: 16-bit weights are too large to keep for each model.
    """
    if not (adapter / WEIGHTS).is_file():
        return
    known = begun.lineage.sessions if begun else frozenset()
    lineage = Lineage(until=history.since, sessions=known | {_key(one) for one in history.learned})
    with whole(prepared / ADAPTER) as scratch:
        shutil.copytree(adapter, scratch)
        (scratch / LINEAGE).write_text(lineage.model_dump_json(), "utf-8")


def _key(one: Conversation) -> tuple[int, datetime]:
    return one.chat_id, one.began


def _speaks(one: Conversation, moment: datetime | None) -> bool:
    """Whether the owner has a word in it, at that moment or later."""
    said = zip(one.turns, one.times, strict=True)
    return any(turn.own and turn.spoken and (moment is None or at >= moment) for turn, at in said)
