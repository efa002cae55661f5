"""Loss, batches and the budget: what is learned, in which order, and when it ends."""

import json
from datetime import UTC, datetime
from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.conftest import merged_model
from tests.trainer.plain import slow_down, stirred
from trainer.convert.merge import BrokenWeights, UnknownAdapter
from trainer.data.batches import MULTIPLE, collate, padded, plan
from trainer.data.dataset import Row
from trainer.learning.base import load_model
from trainer.learning.loss import bits_per_byte, sample, surprise
from trainer.learning.methods import with_adapter
from trainer.learning.schedule import Budget
from trainer.learning.stopping import Ending
from trainer.learning.train import fit


def row(length: int, learned_from: int = 5, seed: int = 0) -> Row:
    ids = torch.randint(100, 40_000, (length,), generator=torch.Generator().manual_seed(seed)).tolist()
    learned = tuple(index >= learned_from for index in range(length))
    return Row(tuple(ids), learned, 2, datetime(2026, 1, 1, tzinfo=UTC), 1, sum(learned))


@pytest.fixture
def adapted(tiny_base):
    """In float32, its adapter no longer zero."""
    return stirred(with_adapter(load_model(tiny_base, torch.float32), rank=4, seed=1))


def test_rows_end_to_end_lose_what_each_loses_alone_by_peft_and_transformers(adapted):
    """Loss and every slope, within what float32 rounds: packed here, padded nowhere, row by row there."""
    rows = (row(70), row(50, seed=1), row(33, seed=2), row(96, seed=3))
    found = surprise(adapted, collate(rows))
    found.sum().backward()
    ours = {name: p.grad.clone() for name, p in adapted.named_parameters() if p.grad is not None}
    adapted.zero_grad()

    slow_down(adapted)
    start = 0
    for one in rows:
        ids, counted = torch.tensor([one.ids]), torch.tensor(one.learned)[1:]
        logits = adapted(input_ids=ids).logits[0, :-1][counted]
        plain = torch.nn.functional.cross_entropy(logits, ids[0, 1:][counted], reduction="none")
        assert torch.allclose(found[start : start + len(plain)], plain, atol=1e-3)
        start += len(plain)
        plain.sum().backward()
    assert start == len(found)
    theirs = {name: p.grad for name, p in adapted.named_parameters() if p.grad is not None}
    assert ours.keys() == theirs.keys() and len(ours) == 2 * 7 * 2
    for name, slope in theirs.items():
        assert torch.allclose(ours[name], slope, rtol=1e-3, atol=1e-4 * float(slope.abs().max())), name


def test_bits_per_byte_leave_the_frame_out(adapted):
    one = row(40)
    frame = frozenset({one.ids[10], one.ids[20]})
    nats = surprise(adapted, collate((one,))).tolist()
    words = [value for at, value in enumerate(nats, start=5) if one.ids[at] not in frame]
    expected = sum(words) / log(2) / one.learned_bytes
    assert bits_per_byte(adapted, [one], frame, batch_tokens=64) == pytest.approx(expected, rel=1e-4)


def test_bits_per_byte_do_not_depend_on_how_rows_are_batched(adapted):
    rows = [row(length, seed=length) for length in (20, 40, 70, 90, 20)]
    apart, together = (bits_per_byte(adapted, rows, frozenset({2}), batch_tokens=size) for size in (1, 1000))
    assert apart == pytest.approx(together, rel=1e-4)


def test_a_sample_is_spread_evenly():
    rows = [row(10, seed=seed) for seed in range(100)]
    assert [rows.index(one) for one in sample(rows, tokens=100)] == list(range(0, 100, 10))
    assert sample(rows, tokens=10**9) == rows
    assert len(sample(rows, tokens=1)) == 1


@given(
    lengths=st.lists(st.integers(6, 300), min_size=1, max_size=40),
    batch_tokens=st.integers(32, 600),
    seed=st.integers(0, 3),
)
def test_each_epoch_reads_every_row_once_within_the_budget_of_tokens(lengths, batch_tokens, seed):
    rows = [row(length, seed=index) for index, length in enumerate(lengths)]
    batches = plan(rows, batch_tokens=batch_tokens, epochs=1, seed=seed)
    assert sorted(rows.index(one) for batch in batches for one in batch) == list(range(len(rows)))
    for batch in batches:
        lines, width = collate(batch)["input_ids"].shape
        assert lines == 1 and width % MULTIPLE == 0
        assert width <= max([batch_tokens, *map(padded, rows)])
    assert plan(rows, batch_tokens=batch_tokens, epochs=1, seed=seed) == batches
    twice = plan(rows, batch_tokens=batch_tokens, epochs=2, seed=seed)
    assert len(twice) == 2 * len(batches) and twice[: len(batches)] == batches


def test_the_learning_rate_comes_to_rest_by_steps_or_by_time():
    now = [0.0]
    by_steps = Budget(steps=100, seconds=None, clock=lambda: now[0])
    factors = [by_steps.factor(step) for step in range(101)]
    assert factors[0] == pytest.approx(0.2, abs=0.01)
    assert max(factors) == factors[4] and factors[100] == 0.0
    assert factors[5:] == sorted(factors[5:], reverse=True)
    by_time = Budget(steps=100, seconds=60.0, spent=10.0, clock=lambda: now[0])
    now[0] = 20.0
    assert (by_time.spent, by_time.progress(1), by_time.progress(90)) == (30.0, 0.5, 0.9)
    assert by_time.factor(10) == pytest.approx(0.5)
    now[0] = 51.0
    assert by_time.progress(1) == 1.0 and by_time.factor(10) == 0.0


def test_training_ends_when_its_time_is_up(adapted, tmp_path):
    ticks = iter(range(10**6))
    batches = [(row(30, seed=seed),) for seed in range(500)]
    steps = []
    pace, ending = fit(
        adapted,
        batches,
        tmp_path,
        learning_rate=1e-3,
        max_seconds=100.0,
        report=steps.append,
        clock=lambda: next(ticks),
    )
    assert 0 < len(steps) < 100
    assert pace.tokens == 30 * len(steps)
    assert ending == Ending("time is up", len(steps), 500, kept=len(steps))
    assert (steps[-1].done, steps[-1].total) == (100, 100)


def test_merging_adds_exactly_the_adapter(adapted, tiny_base, tmp_path):
    """Merged in float32, kept in float16: the logits of both agree within 0.02."""
    adapted.save_pretrained(tmp_path / "adapter")
    ids = collate((row(60),))["input_ids"]
    merged = merged_model(tiny_base, tmp_path / "adapter")
    with torch.no_grad():
        assert torch.allclose(merged(ids).logits, adapted(input_ids=ids).logits, atol=0.02)


def test_weights_that_are_no_numbers_are_refused(adapted, tiny_base, tmp_path):
    with torch.no_grad():
        next(p for name, p in adapted.named_parameters() if "lora_B" in name)[0, 0] = float("nan")
    adapted.save_pretrained(tmp_path / "adapter")
    with pytest.raises(BrokenWeights, match="not finite"):
        merged_model(tiny_base, tmp_path / "adapter")


def test_an_adapter_that_does_more_than_add_is_refused(adapted, tiny_base, tmp_path):
    adapted.save_pretrained(tmp_path / "adapter")
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(settings | {"use_dora": True}))
    with pytest.raises(UnknownAdapter, match="use_dora"):
        merged_model(tiny_base, tmp_path / "adapter")
