"""A double in other types: made again from base and adapter, measured side by side, published once more."""

import json
import random
import shutil
from statistics import stdev
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from exporter.settings.config import Config
from exporter.storing.runs import AlreadyTraining, alone
from exporter.storing.store import open_store
from tests.trainer.conftest import AGREED, BEN, CLUB, EVE, OWNER, talk
from trainer import pipeline
from trainer.commands import main
from trainer.commands.quantize import side_by_side
from trainer.convert.gguf import DiskFull
from trainer.models import registry
from trainer.models.artifact import ADAPTER, read, write_card
from trainer.models.refresh import start
from trainer.models.requantize import CannotQuantize, Measured, compare, requantize, standard_error

TRAIN = {"epochs": 3, "learning_rate": 0.02, "batch_tokens": 256, "rank": 4, "early_stop": 0, "length": 256}


@pytest.fixture(scope="module")
def trained(tiny_base, tmp_path_factory):
    """A configuration whose state holds the made-up history, and a double of it."""
    folder = tmp_path_factory.mktemp("double")
    config = Config.model_validate(
        {
            "state": folder / "state",
            "telegram": {"api_id": 1, "api_hash": "0" * 32},
            "consent": {"default": AGREED},
            "train": {**TRAIN, "base": str(tiny_base)},
        }
    )
    config.make_state()
    with open_store(config.database) as store:
        store.save_peers([OWNER, BEN, CLUB, EVE])
        store.add(talk())
        pipeline.run(config, store)
    return config


@pytest.fixture
def config(trained, tmp_path):
    """The same, for one test."""
    state = tmp_path / "state"
    shutil.copytree(trained.state, state)
    return trained.model_copy(update={"state": state})


@pytest.fixture
def store(config):
    with open_store(config.database) as opened:
        yield opened


@pytest.fixture
def config_file(config, tmp_path):
    path = tmp_path / "config.toml"
    consent = ["[consent.default]", *(f"{kind} = {json.dumps([*scopes])}" for kind, scopes in AGREED.items())]
    train = [f"{key} = {json.dumps(value)}" for key, value in {**TRAIN, "base": config.train.base}.items()]
    account = [f'state = "{config.state}"', "[telegram]", "api_id = 1", 'api_hash = "0"']
    path.write_text("\n".join([*account, *consent, "[train]", *train]))
    return path


def leftovers(config):
    return [path.name for path in config.runs.iterdir() if path.name != ".lock"]


def call(*arguments):
    return CliRunner().invoke(main, ["quantize", *map(str, arguments)], catch_exceptions=False)


def test_every_type_is_measured_on_the_same_words(config, config_file):
    report = json.loads(call("--compare", "--json", "--config", config_file).stdout)
    artifact, types = registry.current(config.models), report["types"]
    assert (report["model"], report["published"]) == (artifact.name, "Q8_0")
    assert [one["type"] for one in types] == ["F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"]
    sizes = [one["bytes"] for one in types]
    assert sizes == sorted(sizes, reverse=True) and sizes[1] == artifact.gguf.stat().st_size
    finest = types[0]["bits_per_byte"]
    assert types[1]["bits_per_byte"] == pytest.approx(finest, rel=0.01)
    assert all(one["bits_per_byte"] == pytest.approx(finest, rel=0.2) for one in types)
    assert report["exchanges"] > 1 and types[0]["standard_error"] == 0
    assert all(0 < one["standard_error"] < 0.2 * finest for one in types[1:])
    assert all(one["prompt_tokens_per_second"] > 0 and one["reply_tokens_per_second"] > 0 for one in types)
    assert leftovers(config) == []


def test_another_type_is_published_through_proof_and_gate_and_can_be_refreshed(config, store, config_file):
    before = registry.current(config.models)
    told = json.loads(call("--to", "Q6_K", "--json", "--config", config_file).stdout)
    fresh = read(config.models / told["model"])
    assert (told["type"], fresh.card.run_digest) == ("Q6_K", before.card.run_digest)
    assert told["bytes"] == fresh.gguf.stat().st_size
    assert registry.verdict(fresh).against == before.name
    with pytest.raises(CannotQuantize, match="is Q6_K already"):
        requantize(config, store, "Q6_K", fresh.name)
    registry.promote(config.models, fresh.name)
    assert start(config.models).adapter == fresh.folder / ADAPTER
    assert leftovers(config) == []


def test_figures_stand_side_by_side_and_say_what_each_costs(config):
    found = [
        Measured("F16", 1.5, 13, 0.0, 2_000_000, 100.0, 10.0),
        Measured("Q8_0", 1.53, 13, 0.003, 1_000_000, 150.0, 20.0),
        Measured("Q6_K", 1.51, 13, 0.006, 800_000, 160.0, 21.0),
    ]
    console = Console(record=True, width=140)
    console.print(side_by_side(registry.current(config.models), found))
    lines = [line.strip("│ ") for line in console.export_text().splitlines() if "1.5" in line]
    finest, other, coarser = ([cell.strip() for cell in line.split("│")] for line in lines)
    assert finest == ["F16", "1.5000", "", "2", "100", "10"]
    assert other == ["Q8_0", "1.5300", "+2.00% ± 0.20%", "1", "150", "20", "as it is"]
    assert coarser[2] == "+0.67% ± 0.40%" and coarser[-1] == "within noise"


def test_the_standard_error_of_a_difference_is_that_of_drawing_exchanges_anew():
    chance = random.Random(1)  # noqa: S311 - the same every time
    rows = [SimpleNamespace(learned_bytes=chance.randint(5, 80)) for _ in range(40)]
    more = [0.1 * row.learned_bytes + chance.gauss(0, 3) for row in rows]
    drawn = [chance.choices(range(40), k=40) for _ in range(2000)]
    found = [sum(more[at] for at in one) / sum(rows[at].learned_bytes for at in one) for one in drawn]
    assert standard_error(more, rows) == pytest.approx(stdev(found), rel=0.1)
    assert standard_error(more[:1], rows[:1]) == float("inf")


def test_one_of_two_things_is_asked_for(config_file):
    with pytest.raises(click.UsageError):
        main(["quantize", "--config", str(config_file)], standalone_mode=False)


def test_what_is_not_kept_cannot_be_made_finer(config, store):
    artifact = registry.current(config.models)
    shutil.rmtree(artifact.folder / ADAPTER)
    with pytest.raises(CannotQuantize, match="nothing finer than Q8_0 is kept") as caught:
        compare(config, store)
    assert "F16" in caught.value.fix


def test_another_base_is_not_taken_for_the_one_that_learned(config, store):
    artifact = registry.current(config.models)
    write_card(artifact.folder, artifact.card.model_copy(update={"base_key": "0" * 16}))
    with pytest.raises(CannotQuantize, match="is another than that of"):
        compare(config, store)


def test_without_held_out_words_nothing_can_be_measured(config, store):
    artifact = registry.current(config.models)
    late = read(artifact.folder).card.model_copy(update={"held_out_since": "2030-01-01T00:00:00Z"})
    write_card(artifact.folder, type(late).model_validate_json(late.model_dump_json()))
    with pytest.raises(CannotQuantize, match="nothing to measure it on"):
        compare(config, store)
    assert leftovers(config) == []


def test_no_space_is_said_before_anything_is_written(config, store):
    with pytest.raises(DiskFull):
        compare(config, store, free_space=lambda folder: 1000)
    assert leftovers(config) == []


def test_one_at_a_time_and_what_a_killed_one_left_is_cleared(config, store):
    (config.runs / "quantize").mkdir()
    (config.runs / "quantize" / "f16.gguf").write_bytes(b"half")
    with alone(config.runs), pytest.raises(AlreadyTraining):
        compare(config, store)

    def stop(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(config, store, report=stop)
    assert leftovers(config) == []
