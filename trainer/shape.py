"""A language model in numbers: what its configuration says, and how many weights follow from that.

Vectors (norms, biases) are left out: they are less than a thousandth of all weights.
"""

from dataclasses import dataclass
from pathlib import Path

from transformers import AutoConfig, PreTrainedConfig


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder of equal layers: attention with grouped heads, and a gated feed-forward part."""

    layers: int
    width: int
    inner: int
    """Width inside the feed-forward part."""
    heads: int
    groups: int
    """Heads of keys and of values."""
    head: int
    """Width of one head."""
    vocabulary: int
    tied: bool
    """Tokens come out through the matrix through which they go in."""

    @property
    def matrices(self) -> dict[str, tuple[int, int]]:
        """(out, in) of each matrix of one layer."""
        queries, keys = self.heads * self.head, self.groups * self.head
        return {
            "queries": (queries, self.width),
            "keys": (keys, self.width),
            "values": (keys, self.width),
            "attended": (self.width, queries),
            "gate": (self.inner, self.width),
            "up": (self.inner, self.width),
            "down": (self.width, self.inner),
        }

    @property
    def layered(self) -> int:
        """Weights in the matrices of all layers: those that an adapter adds to, and that 4 bits may hold."""
        return self.layers * sum(out * into for out, into in self.matrices.values())

    @property
    def embedding(self) -> int:
        """Weights of one matrix between tokens and their vectors."""
        return self.vocabulary * self.width

    @property
    def weights(self) -> int:
        """All of them."""
        return self.layered + self.embedding * (1 if self.tied else 2)

    def adapter(self, rank: int) -> int:
        """Weights of a LoRA adapter on each matrix of each layer."""
        return self.layers * rank * sum(out + into for out, into in self.matrices.values())


def shape_of(config: PreTrainedConfig) -> Shape | None:
    """What a configuration of Hugging Face's library says; None: its family names things otherwise."""
    said = config.get_text_config()
    try:
        return Shape(
            layers=said.num_hidden_layers,
            width=said.hidden_size,
            inner=said.intermediate_size,
            heads=said.num_attention_heads,
            groups=getattr(said, "num_key_value_heads", None) or said.num_attention_heads,
            head=getattr(said, "head_dim", None) or said.hidden_size // said.num_attention_heads,
            vocabulary=said.vocab_size,
            tied=bool(said.tie_word_embeddings),
        )
    except AttributeError:
        return None


def read_shape(folder: Path) -> Shape | None:
    """The same of a model's folder."""
    return shape_of(AutoConfig.from_pretrained(folder))
