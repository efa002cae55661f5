"""A model that was trained elsewhere comes in: it must be whole, this owner's, and do here what it did there.

From then on it is a model like any other: the gate says whether it is put to use.
"""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from exporter.errors import DoppelgangerError
from exporter.progress import PERCENT, Report, Step, counting, silent
from exporter.rights.consent import Ledger
from exporter.settings.config import Config
from exporter.storing.store import Store
from trainer.data.dataset import memories
from trainer.models import registry
from trainer.models.artifact import (
    ADAPTER,
    CARD,
    CURVES,
    MODEL,
    Artifact,
    adapter_digest,
    adapter_files,
    check,
    read,
    write_card,
)
from trainer.models.gate import held_out, judge, measure
from trainer.models.proof import PROVED, Unfaithful
from trainer.reading.conversations import Conversation, conversations, learnable, views
from trainer.run import remove

AGAIN = "copy the folder again"
CHUNK = 2**24
ROOM = 1.1
"""How many times the bits per byte of its base a model may need here: other words are measured than there."""


class NotAccepted(DoppelgangerError):
    """What was brought is no model for this owner, or is damaged."""


def add(config: Config, store: Store, folder: Path, report: Report = silent) -> Artifact:
    """Copy the model in `folder` among `config.models`, once it is proved, and put it to use if the gate agrees.

    Raises:
        NotAccepted: the folder holds no whole model of this owner's, or one that is here already.
        PromptMismatch: this code reads prompts otherwise than it does.
        LearnedFromForgotten: the owner had somebody forgotten from whom it learned.
        Unfaithful: it knows less of the owner's words than an untuned base.
    """
    if not ((folder / CARD).is_file() and (folder / MODEL).is_file()):
        raise NotAccepted(f"{folder} holds no {CARD} and {MODEL}", fix="name the folder that `run --bundle` left")
    _require_owner(store, read(folder))
    config.models.mkdir(mode=0o700, parents=True, exist_ok=True)
    arriving, forgotten = config.models / ".arriving", store.forgotten.ids()
    remove(arriving)
    try:
        artifact = _copy(folder, arriving, report)
        _require_new(config.models, artifact)
        check(artifact, forgotten)
        history = history_for(config, store, artifact)
        _prove(artifact, history, report)
        published = registry.publish(
            arriving, config.models, judge(artifact, config.models, history, report, forgotten=forgotten)
        )
    finally:
        remove(arriving)
    registry.settle(config.models, published, keep=config.train.keep, forgotten=forgotten)
    return published


def history_for(config: Config, store: Store, artifact: Artifact) -> list[Conversation]:
    """What the store holds, read as the model was taught to read it."""
    card = artifact.card
    read_as = views(store, config, card.gaps, region=card.region, speaker=card.speaker)
    return conversations(store, learnable(store, Ledger(store.database, config.consent)), read_as)


def _copy(folder: Path, arriving: Path, report: Report) -> Artifact:
    """Card, model, adapter and curves as they are here; the base that the card names is on another disk."""
    card = read(folder).card.model_copy(update={"base_gguf": None})
    arriving.mkdir(mode=0o700)
    for file in adapter_files(folder):
        (arriving / ADAPTER).mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(file, arriving / ADAPTER / file.name)
    if adapter_digest(arriving) != card.adapter_sha256:
        raise NotAccepted(f"{folder / ADAPTER} does not hold what the model's card describes", fix=AGAIN)
    if (folder / CURVES).is_dir():
        shutil.copytree(folder / CURVES, arriving / CURVES, ignore=_links)
    digest, done, size = hashlib.sha256(), 0, (folder / MODEL).stat().st_size
    with (folder / MODEL).open("rb") as source, (arriving / MODEL).open("wb") as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)
            digest.update(chunk)
            report(Step("copy", (done := done + len(chunk)) / 1e6, size / 1e6))
    if digest.hexdigest() != card.sha256:
        raise NotAccepted(f"{folder / MODEL} is not the file that its card describes", fix=AGAIN)
    write_card(arriving, card)
    return read(arriving)


def _links(folder: str, names: list[str]) -> list[str]:
    """Those of a folder's names that lead out of it, perhaps to what is nobody's curve."""
    return [name for name in names if (Path(folder) / name).is_symlink()]


def _require_owner(store: Store, artifact: Artifact) -> None:
    owner = store.owner()
    if owner is None:
        raise NotAccepted(
            "nothing is synced yet, so nobody can say whose model this is", fix="run `python -m exporter`"
        )
    if artifact.card.owner != owner.name:
        raise NotAccepted(
            f"it is the double of {artifact.card.owner}, and this history is {owner.name}'s",
            fix="name the folder of a model that was trained from a bundle of this history",
        )


def _require_new(models: Path, artifact: Artifact) -> None:
    for name in registry.names(models):
        if artifact.card.sha256 in (models / name / CARD).read_text("utf-8"):
            raise NotAccepted(f"this model is here already: {name}", fix=f"`python -m trainer models promote {name}`")


def _prove(artifact: Artifact, history: Sequence[Conversation], report: Report) -> None:
    """It was proved where it was made. Here it is read by another llama.cpp, and measured if there is anything new."""
    card = artifact.card
    memory = memories(history)
    if not (shown := held_out(artifact, history, memory, card.held_out_since, tokens=PROVED)):
        return
    bits = measure(artifact, shown, memory, card.held_out_since, count=counting(report, "verify", "exchanges"))
    report(Step("verify", PERCENT, PERCENT))
    if not bits <= ROOM * card.bits_per_byte.base:
        raise Unfaithful(
            f"here it needs {bits:.3f} bits per byte of your held-out words; where it was trained it needed "
            f"{card.bits_per_byte.tuned:.3f}, and its base {card.bits_per_byte.base:.3f}",
            fix="install the same release of llama-cpp-python on both machines",
        )
