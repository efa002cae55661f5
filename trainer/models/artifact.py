"""A trained double on disk: a GGUF and its card, in one folder.

It proves that this code reads prompts as the model was taught to: a fingerprint over the token ids of golden
dialogues. It knows how llama.cpp tokenizes, and nothing of torch, training or Telegram.
"""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import Any

from llama_cpp import Llama
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, field_validator

from exporter.errors import DoppelgangerError
from exporter.progress import Count, uncounted
from exporter.settings.section import Contact
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec, Tokenizer

CARD = "card.json"
MODEL = "model.gguf"
ADAPTER = "adapter"
"""The folder, inside a model's, of what a refresh goes on from."""
CURVES = "curves"
"""The folder, inside a run's and then inside a model's, of what its training logged."""

BLOCK = 2**24
"""Bytes that are read at once."""
_LOADING = Lock()

RETRAIN = "train a new one with `python -m trainer run`"


class PromptMismatch(DoppelgangerError):
    """The model was taught to read prompts otherwise than this code renders them, so it must not speak."""


class LearnedFromForgotten(DoppelgangerError):
    """The owner had somebody forgotten from whom the model had learned, so it must not speak."""


class CannotLoad(DoppelgangerError):
    """The model's file is none that llama.cpp reads."""


class BitsPerByte(BaseModel):
    """Surprise at the owner's held-out words, before and after training; lower is closer to the owner."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: float
    tuned: float


class Card(BaseModel):
    """What a model is, which data it learned from, and how prompts for it are rendered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: PromptSpec
    fingerprint: str
    base: str
    """As the configuration names it: `embedded`, a folder, or a hub id."""
    base_key: str
    """Changes when the base's weights do."""
    base_gguf: str | None
    """Path of the untuned base, converted in the same way, to compare with; it may be gone by now."""
    owner: str
    created: AwareDatetime
    held_out_since: AwareDatetime
    """The first held-out session starts here: nothing sent later was learned."""
    chats: tuple[int, ...]
    """Ids of the chats that were learned from."""
    people: tuple[int, ...]
    """Ids of everybody who has a word in those chats, learned or only read: a model may repeat either."""
    region: str | None
    """Whose telephone numbers were hidden as they are dialled at home: the bot must hide what training hid."""
    gaps: dict[int, timedelta]
    """The silence that ends a session, by chat: the bot must see sessions as the model learned them."""
    sessions: int
    tokens: int
    learned_tokens: int
    redacted: dict[str, int] = {}
    """Secrets that were hidden before anything was learned, by kind."""
    left_out: dict[str, int] = {}
    """Turns and sessions that were not learned, by what spoke against it."""
    bits_per_byte: BitsPerByte
    quantization: str
    sha256: str
    """Of the model's file, in hexadecimal."""
    adapter_sha256: str | None = None
    """Of what a refresh goes on from, as `adapter_digest` has it; None: nothing."""
    data_digest: str
    """Of every row, learned or held out."""
    run_digest: str
    """Of base, data and settings together."""
    settings: dict[str, Any]
    """[train] as it stood."""
    parent: str | None = None
    """The model from which training went on, if it did not begin at the base."""
    versions: dict[str, str]
    """Of the libraries that made it."""
    ended: str = ""
    """Where training ended and why, in words."""
    tokens_per_second: float
    peak_rss_mb: float
    seconds: dict[str, float]
    """By stage."""

    @field_validator("prompt", mode="before")
    @classmethod
    def _framed(cls, prompt: Any) -> Any:
        """Before there was more than one frame, a card had the names of its tokens beside the length."""
        if not isinstance(prompt, dict) or "frame" in prompt:
            return prompt
        return {"frame": {name: prompt[name] for name in prompt if name != "length"}, "length": prompt.get("length")}

    @property
    def speaker(self) -> Contact | None:
        """The person whose double it is; None: the owner's."""
        learn: Contact = self.settings.get("learn", "owner")
        return None if learn in ("owner", "everyone") else learn


@dataclass(frozen=True, slots=True)
class Artifact:
    """One published folder."""

    folder: Path
    card: Card

    @property
    def name(self) -> str:
        """By which the owner calls it: when it was made."""
        return self.folder.name

    @property
    def gguf(self) -> Path:
        """The model itself."""
        return self.folder / MODEL

    @property
    def adapter_bytes(self) -> int:
        """What of its folder a refresh goes on from; 0: nothing."""
        return sum(file.stat().st_size for file in adapter_files(self.folder))


def read(folder: Path) -> Artifact:
    """The artifact in `folder`. Raises PromptMismatch where its card is not one of this code's."""
    try:
        return Artifact(folder, Card.model_validate_json((folder / CARD).read_bytes()))
    except ValidationError as error:
        places = ", ".join(".".join(map(str, mistake["loc"])) or "JSON" for mistake in error.errors())
        raise PromptMismatch(
            f"{folder / CARD} does not fit this code ({places}); another release wrote it", fix=RETRAIN
        ) from None


def write_card(folder: Path, card: Card) -> None:
    """Put the card beside the model that it describes, and the adapter, whose digest it gets."""
    card = card.model_copy(update={"adapter_sha256": adapter_digest(folder)})
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n", "utf-8")


REMEMBERED = 4096
"""Texts whose ids a tokenizer remembers: a turn is asked for thrice, and its frame again and again."""


class GGUFTokenizer:
    """The tokenizer inside a GGUF, as rendering asks for it."""

    def __init__(self, llama: Llama) -> None:
        self._llama = llama
        self._ids = lru_cache(REMEMBERED)(partial(_ids, llama))

    @property
    def told(self) -> dict[str, str]:
        """What the file says of itself."""
        return dict(self._llama.metadata)

    def text(self, value: str) -> list[int]:
        """Ids of plain words; what looks like a special token stays words."""
        return list(self._ids(value, special=False))

    def control(self, name: str) -> int:
        """The id of exactly one special token.

        Raises:
            PromptMismatch: the model has no such token, or anyone could type it.
        """
        ids = self._ids(name, special=True)
        if len(ids) != 1 or ids == self._ids(name, special=False):
            raise no_such_control(name)
        return ids[0]


def _ids(llama: Llama, value: str, *, special: bool) -> tuple[int, ...]:
    return tuple(llama.tokenize(value.encode(), add_bos=False, special=special))


def load(gguf: Path, **settings: Any) -> Llama:
    """A GGUF in llama.cpp, one at a time: while it loads, its Python binding takes the process's output away, and two
    that give it back crosswise would leave it away. Raises ValueError where it is none."""
    with _LOADING, redirect_stderr(StringIO()):  # it warns that a vocabulary alone has no context
        return Llama(str(gguf), verbose=False, **settings)


def sha256(file: Path, count: Count = uncounted) -> str:
    """Digest of a file, in hexadecimal; `count` is told of the bytes that were read."""
    digest, total = hashlib.sha256(), file.stat().st_size
    with file.open("rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
            count(opened.tell(), total)
    return digest.hexdigest()


def adapter_files(folder: Path) -> list[Path]:
    """What a refresh goes on from, in the folder of a model, by name; perhaps nothing."""
    return sorted(file for file in (folder / ADAPTER).glob("*") if file.is_file())


def adapter_digest(folder: Path) -> str | None:
    """Of the names and contents of those files, in hexadecimal; None: there are none."""
    found = [(file.name, sha256(file)) for file in adapter_files(folder)]
    return hashlib.sha256(repr(found).encode()).hexdigest() if found else None


@contextmanager
def vocabulary(gguf: Path) -> Iterator[GGUFTokenizer]:
    """The tokenizer of a GGUF, without its weights: a tenth of a second.

    Raises:
        CannotLoad: llama.cpp cannot read the file.
    """
    try:
        llama = load(gguf, n_ctx=1, n_batch=1, vocab_only=True)
    except ValueError as error:
        raise CannotLoad(f"llama.cpp cannot load {gguf}", fix=RETRAIN) from error
    try:
        yield GGUFTokenizer(llama)
    finally:
        llama.close()


def check(artifact: Artifact, forgotten: Collection[int]) -> None:
    """Verify an artifact by its own file, and by who was forgotten.

    Raises:
        PromptMismatch, CannotLoad, LearnedFromForgotten: it must not speak.
    """
    refuse_forgotten(artifact.card, forgotten)
    with vocabulary(artifact.gguf) as tokenizer:
        verify(artifact.card, tokenizer)


def no_such_control(name: str) -> PromptMismatch:
    """What a tokenizer says when `name` is no special token of its own."""
    return PromptMismatch(
        f"the model has no special token {name}, with which prompts are rendered",
        fix="choose another base, or retrain the model with this release",
    )


def verify(card: Card, tokenizer: Tokenizer) -> None:
    """Check that this code and this tokenizer render prompts as the model was taught to read them.

    Raises:
        PromptMismatch: they do not.
    """
    here = fingerprint(tokenizer, card.prompt)
    if here != card.fingerprint:
        raise PromptMismatch(
            f"the model was trained on prompts {card.fingerprint}, and this code renders {here}",
            fix=f"{RETRAIN}, or see which others still fit: `python -m trainer models`",
        )


def refuse_forgotten(card: Card, forgotten: Collection[int]) -> None:
    """Check that a model learned from nobody who was forgotten: weights cannot be made to forget.

    Who only spoke in a group counts like the group itself, also where nothing they said was learned, for it was read.

    Raises:
        LearnedFromForgotten: it did.
    """
    if learned := {*card.chats, *card.people} & set(forgotten):
        raise LearnedFromForgotten(
            f"the model learned from chats with {', '.join(map(str, sorted(learned)))}, forgotten since", fix=RETRAIN
        )
