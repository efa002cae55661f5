"""The whole way of a base with SentencePiece's pieces and no turn tokens, as Llama 2 and Mistral are, on the cast.

The vocabulary is Llama 2's own, which the first Mistrals have too; the weights are random.
"""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bot.commands import main as bot
from exporter.imports import import_file
from exporter.settings.config import load
from exporter.storing.store import open_store
from sandbox.demo.play import CAST
from tests.sandbox_fixtures import AGREED_BY_ALL
from tests.trainer.tiny import make
from trainer import pipeline
from trainer.commands import main as trainer
from trainer.learning.base import Base
from trainer.learning.tokenizer import load_tokenizer
from trainer.models.artifact import vocabulary
from trainer.models.registry import current, verdict
from trainer.reading.frame import ADDED
from trainer.reading.golden import fingerprint

CHAT = "Abílio Plumber"


@pytest.fixture
def export(tmp_path):
    """An export of the cast with one chat of it."""
    cut = json.loads(CAST.read_text("utf-8"))
    cut["chats"]["list"] = [chat for chat in cut["chats"]["list"] if chat.get("name") == CHAT]
    path = tmp_path / "result.json"
    path.write_text(json.dumps(cut), "utf-8")
    return path


@pytest.fixture
def config_file(export, real_tokenizer, tmp_path):
    """A configuration whose state holds that chat, for a tiny Mistral."""
    base = make("mistral", real_tokenizer("llama2"), tmp_path / "base")
    path = tmp_path / "config.toml"
    path.write_text(
        f"""state = {json.dumps(str(tmp_path / "state"))}
[telegram]
api_id = 1
api_hash = "0"
{AGREED_BY_ALL}
[train]
base = {json.dumps(str(base))}
epochs = 3
learning_rate = 0.02
batch_tokens = 512
rank = 4
early_stop = 0
length = 256
name_tokens = 1
""",
        "utf-8",
    )
    config = load(path, environ={})
    config.make_state()
    with open_store(config.database) as store:
        import_file(store, export)
    return path


def test_a_mistral_gets_turn_tokens_learns_and_is_spoken_with(config_file):
    """`run` proves in llama.cpp that ids, surprise and the ends of turns are those of training; or it raises."""
    config = load(config_file, environ={})
    with open_store(config.database) as store:
        artifact = pipeline.run(config, store)
    card, base = artifact.card, Base(config_file.parent / "base")
    assert current(config.models) == artifact and verdict(artifact).passed
    assert card.bits_per_byte.tuned < card.bits_per_byte.base
    assert card.prompt.frame == replace(ADDED, begin="<s>", names=(CHAT,))
    known = load_tokenizer(base)
    with vocabulary(artifact.gguf) as spoken:
        assert [spoken.control(name) for name in card.prompt.frame.controls] == [1, 32000, 32001, 32002, 32003]
        assert spoken.text("tudo bem, 10€ 👍🏽") == known.text("tudo bem, 10€ 👍🏽")
        assert fingerprint(spoken, card.prompt) == card.fingerprint
    shown = CliRunner().invoke(trainer, ["preview", "--config", str(config_file)]).stdout
    assert f"<s><|im_start|>system\nTheo Kalnin and {CHAT}<|im_end|>" in shown and "<|im_start|><|name_1|>\n" in shown
    said = CliRunner().invoke(bot, ["chat", "--config", str(config_file), "--as", CHAT], input="bom dia\n")
    assert said.exit_code == 0 and said.stdout.startswith("Theo"), said.output
