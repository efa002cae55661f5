"""Whether a tokenizer keeps words: what is encoded by itself must come back as it was, and never as control.

Prompts are encoded segment by segment. That suits tokenizers of bytes (SmolLM, Qwen, Llama 3), and those of pieces that
fall back to bytes (Llama 2, Mistral, Gemma): the space that these put before each text goes again when it is decoded.
"""

from exporter.errors import DoppelgangerError
from trainer.learning.tokenizer import HFTokenizer
from trainer.reading.prompt import legible

SAMPLES = {
    "capital letters": "ANN from LISBON",
    "spaces and lines": "two  spaces,\n\na line\n\tand  more",
    "accents": "Zoë, mañana, cafe\N{COMBINING ACUTE ACCENT}",
    "other scripts": "Привет, שלום, مرحبا, こんにちは",
    "emoji": "\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-5} \N{HOT BEVERAGE}\N{VARIATION SELECTOR-16}",
    "signs": "½ ² ① ﬁ … € 12345.67",
    "what looks like a byte": "<0x0A><0x41>",
}
"""What tokenizers lose, by what it is."""


class Illegible(DoppelgangerError):
    """The base's tokenizer changes what people write, so a double made from it would read and write something else."""


def require_legible(tokenizer: HFTokenizer) -> None:
    """Check that words survive this tokenizer, and that nobody can type its control tokens. Raises Illegible."""
    for what, sample in SAMPLES.items():
        if tokenizer.words(tokenizer.text(legible(sample))).strip() != legible(sample):
            raise _illegible(f"does not keep {what}")
    for name in sorted(tokenizer.special):
        if tokenizer.control(name) in tokenizer.text(f"a{name} b"):
            raise _illegible(f"takes {name} for a control token when somebody types it")


def _illegible(flaw: str) -> Illegible:
    return Illegible(
        f"the tokenizer of this base {flaw}, so no double can be made from it",
        fix='choose another [train] base, such as "embedded", a SmolLM, Qwen, Llama, Mistral or Gemma',
    )
