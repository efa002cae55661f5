"""Tokenizers of every kind: what keeps words is handled, what changes them is refused by name."""

import pytest
from tokenizers import decoders, normalizers, pre_tokenizers

from tests.trainer.small import byte_level, save, sentencepiece, unigram
from trainer.learning.base import Base
from trainer.learning.legible import SAMPLES, Illegible, require_legible
from trainer.learning.tokenizer import load_tokenizer
from trainer.models.artifact import PromptMismatch

SPECIAL = ("<unk>", "<s>", "</s>")


def loaded(made, folder):
    save(made, folder, SPECIAL, begin="<s>", end="</s>")
    return load_tokenizer(Base(folder))


def merging():
    """Bytes, but no space is kept apart from the word behind it, and each text begins with one."""
    made = byte_level(SPECIAL)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return made


def composing():
    """As Qwen does."""
    made = byte_level(SPECIAL)
    made.normalizer = normalizers.NFC()
    return made


def metaspace():
    """SentencePiece as transformers makes it of a GGUF."""
    made = sentencepiece(SPECIAL)
    made.normalizer = None
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return made


def lowering():
    made = byte_level(SPECIAL)
    made.normalizer = normalizers.Lowercase()
    return made


def accents_lost():
    made = byte_level(SPECIAL)
    made.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    return made


def spaces_lost():
    made = sentencepiece(SPECIAL)
    made.normalizer = normalizers.Sequence([normalizers.Replace("  ", " "), made.normalizer])
    return made


def words_only():
    made = byte_level(SPECIAL)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), made.pre_tokenizer])
    made.decoder = decoders.ByteLevel()
    return made


@pytest.mark.parametrize("made", [byte_level(SPECIAL), merging(), composing(), sentencepiece(SPECIAL), metaspace()])
def test_tokenizers_that_keep_words_are_handled(made, tmp_path):
    tokenizer = loaded(made, tmp_path)
    require_legible(tokenizer)
    assert tokenizer.begin == "<s>" and tokenizer.text("") == []
    assert tokenizer.control("</s>") == made.token_to_id("</s>")


@pytest.mark.parametrize(
    ("made", "lost"),
    [
        (lowering(), "capital letters"),
        (accents_lost(), "accents"),
        (spaces_lost(), "spaces and lines"),
        (words_only(), "capital letters"),
        (sentencepiece(SPECIAL, fallback=False), "spaces and lines"),
        (unigram(SPECIAL), "what looks like a byte"),
    ],
)
def test_tokenizers_that_change_words_are_refused_by_name(made, lost, tmp_path):
    with pytest.raises(Illegible, match=lost) as caught:
        require_legible(loaded(made, tmp_path))
    assert "base" in caught.value.fix


def test_a_token_that_anyone_can_type_is_no_control_token(tmp_path):
    made = byte_level(SPECIAL)
    made.add_tokens(["<|im_start|>"])
    tokenizer = loaded(made, tmp_path)
    assert "<|im_start|>" not in tokenizer.special
    with pytest.raises(PromptMismatch, match=r"<\|im_start\|>"):
        tokenizer.control("<|im_start|>")


def test_samples_are_nobodys_words():
    assert all(sample == sample.strip() for sample in SAMPLES.values())
