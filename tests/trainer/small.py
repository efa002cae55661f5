"""Bases of a few hundred tokens: real tokenizers of each kind and random weights, made in milliseconds."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.pre_tokenizers import ByteLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<filename>")
PIECES = ("th", "he", "an", "you", "▁", "▁a", "▁th", "▁you", "▁A", "▁B")


def byte_level(special: Sequence[str]) -> Tokenizer:
    """As SmolLM, Qwen and Llama 3 are: bytes, merged."""
    words = [*special, *sorted(ByteLevel.alphabet()), "th", "an"]
    model = models.BPE(vocab={word: at for at, word in enumerate(words)}, merges=[("t", "h"), ("a", "n")])
    made = Tokenizer(model)
    made.pre_tokenizer = ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def sentencepiece(special: Sequence[str], *, fallback: bool = True) -> Tokenizer:
    """As Llama 2 and Mistral are: a space before each text, and bytes only for what has no piece."""
    letters = [chr(code) for code in range(33, 127)]
    rest = [f"<0x{byte:02X}>" for byte in range(256)] if fallback else []
    words = [*special, *rest, "▁", *letters, "th", "▁th", "▁a"]
    merges = [("t", "h"), ("▁", "th"), ("▁", "a")]
    vocab = {word: at for at, word in enumerate(words)}
    made = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=fallback))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return made


def unigram(special: Sequence[str], normalizer: normalizers.Normalizer | None = None) -> Tokenizer:
    """As T5 and XLM-R are: the likeliest pieces."""
    letters = [chr(code) for code in range(33, 127)]
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *letters, "th", "▁th"]
    made = Tokenizer(
        models.Unigram(
            [(p, -float(n)) for n, p in enumerate(pieces)], unk_id=special.index("<unk>"), byte_fallback=True
        )
    )
    if normalizer:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return made


def save(made: Tokenizer, folder: Path, special: Sequence[str], *, begin: str = "", end: str = "") -> None:
    """Write a tokenizer with these control tokens as Hugging Face's library does, with a text's first token."""
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    if begin:
        made.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, made.token_to_id(begin))]
        )
    names = {"bos_token": begin or None, "eos_token": end or special[0]}
    PreTrainedTokenizerFast(tokenizer_object=made, **names).save_pretrained(folder)


def small_base(folder: Path, made: Tokenizer, *, tied: bool = True, spare: int = 0) -> Path:
    """A folder as Hugging Face saves it: two layers of random weights, and `spare` rows that no token has."""
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=made.get_vocab_size() + spare,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=None,
        initializer_range=0.3,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder
