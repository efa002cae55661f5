"""Full fine-tuning by two processes that torchrun starts, sharded as on GPUs, beside the same by one process."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from exporter.rights.consent import Ledger
from exporter.settings import config as configuration
from exporter.storing.store import open_store
from tests.trainer import together
from tests.trainer.conftest import AGREED, BEN, CLUB, EVE, OWNER, START, talk
from trainer import pipeline
from trainer.data.batches import MULTIPLE, padded
from trainer.data.bundle import write_bundle
from trainer.data.split import split
from trainer.learning import shards
from trainer.learning.base import load_model
from trainer.learning.methods import OneProcess
from trainer.models.artifact import read
from trainer.models.registry import current

ROOT = Path(__file__).resolve().parents[2]
CLOSE = 1e-4

pytestmark = pytest.mark.timeout(450)  # three processes that load torch, on however busy a machine


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A model of 512 tokens whose output matrix is one of its own, as larger ones have it."""
    folder = tmp_path_factory.mktemp("base") / "small"
    torch.manual_seed(1)
    sizes = {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}
    LlamaForCausalLM(LlamaConfig(**sizes, **heads, initializer_range=0.1)).save_pretrained(folder)
    return folder


def configured(folder: Path, base: Path) -> Path:
    """A configuration file whose state folder holds the made-up history."""
    consent = [f"{kind} = {json.dumps([*scopes])}" for kind, scopes in AGREED.items()]
    train = [f'base = "{base}"', 'method = "full"', "epochs = 2", "learning_rate = 0.005", "batch_tokens = 256"]
    account = [f'state = "{folder}/state"', "[telegram]", "api_id = 1", 'api_hash = "0"']
    file = folder / "config.toml"
    file.write_text("\n".join([*account, "[consent.default]", *consent, "[train]", *train]))
    config = configuration.load(file)
    config.make_state()
    with open_store(config.database) as store:
        store.save_peers([OWNER, BEN, CLUB, EVE])
        store.add(talk())
    return file


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def two(small, tiny_base, tmp_path_factory):
    """The folder in which two processes have left what `together` notes down, and all that they printed."""
    folder = tmp_path_factory.mktemp("two")
    port, other = free_port(), free_port()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    logs = ["--master-port", str(port), "--log-dir", str(folder / "logs"), "--redirects", "3"]
    config = configuration.load(configured(folder, tiny_base))
    with open_store(config.database) as store:
        history = split(store, Ledger(store.database, config.consent), config)
    write_bundle(history, config.train, folder / "me.bundle", START, people=(2, 4))
    places = (small, folder, folder / "config.toml", folder / "me.bundle", folder / "double")
    arguments = [*map(str, (*places, other))]
    both = subprocess.Popen([*torchrun, *logs, "-m", "tests.trainer.together", *arguments], cwd=ROOT)
    try:
        assert both.wait(timeout=400) == 0
    finally:
        both.terminate()  # so that torchrun ends the two; killed, it would leave them behind
        both.wait()
    return folder


def found(two: Path, rank: int) -> dict:
    return json.loads((two / f"found-{rank}.json").read_text())


def printed(two: Path, rank: int, stream: str) -> str:
    (log,) = two.glob(f"logs/*/attempt_0/{rank}/{stream}.log")
    return log.read_text()


@pytest.fixture(scope="module")
def one(small, tmp_path_factory):
    """What one process finds, and the weights that it comes to."""
    model = load_model(small, torch.float32)
    return together.train(model, tmp_path_factory.mktemp("one")), model.half().state_dict()


def test_each_process_holds_half_of_every_weight(two):
    assert found(two, 0)["parts"] == found(two, 1)["parts"] == [0.5] * 21


def test_two_processes_lose_what_one_loses(two, one):
    """Losses, the norm before slopes are clipped, and checks: step by step; and the weights in the end."""
    assert found(two, 0)["steps"] == found(two, 1)["steps"]
    steps, alone = found(two, 0)["steps"], one[0]["steps"]
    assert len(steps) == together.STEPS and all(step["grad_norm"] > 1.0 for step in alone)
    assert all(step == pytest.approx(other, abs=CLOSE) for step, other in zip(steps, alone, strict=True))
    weights = torch.load(two / "weights.pt")["straight"]
    assert weights.keys() == one[1].keys()
    assert all(torch.allclose(weights[name], one[1][name], atol=1e-3) for name in weights)


def test_stopped_they_go_on_from_their_parts_to_the_same_bit(two):
    assert found(two, 0)["resumed"] == found(two, 0)["steps"]
    weights = torch.load(two / "weights.pt")
    assert all(torch.equal(weights["resumed"][name], value) for name, value in weights["straight"].items())


def test_torchrun_leaves_one_double_and_one_process_speaks(two):
    _, report = map(json.loads, printed(two, 0, "stdout").splitlines())
    artifact = current(two / "state" / "models")
    assert report["model"] == artifact.name and report["promoted"]
    assert artifact.card.bits_per_byte.tuned < artifact.card.bits_per_byte.base
    assert not list((two / "state" / "runs").glob("[!.]*"))
    assert "train: 100/100" in printed(two, 0, "stderr")
    assert printed(two, 1, "stdout") == "" and "train" not in printed(two, 1, "stderr")


def test_torchrun_trains_on_a_bundle_too(two):
    report, _ = map(json.loads, printed(two, 0, "stdout").splitlines())
    card = read(two / "double").card
    assert report["model"] == "double" and card.settings["method"] == "full"
    assert card.bits_per_byte.tuned < card.bits_per_byte.base
    assert not list(two.glob(".double*"))


@pytest.fixture
def second_of_three(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    return lambda rank: monkeypatch.setenv("RANK", str(rank))


def test_a_batch_is_shared_by_tokens_and_every_process_reads_something(second_of_three):
    batch = tuple(together.row(length, length) for length in (90, 30, 40, 20, 200, 50))
    shares = []
    for rank in range(3):
        second_of_three(rank)
        shares.append(shards.share(batch))
    assert sorted(map(id, sum(shares, ()))) == sorted(map(id, batch))
    assert max(sum(map(padded, share)) for share in shares) == padded(batch[4])
    second_of_three(2)
    (nothing,) = shards.share(batch[:1])
    assert len(nothing.ids) == MULTIPLE and not any(nothing.learned)


def test_an_adapter_is_refused_under_torchrun(second_of_three, config_of, store):
    with pytest.raises(OneProcess, match=r"3 processes, and .* \"lora\" trains in one") as caught:
        pipeline.run(config_of(), store)
    assert "without torchrun" in caught.value.fix
