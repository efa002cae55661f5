"""The tokenizer of a base, in Hugging Face's library, as rendering asks for it and as llama.cpp will read alike."""

from functools import lru_cache, partial

from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from trainer.convert.vocabulary import as_llama_cpp_reads
from trainer.learning.base import Base
from trainer.models.artifact import REMEMBERED, no_such_control


class HFTokenizer:
    """A Hugging Face tokenizer, as rendering asks for it."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._ids = lru_cache(REMEMBERED)(partial(_ids, tokenizer))

    @property
    def special(self) -> frozenset[str]:
        """Its control tokens, by name: nobody can type them."""
        added = self._tokenizer.added_tokens_decoder.values()
        return frozenset(token.content for token in added if token.special)

    @property
    def begin(self) -> str:
        """The control token with which it begins every text; empty if it has none."""
        name = self._tokenizer.bos_token
        begun = self._tokenizer.encode("a")[:1] == [self._tokenizer.bos_token_id]
        return str(name) if name and begun else ""

    def text(self, value: str) -> list[int]:
        """Ids of plain words; what looks like a special token stays words."""
        return list(self._ids(value, special=False))

    def words(self, ids: list[int]) -> str:
        """The words of which they are the ids."""
        return str(self._tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def control(self, name: str) -> int:
        """The id of exactly one special token.

        Raises:
            PromptMismatch: the model has no such token, or anyone could type it.
        """
        ids = self._ids(name, special=True)
        if len(ids) != 1 or ids == self._ids(name, special=False):
            raise no_such_control(name)
        return ids[0]


def _ids(tokenizer: PreTrainedTokenizerBase, value: str, *, special: bool) -> tuple[int, ...]:
    return tuple(tokenizer.encode(value, add_special_tokens=False, split_special_tokens=not special))


def load_tokenizer(base: Base) -> HFTokenizer:
    """The base's tokenizer, by its own file: classes that are named for families make another one of what is in it."""
    return HFTokenizer(as_llama_cpp_reads(PreTrainedTokenizerFast.from_pretrained(base.folder)))
