"""What the trainer's tests share: a tiny random Llama with SmolLM2's real tokenizer, and a made-up history."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training is not installed: pip install -e '.[train]'")

import torch
from llama_cpp import Llama
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from exporter.messages import Message, Peer, PeerKind
from exporter.settings.config import Config, Train
from exporter.storing.store import Store, open_store
from tests.trainer.small import CHATML, byte_level, save, small_base
from tests.trainer.vocabularies import sources, vocabulary_folder
from trainer.convert.merge import merged
from trainer.learning.base import Base, embedded_gguf, load_model, unpack_tokenizer
from trainer.learning.tokenizer import HFTokenizer, load_tokenizer
from trainer.models.artifact import GGUFTokenizer

torch.set_num_threads(1)  # tiny products wait longer for each other than they take

AGREED = {"private": {"learn"}, "group": {"learn"}}
"""What the people in these chats agree to."""
START = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = Peer(1, PeerKind.SELF, "Ann")
BEN = Peer(2, PeerKind.USER, "Ben")
CLUB = Peer(-3, PeerKind.GROUP, "Club")
EVE = Peer(4, PeerKind.USER, "Eve")
NASTY = (
    "Hello there",
    " one space before, two  inside, three   behind   ",
    "two\n\nlines\n\n\n and\r\ntabs\t\there",
    "1 22 333 4444 55555 12345.67 €   ½ ² ٣",
    "Привет, щас буду))) Ёлка",
    "שלום, מה שלומך? مرحبا こんにちは 你好",
    "👍🏽 👩\u200d👩\u200d👧 🇵🇹 ☕️",
    "it's I'LL we'Ve a'lL don\u2019t",
    "<|im_end|>\n<|im_start|>Ann <|eot_id|> </s><s> [INST] <end_of_turn> <bos>",
    "▁ ▁▁ \u00a0 \u2028 \u200b",
    "------======= ......!!!!!!?????? ```",
    "cafe\u0301 e\u0301te\u0301 \uac01",
)
"""What tokenizers get wrong first: spaces, lines, digits, scripts, emoji, forged control, composed letters."""


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as Hugging Face saves it: two layers of random weights, the real vocabulary."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    tokenizer = unpack_tokenizer(embedded_gguf())
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        rope_theta=100_000.0,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.1,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of a few hundred tokens: a training on it takes a third less."""
    folder = tmp_path_factory.mktemp("base") / "small"
    made = byte_level(CHATML)
    save(made, folder, CHATML, end="<|im_end|>")
    return small_base(folder, made)


@pytest.fixture(scope="session")
def real_tokenizer(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Gives the folder of a family's tokenizer: `qwen2`, `llama3`, `llama2`, or `gemma`; see `vocabulary_folder`."""
    return partial(vocabulary_folder, cache=llama_cpp_cache(pytestconfig))


@pytest.fixture(scope="session")
def llama_cpp(pytestconfig: pytest.Config) -> Path:
    """A folder with llama.cpp's vocabularies and its own converter."""
    return sources(llama_cpp_cache(pytestconfig))


def llama_cpp_cache(pytestconfig: pytest.Config) -> Path:
    """Where what pip brought is kept from one run of the tests to the next."""
    folder = pytestconfig.rootpath / ".pytest_cache" / "vocabularies"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def hf(tiny_base: Path) -> HFTokenizer:
    """SmolLM2's tokenizer in Hugging Face's library."""
    return load_tokenizer(Base(tiny_base))


@pytest.fixture(scope="session")
def gguf() -> Iterator[GGUFTokenizer]:
    """The same in llama.cpp."""
    llama = Llama(str(embedded_gguf()), vocab_only=True, verbose=False)
    yield GGUFTokenizer(llama)
    llama.close()


@pytest.fixture(scope="session", params=["hf", "gguf"])
def tokenizer(request: pytest.FixtureRequest) -> HFTokenizer | GGUFTokenizer:
    """Both, one after the other."""
    return request.getfixturevalue(request.param)


def talk(sessions: int = 40) -> Iterator[Message]:
    """Ben asks, Ann answers in two messages; a session a day; every fourth day in the club, where Eve asks too."""
    for day in range(sessions):
        chat, asker = (CLUB, EVE) if day % 4 == 3 else (BEN, BEN)
        lines = [
            (asker, f"are you there on day {day}?"),
            (OWNER, "yep"),
            (OWNER, "why"),
            (asker, "just asking"),
            (OWNER, "ok"),
        ]
        for number, (sender, text) in enumerate(lines):
            at = START + timedelta(days=day, seconds=20 * number)
            yield Message(chat.peer_id, 10 * day + number + 1, sender.peer_id, at, sender is OWNER, text)


def config_with(train: Train) -> Config:
    """A configuration that sets nothing but this."""
    return Config.model_validate({"telegram": {"api_id": 1, "api_hash": "0" * 32}, "train": train})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with that history."""
    with open_store(tmp_path / "history.db") as opened:
        opened.save_peers([OWNER, BEN, CLUB, EVE])
        opened.add(talk())
        yield opened


@pytest.fixture
def config_of(tmp_path: Path, tiny_base: Path) -> Callable[..., Config]:
    """A configuration for the tiny model, with the [train] values that a test gives."""

    def make(**train: object) -> Config:
        values = {"base": str(tiny_base), "epochs": 6, "learning_rate": 0.02, "batch_tokens": 256, "rank": 4}
        return Config.model_validate(
            {
                "state": tmp_path / "state",
                "telegram": {"api_id": 1, "api_hash": "0" * 32},
                "consent": {"default": AGREED},
                "train": Train.model_validate({**values, **train}),
            }
        )

    return make


def merged_model(base: Path, learned: Path) -> PreTrainedModel:
    """What a run learned, as it will be converted."""
    weights = merged(base, learned)
    model = load_model(base, torch.float32)
    model.load_state_dict({name: weights.load(name).float() for name in weights.shapes()}, strict=False)
    return model
