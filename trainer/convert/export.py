"""From what was learned to a GGUF that llama.cpp reads: merge and convert in one go, then quantize.

Each stage leaves its whole output in the run's folder, or none.
"""

from pathlib import Path
from typing import Protocol

from exporter.progress import Count, uncounted
from trainer.convert import gguf, outside
from trainer.convert.families import CannotConvert
from trainer.convert.merge import merged
from trainer.convert.vocabulary import UnknownTokenizer
from trainer.learning.base import Base
from trainer.models.artifact import MODEL, vocabulary
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec, Tokenizer
from trainer.run import Run, remove, whole

LEARNED = "learned"
"""The folder, inside a run, of what was learned: an adapter, or all weights."""
ARTIFACT = "artifact"
"""The folder, inside a run, that will be published."""


class Converter(Protocol):
    """Writes a folder's model, or these weights of it, as an F16 GGUF."""

    def __call__(
        self, folder: Path, output: Path, weights: gguf.Weights | None = None, *, count: Count = uncounted
    ) -> None:
        """Raises CannotConvert."""
        ...


def converter(folder: Path, llama_cpp: str | None) -> Converter:
    """What converts the model of a folder: our own, or for others that of the sources of llama.cpp, if there are any.

    Raises:
        CannotConvert, UnknownTokenizer, NoConverter: nothing does.
    """
    try:
        gguf.check(folder)
    except (CannotConvert, UnknownTokenizer):
        if llama_cpp is None:
            raise
        outside.require_names(folder)
        return outside.find(Path(llama_cpp))
    return gguf.convert


def require_read_alike(
    base: Base, tokenizer: Tokenizer, spec: PromptSpec, convert: Converter, work: Run, *, known: Path | None
) -> None:
    """Check, before anything is trained, that llama.cpp will read prompts as training does.

    By `known`, a GGUF of the base, or where there is none by one of its vocabulary alone: one to three seconds.

    Raises:
        UnknownTokenizer: it will not.
        PromptMismatch: it has no such control tokens.
    """
    if known is None:
        known = work.folder / "vocabulary.gguf"
        convert(base.folder, known, gguf.NoWeights())
    with vocabulary(known) as read:
        if fingerprint(read, spec) != fingerprint(tokenizer, spec):
            raise UnknownTokenizer(
                f"llama.cpp would read text otherwise than the tokenizer of {base.folder}",
                fix='choose another [train] base, such as "embedded", a SmolLM, Qwen, Llama, Mistral or Gemma',
            )


def base_gguf(
    base: Base, work: Run, quantization: str, cache: Path, free_space: gguf.FreeSpace, convert: Converter
) -> Path:
    """The untuned base as a GGUF in `cache`, made once, in the same way as the double's."""
    output = cache / f"{base.key}-{quantization}.gguf"
    source = work.folder / "base-f16.gguf"

    def make() -> dict[str, float]:
        output.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _convert(convert, base, source, free_space, count=work.counting("base", "tensors", end=50))
        with whole(output) as scratch:
            gguf.quantize(source, scratch, quantization, count=work.counting("base", "MB", start=50))
        return {}

    if not output.exists():
        remove(work.folder / "base.json")
    work.stage("base", lambda: {} if output.exists() else make(), uses_up=(source,))
    return output


def export(base: Base, work: Run, quantization: str, free_space: gguf.FreeSpace, convert: Converter) -> Path:
    """What a run learned, merged with its base on the way, as a quantized GGUF; returns the file."""
    f16, artifact = work.folder / "f16.gguf", work.folder / ARTIFACT

    def merging() -> dict[str, float]:
        count = work.counting("merge", "tensors")
        unquantized(base, work.folder / LEARNED, f16, free_space, convert, count=count)
        return {}

    def quantizing() -> dict[str, float]:
        gguf.require_space(work.folder, f16.stat().st_size, free_space)
        with whole(artifact) as scratch:
            scratch.mkdir(mode=0o700)
            gguf.quantize(f16, scratch / MODEL, quantization, count=work.counting("quantize", "MB"))
        return {}

    work.stage("merge", merging)
    work.stage("quantize", quantizing, uses_up=(f16,))
    return artifact / MODEL


def unquantized(
    base: Base, learned: Path, output: Path, free_space: gguf.FreeSpace, convert: Converter, *, count: Count
) -> None:
    """What lies in the folder `learned`, merged with its base on the way, as an F16 GGUF. `count` is told tensors."""
    _convert(convert, base, output, free_space, merged(base.folder, learned), count=count)


def _convert(
    convert: Converter,
    base: Base,
    output: Path,
    free_space: gguf.FreeSpace,
    weights: gguf.Weights | None = None,
    *,
    count: Count,
) -> None:
    gguf.require_space(output.parent, base.size, free_space)
    with whole(output) as scratch:
        convert(base.folder, scratch, weights, count=count)
