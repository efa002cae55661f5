"""The plan before anything is spent: what is measured, what is cut and in which order, and what is refused."""

import re

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from exporter.settings.config import Train
from tests.sandbox_fixtures import agreed
from tests.trainer.test_trainer_train import row
from trainer import pipeline, teach
from trainer.data.split import split
from trainer.learning.base import Base, load_model
from trainer.learning.forecast import forecast, require_memory
from trainer.learning.meter import Meter
from trainer.learning.methods import with_adapter
from trainer.learning.passes import AMPLE, NoMemory

ROWS = [row(length, seed=length) for length in (300, *range(40, 120, 4))]
SETTINGS = Train(batch_tokens=320, epochs=2, method="lora")
MB = 10**6


class Scales(Meter):
    """A device on which a token takes 1 MB, half of that where activations are computed twice, and the rest 100 MB."""

    def held(self):
        return 100 * MB

    def peak(self, work):
        work()
        return 100 * MB + TRIED[-1]


TRIED: list[int] = []


@pytest.fixture
def model(tiny_base):
    return with_adapter(load_model(tiny_base, torch.float32), rank=4, seed=1)


@pytest.fixture
def scales(model):
    """Notes what each step would take; the test begins with none."""
    TRIED.clear()
    layers = model.get_base_model().get_decoder()

    def note(decoder, arguments, kwargs):
        each = MB // 2 if model.get_base_model().is_gradient_checkpointing else MB
        TRIED.append(each * kwargs["input_ids"].shape[1])

    layers.register_forward_pre_hook(note, with_kwargs=True)
    return Scales(torch.device("cpu"))


def planned(model, scales, settings=SETTINGS, *, limit=10**9):
    return forecast(model, ROWS, settings, meter=scales, limit=limit * MB)


def test_what_fits_is_not_cut(model, scales):
    ticks = iter(range(100))
    found = forecast(model, ROWS, SETTINGS, meter=scales, limit=1000 * MB, clock=lambda: float(next(ticks)))
    assert (found.cuts, found.epochs, found.room.checkpointing) == ((), 2, None)
    assert found.tokens == 2 * sum(len(one.ids) for one in ROWS)
    assert found.peak == 100 * MB + max(TRIED) <= found.limit
    assert found.steps == pytest.approx(2 * found.tokens / 2 / 320, abs=6)
    largest, typical = 320, TRIED[-1] / MB
    padded = found.seconds / 2 / 2 * (largest + typical)
    assert padded == pytest.approx(found.tokens / 2, rel=0.15)


def test_measuring_teaches_nothing(model, scales):
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    planned(model, scales)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) and parameter.grad is None


def test_nothing_is_tried_that_would_not_fit(model, scales):
    found = planned(model, scales, limit=300)
    assert 100 * MB + max(TRIED) <= 300 * MB
    assert found.peak <= 300 * MB


def test_the_largest_batch_is_read_in_passes_then_twice_then_cut(model, scales):
    passes = planned(model, scales, Train(batch_tokens=1000, method="lora"), limit=600)
    assert passes.room.tokens < 1000 and not passes.room.checkpointing
    assert [cut.split(",")[0][:24] for cut in passes.cuts] == ["a step is read in passes"]
    twice = planned(model, scales, limit=270)
    assert twice.room.checkpointing and "third more time" in " ".join(twice.cuts)
    assert twice.room.length > 300
    cut = planned(model, scales, limit=220)
    assert cut.room.length < 300
    assert re.search(r"cut at \d+ tokens, which leaves out \d+\.\d% of the learned words", " ".join(cut.cuts))


def test_what_cannot_be_made_to_fit_is_refused(model, scales):
    with pytest.raises(NoMemory):
        planned(model, scales, limit=130)


def test_time_is_met_with_fewer_epochs(model, scales):
    found = forecast(
        model,
        ROWS,
        SETTINGS.model_copy(update={"max_minutes": 0.05}),
        meter=scales,
        limit=1000 * MB,
        clock=iter(range(100)).__next__,
    )
    assert found.seconds == pytest.approx(3.0)
    assert found.epochs < 2 and found.cuts[-1].endswith("of 2 epochs are read in 0.05 minutes")


@pytest.mark.parametrize(("method", "each"), [("full", 16), ("lora", 2), ("qlora", 0.7)])
def test_weights_that_do_not_fit_are_refused_before_they_are_loaded(tiny_base, method, each):
    base = Base(tiny_base)
    settings = Train(method=method)
    require_memory(base, settings, int(4 * each * base.size))
    with pytest.raises(NoMemory, match="GB for it") as caught:
        require_memory(base, settings, int(0.4 * each * base.size / 2))
    assert ("qlora" in caught.value.fix) == (method != "qlora")


def test_a_process_is_measured_while_it_holds_most():
    meter = Meter(torch.device("cpu"))

    def hold():
        filled = torch.ones(50 * MB // 4)
        filled.sum().item()
        for _ in range(10):
            (filled * 2.0).sum().item()

    before = meter.peak(lambda: None)
    assert meter.peak(hold) > before + 40 * MB
    assert meter.held() < meter.limit(None) < meter.held() + meter.free() * 1.1
    assert meter.limit(1.5) == 1500 * MB


def on_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. (as this test has it)")


def on_cpu() -> None:
    torch.empty(2**50)


@pytest.mark.parametrize("run_out", [on_gpu, on_cpu])
def test_memory_that_runs_out_in_the_optimizer_is_explained(store, config_of, run_out):
    """Errors of torch's own, but for where they come up: at AdamW's first step."""
    config = config_of()
    training = pipeline.prepare(split(store, agreed(store), config), config.train, config.state / "base")
    hook = register_optimizer_step_pre_hook(lambda *given: run_out())
    try:
        with pytest.raises(NoMemory, match="what the optimizer keeps") as caught:
            pipeline.costs(training)
    finally:
        hook.remove()
    assert "rank" in caught.value.fix and isinstance(caught.value.__cause__, RuntimeError)


def test_run_refuses_before_it_trains(store, config_of):
    held = Meter(torch.device("cpu")).held() / 1e9
    with pytest.raises(NoMemory):
        pipeline.run(config_of(max_memory_gb=held / 2), store)


def test_run_keeps_to_the_plan(store, config_of, monkeypatch, caplog):
    """It trains in the room that the plan found, and says what was cut."""
    config, rooms = config_of(epochs=1, max_minutes=1e-3), []

    def note(*arguments, room, **options):
        rooms.append(room)
        raise KeyboardInterrupt

    monkeypatch.setattr(teach.train, "fit", note)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(config, store)
    assert rooms == [AMPLE]
    assert "train.cut" in caplog.messages
