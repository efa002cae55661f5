"""The stages of a training in order: data, base, train, merge, convert, quantize, verify, publish.

Each leaves its whole output or none, so a killed run is taken up where it stopped. It knows the order and what goes
from one stage to the next; how each is done, its module knows.
"""

import hashlib
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import transformers

from exporter.config import Config
from exporter.progress import Report, Step, silent
from exporter.store import Store
from trainer import base as bases
from trainer import gguf, train
from trainer.artifact import MODEL, Artifact, BitsPerByte, Card, current, fingerprint, publish, write_card
from trainer.batches import plan
from trainer.dataset import Dataset, dataset, split
from trainer.loss import bits_per_byte, sample
from trainer.merge import merge
from trainer.prompt import PromptSpec
from trainer.proof import prove
from trainer.run import PERCENT, Run, alone, open_run, remove, whole

MEASURED = 6_000
"""Held-out tokens on which base and double are compared: seconds on two cores."""
PROVED = 1_500
"""Held-out tokens on which the GGUF is compared with torch."""
CHECKPOINTS = "checkpoints"
ARTIFACT = "artifact"
"""The folder, inside a run, that will be published."""
LIBRARIES = ("torch", "transformers", "peft", "gguf", "llama-cpp-python")


@dataclass(frozen=True, slots=True)
class Training:
    """All that goes into one training."""

    config: Config
    base: bases.Base
    tokenizer: bases.HFTokenizer
    spec: PromptSpec
    data: Dataset

    @property
    def frame(self) -> frozenset[int]:
        """Control tokens inside a reply, which bits per byte leave out."""
        return frozenset({self.tokenizer.control(n) for n in (self.spec.turn_close, self.spec.burst_separator)})

    def digest(self) -> str:
        """Changes with base, data and settings: 16 hexadecimal digits."""
        parts = (self.base.key, self.spec, self.data.digest(), self.config.train)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def run(
    config: Config,
    store: Store,
    *,
    report: Report = silent,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    free_space: gguf.FreeSpace = gguf.free_space,
) -> Artifact:
    """Train a double on all that the store holds, and publish it among `config.models`.

    Blocks for as long as training takes. Interrupted at any moment, the next call with the same data and settings
    goes on. Raises DoppelgangerError: no base, too little text, no disk space, a model that is not faithful.
    """
    config.make_state()
    with alone(config.state / "runs"), quiet():
        began = time.monotonic()
        report(Step("data", 0, PERCENT))
        training = prepare(config, store, free_space=free_space)
        report(Step("data", PERCENT, PERCENT))
        seconds = {"data": time.monotonic() - began}
        work = open_run(config.state / "runs", training.digest(), report)
        base_gguf = _base_gguf(training, work, free_space)
        checkpoints = work.folder / CHECKPOINTS
        measured = work.stage(
            "train", lambda: _train(training, work.folder, report, free_space), uses_up=(checkpoints,)
        )
        card = _card(training, measured, base_gguf, clock())
        _build(training, work, card, measured["proved"], free_space)
        return _publish(work, card.model_copy(update={"seconds": seconds | work.seconds}), config.models)


def prepare(config: Config, store: Store, *, free_space: gguf.FreeSpace = gguf.free_space) -> Training:
    """Find the base and render the data: seconds, once the base is on this disk."""
    history = split(store, config.train)
    base = bases.prepare(config.train.base, config.state / "base", free=free_space)
    gguf.check(base.folder)
    tokenizer = bases.load_tokenizer(base)
    spec = PromptSpec(length=config.train.length)
    return Training(config, base, tokenizer, spec, dataset(history, tokenizer, spec, config.train))


@contextmanager
def quiet() -> Iterator[None]:
    """Libraries keep their progress bars and their advice to themselves: progress goes through Report."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        yield


def _base_gguf(training: Training, work: Run, free_space: gguf.FreeSpace) -> Path:
    """The untuned base as a GGUF, made once, in the same way as the double's."""
    quantization = training.config.train.quantization
    output = training.config.state / "base" / f"{training.base.key}-{quantization}.gguf"

    source = work.folder / "base-f16.gguf"

    def make() -> dict[str, float]:
        output.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _convert(training, training.base.folder, source, free_space)
        with whole(output) as scratch:
            gguf.quantize(source, scratch, quantization)
        return {}

    if not output.exists():
        remove(work.folder / "base.json")
    work.stage("base", lambda: {} if output.exists() else make(), uses_up=(source,))
    return output


def _train(training: Training, folder: Path, report: Report, free_space: gguf.FreeSpace) -> dict[str, float]:
    """An adapter, in the run's folder, and what it gained."""
    settings, data = training.config.train, training.data
    model = bases.with_adapter(
        bases.load_model(training.base.folder, bases.precision()), rank=settings.rank, seed=settings.seed
    )
    gguf.require_space(folder, train.checkpoints_size(model), free_space)
    pace = train.fit(
        model,
        plan(data.learned, batch_tokens=settings.batch_tokens, epochs=settings.epochs, seed=settings.seed),
        folder / CHECKPOINTS,
        learning_rate=settings.learning_rate or train.default_rate(model),
        max_seconds=settings.max_minutes * 60 if settings.max_minutes else None,
        report=report,
    )
    held_out, proved = sample(data.held_out, tokens=MEASURED), sample(data.held_out, tokens=PROVED)
    found = {
        "tuned": bits_per_byte(model, held_out, training.frame, batch_tokens=settings.batch_tokens),
        "proved": bits_per_byte(model, proved, training.frame, batch_tokens=settings.batch_tokens),
    }
    with model.disable_adapter():
        found["base"] = bits_per_byte(model, held_out, training.frame, batch_tokens=settings.batch_tokens)
    with whole(folder / "adapter") as output:
        model.save_pretrained(str(output))
    return {**found, "tokens_per_second": pace.tokens_per_second, "peak_rss_mb": _peak_rss_mb()}


def _build(training: Training, work: Run, card: Card, proved: float, free_space: gguf.FreeSpace) -> None:
    """From the adapter to a GGUF that is proved, in the run's folder."""
    merged, f16, artifact = work.folder / "merged", work.folder / "f16.gguf", work.folder / ARTIFACT

    def merging() -> dict[str, float]:
        gguf.require_space(work.folder, _weights_size(training.base), free_space)
        with whole(merged) as scratch:
            merge(training.base.folder, work.folder / "adapter", scratch)
        return {}

    def converting() -> dict[str, float]:
        _convert(training, merged, f16, free_space)
        return {}

    def quantizing() -> dict[str, float]:
        gguf.require_space(work.folder, f16.stat().st_size, free_space)
        with whole(artifact) as scratch:
            scratch.mkdir(mode=0o700)
            gguf.quantize(f16, scratch / MODEL, card.quantization)
        return {}

    def proving() -> dict[str, float]:
        rows = sample(training.data.held_out, tokens=PROVED)
        return {"bits_per_byte": prove(artifact / MODEL, card, rows, bits_per_byte=proved)}

    work.stage("merge", merging)
    work.stage("convert", converting, uses_up=(merged,))
    work.stage("quantize", quantizing, uses_up=(f16,))
    work.stage("verify", proving)


def _publish(work: Run, card: Card, models: Path) -> Artifact:
    """Give the proved model its place; if a run was killed when it just had one, find it there."""
    prepared = work.folder / ARTIFACT
    if prepared.exists():
        write_card(prepared, card)
        publish(prepared, models)
    remove(work.folder)
    return current(models)


def _convert(training: Training, folder: Path, output: Path, free_space: gguf.FreeSpace) -> None:
    gguf.require_space(output.parent, _weights_size(training.base), free_space)
    with whole(output) as scratch:
        gguf.convert(folder, scratch)


def _weights_size(base: bases.Base) -> int:
    """Bytes of the base's weights, which are 16 bits each, as the merged ones are."""
    return sum(shard.stat().st_size for shard in base.folder.glob("*.safetensors"))


def _card(training: Training, measured: dict[str, float], base_gguf: Path, now: datetime) -> Card:
    data, settings = training.data, training.config.train
    return Card(
        prompt=training.spec,
        fingerprint=fingerprint(training.tokenizer, training.spec),
        base=settings.base,
        base_gguf=str(base_gguf),
        owner=data.owner,
        created=now,
        held_out_since=data.held_out_since,
        chats=data.chats,
        sessions=data.sessions,
        tokens=data.tokens,
        learned_tokens=data.learned_tokens,
        bits_per_byte=BitsPerByte(base=measured["base"], tuned=measured["tuned"]),
        quantization=settings.quantization,
        versions={library: version(library) for library in LIBRARIES},
        tokens_per_second=measured["tokens_per_second"],
        peak_rss_mb=measured["peak_rss_mb"],
        seconds={},
    )


def _peak_rss_mb() -> float:
    """The most memory that this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
