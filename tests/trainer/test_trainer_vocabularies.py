"""The tokenizers that other tests call real: transformers reads with them as llama.cpp does with its vocabularies."""

import pytest

from tests.trainer.conftest import NASTY
from trainer.learning.base import Base
from trainer.learning.tokenizer import load_tokenizer
from trainer.models.artifact import vocabulary


@pytest.mark.parametrize(("name", "kept"), [("qwen2", "qwen2"), ("llama3", "llama-bpe"), ("llama2", "llama-spm")])
def test_a_real_tokenizer_reads_as_llama_cpp_reads_its_vocabulary(real_tokenizer, llama_cpp, name, kept):
    hf = load_tokenizer(Base(real_tokenizer(name)))
    with vocabulary(llama_cpp / "models" / f"ggml-vocab-{kept}.gguf") as tokenizer:
        for text in NASTY:
            assert hf.text(text) == tokenizer.text(text), text
