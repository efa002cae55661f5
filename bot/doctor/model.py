"""The model in use: whether it is whole, reads prompts as this code does, may speak for the owner, and finds room."""

from collections.abc import Collection, Iterator
from datetime import tzinfo

from bot.doctor.findings import Finding, ok, problem, size, unseen, wrong
from exporter.errors import DoppelgangerError
from exporter.progress import Count
from trainer import machine
from trainer.models.artifact import RETRAIN, Artifact, refuse_forgotten, sha256, verify, vocabulary
from trainer.models.footprint import told_beside_weights


def examine_model(
    artifact: Artifact, forgotten: Collection[int], zone: tzinfo, count: Count, *, loaded: bool
) -> Iterator[Finding]:
    """Its card, its file byte by byte, and the memory that it needs; `count` is told of the bytes that were read.

    Where it is `loaded` by a bot, that has its memory already.

    Raises:
        CannotLoad: llama.cpp cannot read the file.
    """
    card = artifact.card
    with vocabulary(artifact.gguf) as tokenizer:
        needed = artifact.gguf.stat().st_size + told_beside_weights(tokenizer.told, length=card.prompt.length)
        try:
            refuse_forgotten(card, forgotten)
            verify(card, tokenizer)
            made = f"{card.created.astimezone(zone):%Y-%m-%d %H:%M}"
            yield ok("model", f"{artifact.name}: {card.base}, {card.quantization}, trained {made}; it fits")
        except DoppelgangerError as error:
            yield problem("model", error)
    if card.speaker is not None:
        says = f"the model in use is the double of {card.speaker}, and must not speak for you"
        yield wrong("model", says, "promote one of yours: `python -m trainer models`")
    yield _memory(needed, loaded=loaded)
    if sha256(artifact.gguf, count) == card.sha256:
        yield ok("model file", f"{artifact.gguf}, {size(artifact.gguf.stat().st_size)}, is as it was made")
    else:
        says = f"{artifact.gguf} is not the file that its card describes"
        yield wrong("model file", says, f"`python -m trainer models rollback`, or {RETRAIN}")


def _memory(needed: int, *, loaded: bool) -> Finding:
    free = machine.free()
    if free is None:
        return unseen("memory", f"this system does not tell what is free; the model needs {size(needed)}")
    if loaded:
        return ok("memory", f"{size(free)} free besides the {size(needed)} that the bot has for the model")
    says = f"{size(free)} free; the model needs {size(needed)} to speak"
    if needed > free:
        return wrong("memory", says, "end other programs, or make it smaller: `python -m trainer quantize --to Q4_K_M`")
    return ok("memory", says)
