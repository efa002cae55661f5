"""The stages of a training in order: data, base, train, merge, quantize, verify, publish.

Each leaves its whole output or none, so a killed run is taken up where it stopped. It knows the order and what goes
from one stage to the next; how each is done, its module knows.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from exporter.progress import PERCENT, Report, Step, counting, silent
from exporter.rights.consent import Ledger
from exporter.rights.kept import voices
from exporter.settings.config import Config
from exporter.storing.runs import alone
from exporter.storing.store import Store
from trainer.convert import gguf
from trainer.convert.export import ARTIFACT, LEARNED, base_gguf, export, require_read_alike
from trainer.data.bundle import Bundle
from trainer.data.split import split
from trainer.learning import base as bases
from trainer.learning import curves, shards
from trainer.learning.forecast import Forecast
from trainer.learning.loss import sample
from trainer.models import refresh, registry
from trainer.models.artifact import MODEL, Artifact, BitsPerByte, Card, read, refuse_forgotten, sha256, write_card
from trainer.models.gate import judge
from trainer.models.leftovers import tidy
from trainer.models.proof import PROVED, prove
from trainer.reading.golden import fingerprint
from trainer.run import Run, open_run, remove
from trainer.teach import CHECKPOINTS, estimate, teach
from trainer.training import READ, Training, prepare

LIBRARIES = ("torch", "transformers", "peft", "gguf", "llama-cpp-python")


def run(
    config: Config,
    store: Store,
    *,
    report: Report = silent,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    free_space: gguf.FreeSpace = gguf.free_space,
) -> Artifact:
    """Train a double on all that the store holds, publish it among `config.models`, and put it to use if it may be.

    Blocks for as long as training takes. Interrupted at any moment, the next call with the same data and settings
    goes on. Raises DoppelgangerError: no base, too little text, no disk space, a model that is not faithful.
    """
    config.make_state()
    with alone(config.runs), bases.quiet():
        return _produce(config, store, None, report, clock, free_space)


def go_on(
    config: Config,
    store: Store,
    *,
    report: Report = silent,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    free_space: gguf.FreeSpace = gguf.free_space,
) -> Artifact | None:
    """Go on from the model in use with what was said since, as `run` does with everything; None: nothing was.

    Raises DoppelgangerError as `run` does; NoModel where none is in use, CannotContinue or LearnedFromForgotten where
    there is no way on from it.
    """
    config.make_state()
    with alone(config.runs), bases.quiet():
        begun = refresh.start(config.models)
        refuse_forgotten(begun.artifact.card, store.forgotten.ids())
        try:
            return _produce(config, store, begun, report, clock, free_space)
        except refresh.NothingNew:
            return None


def _produce(
    config: Config,
    store: Store,
    begun: refresh.Start | None,
    report: Report,
    clock: Callable[[], datetime],
    free_space: gguf.FreeSpace,
) -> Artifact:
    began = time.monotonic()
    report(Step("data", 0, PERCENT))
    config.models.mkdir(mode=0o700, exist_ok=True)  # or it would be known in the end that there can be none
    bases_folder = config.state / "base"
    ledger = Ledger(store.database, config.consent)
    count = counting(report, "data", "messages", end=READ)
    history = split(store, ledger, config, learned_until=begun.lineage.until if begun else None, count=count)
    if begun:
        history = refresh.since(history, begun, config.train)
    names = begun.artifact.card.prompt.frame.names if begun else None
    training = prepare(history, config.train, bases_folder, names=names, report=report, free_space=free_space)
    training = replace(training, begun=begun)
    if begun:
        refresh.require_same(begun, training.base, training.spec, training.tokenizer, config.train)
    report(Step("data", PERCENT, PERCENT))
    seconds = {"data": time.monotonic() - began}
    work = open_run(config.runs, training.digest(), report)
    kind = training.settings.quantization
    untuned = base_gguf(training.base, work, kind, bases_folder, free_space, training.convert)
    _make(training, voices(store.database, training.chats), work, untuned, seconds, report, clock, free_space)
    return _publish(work, config.models, training, report, store.forgotten.ids())


def run_bundle(
    bundle: Bundle,
    output: Path,
    *,
    report: Report = silent,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    free_space: gguf.FreeSpace = gguf.free_space,
) -> Artifact:
    """Train a double on a bundle, where there is no store, and leave model and card in the folder `output`.

    Interrupted, the next call with the same bundle and output goes on; until then its work lies in a hidden folder
    beside `output`. Raises as `run` does.
    """
    work_place = output.with_name(f".{output.name}.work")
    with alone(work_place / "runs"), bases.quiet():
        began = time.monotonic()
        report(Step("data", 0, PERCENT))
        said, cache = bundle.header, work_place / "base"
        training = prepare(
            bundle.history, said.settings, cache, memory=said.memory, report=report, free_space=free_space
        )
        report(Step("data", PERCENT, PERCENT))
        work = open_run(work_place / "runs", training.digest(), report)
        _make(training, said.people, work, None, {"data": time.monotonic() - began}, report, clock, free_space)
        (work.folder / ARTIFACT).rename(output)
    remove(work_place)
    return read(output)


def costs(training: Training, report: Report = silent) -> Forecast:
    """What training would take here: measured, so it takes some steps of time. Raises NoMemory."""
    return estimate(training.task, report)


def _make(
    training: Training,
    people: Collection[int],
    work: Run,
    untuned: Path | None,
    seconds: dict[str, float],
    report: Report,
    clock: Callable[[], datetime],
    free_space: gguf.FreeSpace,
) -> None:
    """A proved model and its card in the run's folder, unless they were published from there already."""
    checkpoints = work.folder / CHECKPOINTS
    require_read_alike(training.base, training.tokenizer, training.spec, training.convert, work, known=untuned)
    measured = work.stage(
        "train",
        lambda: teach(training.task, work.folder, begun=training.begun, report=report, free_space=free_space),
        uses_up=(checkpoints,),
    )
    shards.tell(None)
    export(training.base, work, training.settings.quantization, free_space, training.convert)
    prepared = work.folder / ARTIFACT
    if prepared.is_dir():
        card = _card(training, people, measured, untuned, clock(), sha256(prepared / MODEL))
        work.stage("verify", lambda: _proved(training, work, prepared, card, bits_per_byte=measured["proved"]))
        write_card(prepared, card.model_copy(update={"seconds": seconds | work.seconds}))


def _proved(training: Training, work: Run, prepared: Path, card: Card, *, bits_per_byte: float) -> dict[str, float]:
    """What llama.cpp makes of the model, beside which lies then what a refresh and a reader of curves go on from."""
    refresh.keep(work.folder / LEARNED, prepared, training.history, training.begun)
    curves.keep(work.folder, prepared)
    rows, count = sample(training.data.held_out, tokens=PROVED), work.counting("verify", "exchanges")
    return {"bits_per_byte": prove(prepared / MODEL, card, rows, bits_per_byte=bits_per_byte, count=count)}


def _publish(work: Run, models: Path, training: Training, report: Report, forgotten: frozenset[int]) -> Artifact:
    """Give the proved model its place, and put it to use if the gate lets it through.

    If a run was killed when its model just had a place, it is found there.
    """
    prepared = work.folder / ARTIFACT
    if prepared.is_dir():
        found = judge(read(prepared), models, training.history.said, report, forgotten=forgotten)
        artifact = registry.publish(prepared, models, found)
    else:
        artifact = registry.made_by(models, training.digest())
    registry.settle(models, artifact, keep=training.settings.keep, forgotten=forgotten)
    tidy(training.cache, models, training.base)
    remove(work.folder)
    return artifact


def _card(
    training: Training,
    people: Collection[int],
    measured: dict[str, Any],
    untuned: Path | None,
    now: datetime,
    digest: str,
) -> Card:
    data, settings = training.data, training.settings
    return Card(
        prompt=training.spec,
        fingerprint=fingerprint(training.tokenizer, training.spec),
        base=settings.base,
        base_key=training.base.key,
        base_gguf=str(untuned) if untuned else None,
        owner=data.owner,
        created=now,
        held_out_since=data.held_out_since,
        chats=training.chats,
        people=tuple(sorted(people)),
        region=training.history.region,
        gaps=dict(data.gaps),
        sessions=data.sessions,
        tokens=data.tokens,
        learned_tokens=data.learned_tokens,
        redacted={str(kind): count for kind, count in training.history.redacted.items()},
        left_out=training.history.curation.counts,
        bits_per_byte=BitsPerByte(base=measured["base"], tuned=measured["tuned"]),
        quantization=settings.quantization,
        sha256=digest,
        data_digest=data.digest(),
        run_digest=training.digest(),
        settings=settings.model_dump(mode="json"),
        parent=training.begun.artifact.name if training.begun else None,
        versions={library: version(library) for library in LIBRARIES},
        ended=measured["ended"],
        tokens_per_second=measured["tokens_per_second"],
        peak_rss_mb=measured["peak_rss_mb"],
        seconds={},
    )
