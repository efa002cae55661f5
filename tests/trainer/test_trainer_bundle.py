"""A training set that travels, and the model that comes back."""

import gzip
import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from exporter.errors import ConfigError, DoppelgangerError
from exporter.progress import Step
from exporter.storing.store import open_store
from tests.bot.bigram import a_card, talker, write_bigram
from tests.sandbox_fixtures import agreed
from tests.trainer.conftest import START
from trainer import pipeline
from trainer.commands import main
from trainer.data.bundle import NoBundle, read_bundle, write_bundle
from trainer.data.split import split
from trainer.learning.base import Base, load_model
from trainer.learning.methods import with_adapter
from trainer.learning.tokenizer import load_tokenizer
from trainer.models import arrival, refresh, registry
from trainer.models.arrival import NotAccepted
from trainer.models.artifact import (
    ADAPTER,
    CARD,
    CURVES,
    MODEL,
    BitsPerByte,
    LearnedFromForgotten,
    PromptMismatch,
    read,
    sha256,
    write_card,
)
from trainer.models.proof import Unfaithful


@pytest.fixture
def history(store, config_of):
    return split(store, agreed(store), config_of())


@pytest.fixture
def packed(history, config_of, tmp_path):
    path = tmp_path / "me.bundle"
    write_bundle(history, config_of(epochs=3).train, path, START, people=(2, 4))
    return path


def call(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def test_a_bundle_holds_what_would_be_learned_for_its_owners_eyes_only(packed, history, config_of):
    bundle = read_bundle(packed)
    assert bundle.history == history
    assert bundle.header.settings == config_of(epochs=3).train
    assert (bundle.header.owner, bundle.header.chats, bundle.header.people) == ("Ann", (-3, 2), (2, 4))
    assert packed.stat().st_mode & 0o077 == 0
    with pytest.raises(DoppelgangerError, match="exists already"):
        write_bundle(history, config_of().train, packed, START, people=())


def test_whatever_of_a_bundle_is_missing_or_changed_is_found_out(packed, tmp_path):
    whole = packed.read_bytes()
    broken = tmp_path / "broken"
    for length in range(0, len(whole), len(whole) // 16):
        broken.write_bytes(whole[:length])
        with pytest.raises(NoBundle) as caught:
            read_bundle(broken)
        assert "python -m trainer bundle" in caught.value.fix
    for place in range(0, len(whole), len(whole) // 16):
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with suppress(NoBundle):  # gzip's header has bytes that say nothing
            assert read_bundle(broken) == read_bundle(packed)
    head, body = gzip.decompress(whole).split(b"\n")
    broken.write_bytes(gzip.compress(head + b"\n" + body.replace(b"yep", b"nay")))
    with pytest.raises(NoBundle, match="damaged"):
        read_bundle(broken)


@pytest.mark.parametrize("content", [b"", b"[]\n", b"{}\n", b"\xff\xff\n", b'{"release": 1}\n'])
def test_another_file_is_no_bundle(tmp_path, content):
    for written in (content, gzip.compress(content)):
        (tmp_path / "other").write_bytes(written)
        with pytest.raises(NoBundle):
            read_bundle(tmp_path / "other")


def test_a_release_that_shows_dialogues_otherwise_is_told_before_anything_is_trained(packed):
    head, body = gzip.decompress(packed.read_bytes()).split(b"\n")
    forged = json.dumps({**json.loads(head), "release": "0" * 16}).encode()
    packed.write_bytes(gzip.compress(forged + b"\n" + body))
    with pytest.raises(NoBundle, match="another release") as caught:
        read_bundle(packed)
    assert "same release" in caught.value.fix


class Stop(Exception):
    """Someone pulled the plug."""


def test_what_was_trained_elsewhere_comes_back_and_is_put_to_use(store, config_of, tmp_path, tiny_base):
    config = config_of(epochs=3)
    config.make_state()
    store.database.execute("vacuum into ?", [str(config.database)])
    train = config.train.model_dump(mode="json", exclude_none=True)
    settings = tmp_path / "config.toml"
    settings.write_text(
        f'state = "{config.state}"\n[telegram]\napi_id = 1\napi_hash = "0"\n[consent]\n'
        'default = {private = ["learn"], group = ["learn"]}\n[train]\n'
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in train.items())
    )
    packed, double = tmp_path / "me.bundle", tmp_path / "double"
    said = call("bundle", packed, "--config", settings, "--base", "somewhere/else").stdout
    assert "of 2 chats, to train on somewhere/else" in said and "in the clear" in said

    def stop(step: Step) -> None:
        if step == Step("merge", 0, 100):
            raise Stop

    bundle = read_bundle(packed).on(str(tiny_base))
    with pytest.raises(Stop):
        pipeline.run_bundle(bundle, double, report=stop)
    steps: list[Step] = []
    pipeline.run_bundle(bundle, double, report=steps.append)
    assert not any(step.note for step in steps if step.stage == "train")
    assert sorted(path.name for path in double.iterdir()) == [ADAPTER, CARD, MODEL]
    assert not list(tmp_path.glob(".double*"))
    with pytest.raises(ConfigError, match="exists already"):
        call("run", "--bundle", packed, "--output", double)
    added = call("models", "add", double, "--config", settings).stdout
    artifact = registry.current(config.models)
    assert f"added {artifact.name}, from which `continue` can go on" in added
    begun = refresh.start(config.models)
    spec, tokenizer = artifact.card.prompt, load_tokenizer(Base(tiny_base))
    elsewhere = Base(shutil.copytree(tiny_base, tmp_path / "moved"))
    refresh.require_same(begun, elsewhere, spec, tokenizer, config.train)
    refresh.begin_from(with_adapter(load_model(tiny_base, torch.float32), rank=config.train.rank, seed=1), begun)
    assert "in use from now on: better than its base" in added
    assert artifact.card == read(double).card
    assert (artifact.card.base, artifact.card.base_gguf) == (str(tiny_base), None)


def test_a_bundle_is_not_written_where_forgetting_does_not_look(config_of, tmp_path):
    config = config_of()
    settings = tmp_path / "config.toml"
    settings.write_text(f'state = "{config.state}"\n[telegram]\napi_id = 1\napi_hash = "0"\n')
    with pytest.raises(ConfigError, match="forget"):
        call("bundle", config.state / "me.bundle", "--config", settings)


def test_a_bundle_that_has_no_folder_is_said(history, config_of, tmp_path):
    with pytest.raises(DoppelgangerError, match=f"there is no folder {tmp_path}/none") as caught:
        write_bundle(history, config_of().train, tmp_path / "none" / "me.bundle", START, people=())
    assert "make it" in caught.value.fix


@pytest.fixture(scope="module")
def gguf(tmp_path_factory):
    path = tmp_path_factory.mktemp("bigram") / MODEL
    write_bigram(path, talker([("yep", "why"), ("ok",)]))
    return path


@pytest.fixture
def brought(tmp_path, gguf, history):
    """A function that makes a folder as `run --bundle` leaves it."""

    def bring(**changes: object):
        folder = tmp_path / "double"
        (folder / ADAPTER).mkdir(parents=True, exist_ok=True)
        (folder / MODEL).write_bytes(gguf.read_bytes())
        (folder / ADAPTER / "adapter_model.safetensors").write_bytes(b"learned")
        (folder / CURVES / "run").mkdir(parents=True, exist_ok=True)
        (folder / CURVES / "run" / "events").write_bytes(b"loss")
        bits = BitsPerByte(base=9.0, tuned=8.0)
        card = a_card(sha256=sha256(gguf), held_out_since=history.since, bits_per_byte=bits, base_gguf="/there")
        write_card(folder, card.model_copy(update=changes))
        return folder

    return bring


def test_a_model_is_taken_in_once(config_of, store, brought):
    config = config_of()
    artifact = arrival.add(config, store, brought())
    assert registry.in_use(config.models) == artifact.name
    assert artifact.card.base_gguf is None
    assert (artifact.folder / ADAPTER / "adapter_model.safetensors").read_bytes() == b"learned"
    assert (artifact.folder / CURVES / "run" / "events").read_bytes() == b"loss"
    with pytest.raises(NotAccepted, match=f"is here already: {artifact.name}"):
        arrival.add(config, store, brought())


@pytest.mark.parametrize(
    ("changes", "refusal", "problem"),
    [
        ({"owner": "Eve"}, NotAccepted, "the double of Eve"),
        ({"sha256": "0" * 64}, NotAccepted, "not the file that its card describes"),
        ({"fingerprint": "0" * 16}, PromptMismatch, "this code renders"),
        ({"bits_per_byte": BitsPerByte(base=0.1, tuned=0.05)}, Unfaithful, "where it was trained it needed 0.050"),
    ],
)
def test_a_model_that_is_not_what_it_should_be_leaves_nothing_here(
    config_of, store, brought, changes, refusal, problem
):
    config = config_of()
    with pytest.raises(refusal, match=problem):
        arrival.add(config, store, brought(**changes))
    assert not any(path.is_dir() for path in config.models.glob("*"))


@pytest.mark.parametrize("change", [lambda file: file.write_bytes(b"other"), Path.unlink])
def test_an_adapter_that_is_not_the_models_own_is_refused(config_of, store, brought, change):
    folder = brought()
    change(folder / ADAPTER / "adapter_model.safetensors")
    with pytest.raises(NotAccepted, match="adapter does not hold what"):
        arrival.add(config_of(), store, folder)


def test_a_model_that_learned_from_who_was_forgotten_does_not_come_back(config_of, store, brought):
    store.forgotten.deny(4, [4], START)
    with pytest.raises(LearnedFromForgotten):
        arrival.add(config_of(), store, brought(people=(2, 4)))


def test_what_lies_elsewhere_is_not_taken_for_a_curve(config_of, store, brought, tmp_path):
    folder = brought()
    (tmp_path / "secret").write_text("secret")
    (folder / CURVES / "linked").symlink_to(tmp_path / "secret")
    artifact = arrival.add(config_of(), store, folder)
    assert [path.name for path in (artifact.folder / CURVES).iterdir()] == ["run"]


def test_a_folder_without_a_model_is_refused(config_of, store, brought, tmp_path):
    folder = brought()
    (folder / MODEL).unlink()
    with pytest.raises(NotAccepted, match="holds no") as caught:
        arrival.add(config_of(), store, folder)
    assert "run --bundle" in caught.value.fix
    with open_store(tmp_path / "empty.db") as empty, pytest.raises(NotAccepted, match="nobody can say"):
        arrival.add(config_of(), empty, brought())
