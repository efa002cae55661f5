"""Training with compiled layers, matrices in 8 bits or as they are: nearly the same slopes, one shape for all."""

import shutil

import pytest
import torch

from exporter.settings.config import Train
from tests.trainer.plain import slopes, stirred
from tests.trainer.test_trainer_train import row
from trainer.learning import compiling, kernel
from trainer.learning.arithmetic import packed_bytes
from trainer.learning.attention import PACKED
from trainer.learning.base import load_model, precision
from trainer.learning.eight import EightLinear
from trainer.learning.fast import FastLinear
from trainer.learning.forecast import Forecast, compiled, forecast
from trainer.learning.loss import bits_per_byte
from trainer.learning.meter import Meter
from trainer.learning.methods import with_adapter
from trainer.learning.passes import Passes, Room
from trainer.shape import shape_of

ROWS = tuple(row(length, seed=length) for length in (70, 50, 33))
SETTINGS = Train(batch_tokens=192, epochs=20_000)
"""Long enough to compile for, if all of it were read."""
FILLED = 192

needs_compiler = pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("avx512_vnni") or shutil.which("c++") is None,
    reason="this CPU is slow at 8-bit integers, or there is no compiler",
)


@pytest.fixture
def model(tiny_base):
    """In float32, its adapter no longer zero."""
    return stirred(with_adapter(load_model(tiny_base, torch.float32), rank=4, seed=1))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def in_eight_bits(monkeypatch):
    monkeypatch.setattr(compiling, "in_eight_bits", lambda: True)


@pytest.fixture
def as_they_are(monkeypatch):
    monkeypatch.setattr(compiling, "in_eight_bits", lambda: False)


def learn(model, rows=ROWS, **room):
    """The loss of one batch, and its slopes; those of its last update, where it makes several."""
    loss = Passes(model, Room(**room)).learn(rows, model.zero_grad)
    return float(loss), slopes(model)


def test_what_fills_a_pass_up_is_not_learned(model):
    loss, plain = learn(model)
    filled, others = learn(model, filled=320)
    assert filled == pytest.approx(loss, rel=1e-5)
    assert all(torch.allclose(plain[name], others[name], atol=1e-5) for name in plain)


@needs_compiler
def test_compiled_as_they_are_the_slopes_stay_the_same(model, as_they_are, cache):
    loss, plain = learn(model)
    compiling.speed_up(model, cache)
    found, others = learn(model, filled=FILLED)
    assert list((cache / compiling.COMPILED).iterdir())
    assert found == pytest.approx(loss, rel=1e-5)
    assert all(torch.allclose(plain[name], others[name], rtol=1e-3, atol=1e-5) for name in plain)
    assert compiling.more_bytes(shape_of(model.config)) == 0
    assert not any(isinstance(layer, EightLinear) for layer in model.modules())


@needs_compiler
@pytest.mark.parametrize("eight_bits", [True, False])
def test_compiled_the_slopes_point_the_same_way_and_measuring_stays_exact(tiny_base, eight_bits, cache, monkeypatch):
    monkeypatch.setattr(compiling, "in_eight_bits", lambda: eight_bits)
    model = stirred(with_adapter(load_model(tiny_base, precision()), rank=4, seed=1))
    loss, plain = learn(model)
    before = bits_per_byte(model, ROWS, frozenset(), batch_tokens=FILLED)
    compiling.speed_up(model, cache)
    found, others = learn(model, filled=FILLED)
    assert list((cache / compiling.COMPILED).iterdir())
    assert found != loss and found == pytest.approx(loss, rel=0.01)
    alike = {name: torch.cosine_similarity(plain[name].flatten(), others[name].flatten(), 0) for name in plain}
    assert plain.keys() == others.keys() and min(alike.values()) > 0.98
    twice, same = learn(model, ROWS + ROWS, tokens=FILLED, filled=FILLED, hands=2)
    assert twice == pytest.approx(found, rel=1e-5)
    assert all(torch.allclose(same[name], slope, rtol=1e-3, atol=1e-6) for name, slope in others.items())
    assert bits_per_byte(model, ROWS, frozenset(), batch_tokens=FILLED) == before


@needs_compiler
def test_where_the_compiler_fails_training_is_what_it_was(model, tmp_path, caplog):
    meter = Meter(torch.device("cpu"))
    planned = forecast(model, ROWS, SETTINGS, meter=meter, limit=10**12)
    loss, plain = learn(model)
    with torch._inductor.config.patch({"cpp.cxx": ("false",)}):
        left = compiled(planned, model, ROWS, SETTINGS, meter=meter, cache=tmp_path)
    assert left == planned and "train.not_compiled" in caplog.text
    again, others = learn(model)
    assert again == loss and all(torch.equal(plain[name], others[name]) for name in plain)


@needs_compiler
@pytest.mark.skipif(precision() is not torch.bfloat16, reason="this CPU has no kernel for attention")
def test_where_attention_alone_does_not_compile_all_else_is(model, in_eight_bits, cache, caplog, monkeypatch):
    monkeypatch.setattr(kernel, "FLAGS", "--no-such-flag")
    compiling.speed_up(model, cache)
    assert "train.no_kernel" in caplog.text
    assert model.config._attn_implementation == PACKED
    assert any(isinstance(layer, EightLinear) for layer in model.modules())


@needs_compiler
def test_what_has_no_room_for_its_matrices_once_more_is_not_compiled(model, in_eight_bits, cache):
    once_more = packed_bytes(shape_of(model.config))
    plain = Forecast(1, 1, 1.0, 0.0, peak=1000, limit=999 + once_more, room=Room(), epochs=1.0, cuts=())
    meter = Meter(torch.device("cpu"))
    assert compiled(plain, model, ROWS, SETTINGS, meter=meter, cache=cache) is plain
    compiling.speed_up(model, cache)
    layers = [layer for layer in model.modules() if isinstance(layer, EightLinear)]
    assert once_more == sum(layer.packed.numel() for layer in layers)


@needs_compiler
def test_a_short_training_is_not_compiled_for(model):
    few, many = 1000, round(2 * compiling.WORTH / model.num_parameters())
    assert compiling.pays(model, tokens=many, minutes=None) and compiling.pays(model, tokens=many, minutes=10)
    assert not compiling.pays(model, tokens=few, minutes=None)
    assert not compiling.pays(model, tokens=many, minutes=1)
    assert not compiling.pays(model.get_base_model(), tokens=many, minutes=None)
    assert all(type(layer) is not EightLinear for layer in model.modules() if isinstance(layer, FastLinear))
