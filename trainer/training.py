"""All that goes into one training: base, tokenizer and frame, rows, and settings that leave nothing open."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from exporter.progress import Report, counting, saying, silent
from exporter.settings.config import Train
from trainer.convert import gguf
from trainer.convert.export import Converter, converter
from trainer.convert.quantization import decided
from trainer.data.dataset import Dataset, dataset
from trainer.data.split import Split, frequent
from trainer.learning import base as bases
from trainer.learning import curves, methods
from trainer.learning.framing import framed
from trainer.learning.tokenizer import HFTokenizer
from trainer.models import refresh
from trainer.reading.prompt import PromptSpec
from trainer.teach import Task

READ = 50
"""Per cent of the stage `data` at which the store is read, and rendering begins."""


@dataclass(frozen=True, slots=True)
class Training:
    """All that goes into one training; its settings leave nothing open any more."""

    settings: Train
    base: bases.Base
    convert: Converter
    tokenizer: HFTokenizer
    spec: PromptSpec
    data: Dataset
    history: Split
    """What the data was rendered from."""
    cache: Path
    """What is made once for many trainings: bases, and what was compiled for them."""
    begun: refresh.Start | None = None
    """What a refresh goes on from."""

    @property
    def chats(self) -> tuple[int, ...]:
        """Ids of the chats that the model has learned from in the end, sorted."""
        return tuple(sorted({*self.data.chats, *(self.begun.artifact.card.chats if self.begun else ())}))

    @property
    def task(self) -> Task:
        """What of it is taught."""
        frame = frozenset(map(self.tokenizer.control, self.spec.frame.in_replies))
        return Task(self.base, self.data, self.settings, frame, self.cache)

    def digest(self) -> str:
        """Changes with base, data and settings: 16 hexadecimal digits."""
        settings = self.settings.model_dump(exclude={"keep", "nightly", "report_to"})
        parts = (self.base.key, self.spec, self.data.digest(), settings, self.begun and self.begun.artifact.name)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def prepare(
    history: Split,
    settings: Train,
    cache: Path,
    *,
    memory: int | None = None,
    names: tuple[str, ...] | None = None,
    report: Report = silent,
    free_space: gguf.FreeSpace = gguf.free_space,
) -> Training:
    """Find the base, unpacked in `cache`, and render the history, for a machine of `memory` bytes; None: this one.

    `names` are those with tokens of their own; None: of the most frequent contacts, as many as are set.
    """
    curves.require(settings.report_to)
    methods.require_one_process(settings.method)
    base = bases.prepare(settings.base, cache, say=saying(report, "data", at=READ), free=free_space)
    convert = converter(base.folder, settings.llama_cpp)
    named = frequent(history, settings.name_tokens) if names is None else names
    base, tokenizer, frame = framed(base, named, cache, free_space)
    spec = PromptSpec(frame, settings.length)
    settings = decided(settings, base.folder, memory)
    data = dataset(history, tokenizer, spec, settings, count=counting(report, "data", "sessions", start=READ))
    return Training(settings, base, convert, tokenizer, spec, data, history, cache)
