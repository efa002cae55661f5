"""A double in other types than its own: measured side by side in llama.cpp, or published once more.

Of a training its adapter is kept. With the base, which is on this disk, the 16-bit weights come of it again: in a
folder beside unfinished trainings, which goes when the work ends, or when the next training begins.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, sqrt
from pathlib import Path

from exporter.errors import DoppelgangerError
from exporter.progress import PERCENT, Count, Report, Step, counting, silent
from exporter.settings.config import Config
from exporter.storing.runs import alone
from exporter.storing.store import Store
from trainer.convert import gguf
from trainer.convert.export import ARTIFACT, converter, unquantized
from trainer.convert.quantization import LOSS
from trainer.data.dataset import Row
from trainer.learning import base as bases
from trainer.learning.framing import framed
from trainer.models import registry
from trainer.models.arrival import history_for
from trainer.models.artifact import (
    ADAPTER,
    CARD,
    MODEL,
    Artifact,
    GGUFTokenizer,
    check,
    load,
    read,
    sha256,
    write_card,
)
from trainer.models.gate import MEASURED, held_out_rows, judge
from trainer.models.proof import PROVED, frame, prove, reading, surprises
from trainer.reading.conversations import Conversation
from trainer.run import remove

PROMPT = 256
"""Tokens of the prompt by which speed is measured, and of the reply."""
REPLY = 32
TRIES = 3
"""Of which the fastest counts: other programs only ever slow one down."""
MADE, READ = 40, 90
"""Per cent of a type's measurement at which it is made, and its surprise is known."""
ROOM = 1.6
"""Times the 16-bit weights that are needed on disk: for them, and beside them a file of the largest other type."""


class CannotQuantize(DoppelgangerError):
    """The 16-bit weights of this double are gone, or there is nothing to measure it on."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one type costs."""

    quantization: str
    bits_per_byte: float
    exchanges: int
    """On which that was measured."""
    error: float
    """The standard error of how many more bits per byte it takes than the 16-bit weights, exchange by exchange."""
    size: int
    """Bytes of the file."""
    prompt_rate: float
    """Tokens a second that are read, and that are said."""
    reply_rate: float


@dataclass(frozen=True, slots=True)
class _Source:
    """A double whose 16-bit weights are at hand."""

    artifact: Artifact
    history: Sequence[Conversation]
    folder: Path
    """For what is made of it."""
    f16: Path
    rows: Sequence[Row]
    """What it is measured on: an exchange each."""

    @property
    def bytes(self) -> int:
        """Of what the owner says in them."""
        return sum(row.learned_bytes for row in self.rows)


def compare(
    config: Config,
    store: Store,
    name: str | None = None,
    *,
    report: Report = silent,
    free_space: gguf.FreeSpace = gguf.free_space,
) -> tuple[Artifact, list[Measured]]:
    """A double, and what it costs in every type, on the same held-out words: the one called so, or the one in use.

    Raises:
        NoModel: there is none.
        CannotQuantize, DiskFull, AlreadyTraining, LearnedFromForgotten, PromptMismatch: it cannot be measured.
    """
    with _source(config, store, _meant(config, name), MEASURED, report, free_space) as source:
        finest = _bits(source, source.f16, counting(report, "F16", "exchanges", start=MADE, end=READ))
        found = [_measured(source, "F16", source.f16, finest, finest, report)]
        for kind in list(LOSS)[1:]:
            output = source.folder / f"{kind}.gguf"
            gguf.quantize(source.f16, output, kind, count=counting(report, kind, "MB", end=MADE))
            bits = _bits(source, output, counting(report, kind, "exchanges", start=MADE, end=READ))
            found.append(_measured(source, kind, output, bits, finest, report))
            remove(output)
        return source.artifact, found


def requantize(
    config: Config,
    store: Store,
    kind: str,
    name: str | None = None,
    *,
    report: Report = silent,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    free_space: gguf.FreeSpace = gguf.free_space,
) -> Artifact:
    """Publish a double once more, as another type: proved against its 16-bit weights, and judged like any other.

    Raises:
        Unfaithful: it does not say what the 16-bit weights do.
        others: as `compare` does.
    """
    artifact, forgotten = _meant(config, name), store.forgotten.ids()
    if artifact.card.quantization == kind:
        raise CannotQuantize(f"{artifact.name} is {kind} already", fix="see `python -m trainer quantize --compare`")
    with _source(config, store, artifact, PROVED, report, free_space) as source:
        prepared = source.folder / ARTIFACT
        shutil.copytree(artifact.folder, prepared, ignore=shutil.ignore_patterns(MODEL, CARD, registry.VERDICT))
        gguf.quantize(source.f16, prepared / MODEL, kind, count=counting(report, "quantize", "MB"))
        report(Step("quantize", PERCENT, PERCENT))
        card = artifact.card.model_copy(
            update={"quantization": kind, "created": clock(), "sha256": sha256(prepared / MODEL)}
        )
        halves = [counting(report, "verify", "exchanges", start=start, end=start + 50) for start in (0, 50)]
        expected = sum(_bits(source, source.f16, halves[0])) / source.bytes
        prove(prepared / MODEL, card, source.rows, bits_per_byte=expected, count=halves[1])
        report(Step("verify", PERCENT, PERCENT))
        write_card(prepared, card)
        verdict = judge(read(prepared), config.models, source.history, report, forgotten=forgotten)
        published = registry.publish(prepared, config.models, verdict)
    registry.settle(config.models, published, keep=config.train.keep, forgotten=forgotten)
    return published


def _meant(config: Config, name: str | None) -> Artifact:
    """The double called so, or the one in use."""
    models = config.models
    return read(models / registry.find(models, name)) if name else registry.current(models)


@contextmanager
def _source(
    config: Config, store: Store, artifact: Artifact, tokens: int, report: Report, free_space: gguf.FreeSpace
) -> Iterator[_Source]:
    """The double with about so many held-out tokens, and with its 16-bit weights, as long as they are needed."""
    check(artifact, store.forgotten.ids())
    history = history_for(config, store, artifact)
    if not (rows := held_out_rows(artifact, history, tokens=tokens)):
        raise CannotQuantize(
            f"nothing is stored that {artifact.name} has not learned, so there is nothing to measure it on",
            fix="run `python -m exporter`, and try again",
        )
    with alone(config.runs), bases.quiet():
        folder = config.runs / "quantize"
        remove(folder)
        folder.mkdir(mode=0o700)
        try:
            yield _Source(artifact, history, folder, _f16(config, artifact, folder, report, free_space), rows)
        finally:
            remove(folder)


def _f16(config: Config, artifact: Artifact, folder: Path, report: Report, free_space: gguf.FreeSpace) -> Path:
    """The double's 16-bit weights, made again from base and adapter, unless it was published in them."""
    card = artifact.card
    if card.quantization == "F16":
        gguf.require_space(folder, round((ROOM - 1) * artifact.gguf.stat().st_size), free_space)
        return artifact.gguf
    if not artifact.adapter_bytes:
        raise CannotQuantize(
            f"of {artifact.name} nothing finer than {card.quantization} is kept: only an adapter can be merged anew",
            fix='train with [train] quantization = "F16", and choose a smaller type from that',
        )
    cache = config.state / "base"
    plain = bases.prepare(card.base, cache, free=free_space)
    base, _, _ = framed(plain, card.prompt.frame.names, cache, free_space)
    if base.key != card.base_key:
        raise CannotQuantize(
            f"the base {card.base} is another than that of {artifact.name}", fix="train anew: `python -m trainer run`"
        )
    gguf.require_space(folder, round(ROOM * base.size), free_space)
    output = folder / "f16.gguf"
    convert, count = converter(base.folder, config.train.llama_cpp), counting(report, "merge", "tensors")
    unquantized(base, artifact.folder / ADAPTER, output, free_space, convert, count=count)
    report(Step("merge", PERCENT, PERCENT))
    return output


def _measured(
    source: _Source, kind: str, file: Path, bits: Sequence[float], finest: Sequence[float], report: Report
) -> Measured:
    """A type that takes so many bits for each exchange, of which the 16-bit weights take `finest`."""
    error = standard_error([one - other for one, other in zip(bits, finest, strict=True)], source.rows)
    prompt_rate, reply_rate = _speed(file, source.artifact.card.prompt.length)
    report(Step(kind, PERCENT, PERCENT))
    size = file.stat().st_size
    return Measured(kind, sum(bits) / source.bytes, len(bits), error, size, prompt_rate, reply_rate)


def standard_error(more: Sequence[float], rows: Sequence[Row]) -> float:
    """Of a sum of bits over a sum of bytes, from how exchanges differ (Cochran, Sampling Techniques, 6.4)."""
    count, size = len(rows), sum(row.learned_bytes for row in rows)
    each = sum(more) / size
    apart = sum((bits - each * row.learned_bytes) ** 2 for bits, row in zip(more, rows, strict=True))
    return sqrt(apart * count / (count - 1)) / size if count > 1 else inf


def _bits(source: _Source, file: Path, count: Count) -> tuple[float, ...]:
    """Of each exchange."""
    card = source.artifact.card
    with reading(file, card) as llama:
        return surprises(llama, source.rows, frame(GGUFTokenizer(llama), card), count=count)


def _speed(file: Path, length: int) -> tuple[float, float]:
    """Tokens a second of a prompt and of a reply, with llama.cpp set up as in the bot. Which tokens is no matter."""
    llama = load(file, n_ctx=length, n_batch=length, n_ubatch=length)
    prompt = list(range(min(PROMPT, length // 2)))
    read_in, said_in = [], []
    for _ in range(TRIES):
        llama.reset()  # type: ignore[no-untyped-call]
        began = time.perf_counter()
        llama.eval(prompt)
        heard = time.perf_counter()
        for token in range(REPLY):
            llama.eval([token])
        read_in.append(heard - began)
        said_in.append(time.perf_counter() - heard)
    llama.close()
    return len(prompt) / min(read_in), REPLY / min(said_in)
