"""Checks on held-out words: what they find, when they end a training, and which adapter is left."""

from dataclasses import replace
from itertools import count

import pytest
import torch

from tests.trainer.test_trainer_resume import Stop, assert_same, model_of
from tests.trainer.test_trainer_train import row
from trainer.data.batches import collate
from trainer.data.dataset import Dataset
from trainer.learning import checkpoints
from trainer.learning.examine import Sample, choose, examine
from trainer.learning.loss import bits_per_byte, judge, surprise
from trainer.learning.stopping import CHECKS, COPIED, STRETCH, Check, Ending, best, due, enough
from trainer.learning.train import fit

STEPS = 16
BATCHES = [(row(30, seed=seed),) for seed in range(STEPS)]


def checks(*bits: float, copied: float = 0.0) -> list[Check]:
    return [Check(step, step / CHECKS, value, copied) for step, value in enumerate(bits, start=1)]


def test_as_many_checks_come_in_a_training_of_any_length():
    for steps in (3, 10, 25, 1000):
        done: list[Check] = []
        for step in range(1, steps + 1):
            if due(done, step / steps):
                done.append(Check(step, step / steps, 1.0, 0.0))
        assert len(done) == min(steps, CHECKS) and done[-1].step == steps


def test_it_ends_when_so_many_checks_brought_nothing_better():
    assert enough([], 3) is None
    assert enough(checks(1.9, 1.8, 1.7, 1.71, 1.72), 3) is None
    assert enough(checks(1.9, 1.8, 1.7, 1.71, 1.72, 1.7), 3) == "no better"
    assert best(checks(1.9, 1.8, 1.7, 1.71, 1.72, 1.7)).step == 3


def test_it_ends_at_once_when_it_learns_by_heart_and_keeps_what_does_not():
    history = [*checks(1.9, 1.8), Check(3, 0.3, 1.7, COPIED + 0.01)]
    assert enough(history[:2], 3) is None and enough(history, 3) == "by heart"
    assert best(history).step == 2
    assert best(checks(1.9, 1.8, copied=1.0)).step == 1, "all do: the one that does least"


@pytest.fixture(scope="module")
def adapted(tiny_base):
    model = model_of(tiny_base)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    return model


def test_judging_is_surprise_and_whether_greedy_decoding_would_say_it(adapted):
    rows = (row(40), row(30, seed=1))
    surprises, likeliest = judge(adapted, collate(rows))
    assert torch.allclose(surprises, surprise(adapted, collate(rows)), atol=1e-4)
    expected = []
    for one in rows:
        ids, counted = torch.tensor(one.ids), torch.tensor(one.learned)[1:]
        with torch.no_grad():
            expected.append(adapted(input_ids=ids[None]).logits[0, :-1].argmax(-1)[counted] == ids[1:][counted])
    assert torch.equal(likeliest, torch.cat(expected))


def test_copied_is_the_share_of_stretches_that_greedy_decoding_repeats(adapted):
    """A row of what the model itself says is known by heart; the one with a slip in the middle, at both its ends."""
    ids = list(row(6).ids)
    with torch.no_grad():
        while len(ids) < 6 + 3 * STRETCH:
            ids.append(int(adapted(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    own = replace(row(len(ids), 6), ids=tuple(ids))
    strange = row(len(ids), 6, seed=5)
    assert examine(adapted, Sample((strange,), (own,), frozenset()), batch_tokens=256)[1] == 1.0
    assert examine(adapted, Sample((own,), (own,), frozenset()), batch_tokens=256)[1] == 0.0
    half = replace(own, learned=tuple(at >= 6 and at != 6 + STRETCH for at in range(len(ids))))
    bits, copied = examine(adapted, Sample((strange,), (half,), frozenset()), batch_tokens=256)
    assert copied == 1.0, "a stretch lies within one message: what is not learned parts two"
    assert bits == pytest.approx(bits_per_byte(adapted, [strange], frozenset(), batch_tokens=256))
    short = row(6 + STRETCH - 1, 6)
    assert examine(adapted, Sample((strange,), (short,), frozenset()), batch_tokens=256)[1] == 0.0


def test_rows_of_checks_are_not_those_that_are_measured_in_the_end():
    held_out, learned = (tuple(row(100, seed=seed) for seed in range(number)) for number in (60, 100))
    data = Dataset("Ann", learned, held_out, held_out[0].at, sessions=100, gaps={})
    measured = held_out[::2]
    chosen = choose(data, measured=measured, frame=frozenset(), trained=400_000)
    assert chosen.held_out and not set(chosen.held_out) & set(measured)
    assert sum(len(one.ids) for one in chosen.held_out) == pytest.approx(0.03 * 400_000 / 8 / 0.45 * 0.75, rel=0.1)
    assert set(choose(data, measured=held_out, frame=frozenset(), trained=1).held_out) <= set(held_out)


def run(model, folder, figures, *, report=lambda step: None, **options):
    """A training whose checks find these figures, one after the other."""
    found = iter(figures)
    arguments = {"learning_rate": 0.01, "max_seconds": None, "patience": 3, "checkpoint_seconds": 1e9, **options}
    return fit(model, BATCHES, folder, report=report, examine=lambda: (next(found), 0.0), **arguments)


def weights(model):
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


def stop_at(step: int):
    """Pull the plug once this step is done."""
    seen = count(1)

    def report(told):
        if told.note.startswith("loss") and next(seen) == step:
            raise Stop

    return report


TURNING = (1.9, 1.8, 1.7, 1.75, 1.74, 1.73)


def test_training_ends_early_and_the_best_adapter_is_left(tiny_base, tmp_path):
    model = model_of(tiny_base)
    _, ending = run(model, tmp_path, TURNING)
    assert ending == Ending("no better", 12, STEPS, kept=6)
    assert ending.told == ("after 12 of 16 steps: it did not get better on what is held out; kept is step 6, the best")
    shorter = model_of(tiny_base)
    with pytest.raises(Stop):
        run(shorter, tmp_path / "until", TURNING, report=stop_at(6))
    assert_same(weights(model), weights(shorter))
    again = model_of(tiny_base)
    assert run(again, tmp_path, ())[1] == ending, "ended is ended: not a step more"
    assert_same(weights(again), weights(model))


def test_resumed_it_remembers_its_checks(tiny_base, tmp_path):
    """Killed between the best check and the end: the same adapter is kept as without."""
    with pytest.raises(Stop):
        run(model_of(tiny_base), tmp_path, TURNING, report=stop_at(11))
    assert checkpoints.newest(tmp_path).step == 10
    model, whole = model_of(tiny_base), model_of(tiny_base)
    _, ending = run(model, tmp_path, TURNING[5:])
    assert ending == run(whole, tmp_path / "whole", TURNING)[1]
    assert_same(weights(model), weights(whole))


def test_a_best_adapter_that_is_damaged_is_not_taken(tiny_base, tmp_path):
    with pytest.raises(Stop):
        run(model_of(tiny_base), tmp_path, TURNING, report=stop_at(11))
    (checkpoints.at(tmp_path, 6) / "adapter_model.safetensors").write_bytes(b"")
    _, ending = run(model_of(tiny_base), tmp_path, (1.73, 1.76, 1.77, 1.78))
    assert ending == Ending("all is read", 16, STEPS, kept=12)


def test_checks_may_not_eat_up_a_limited_time(tiny_base, tmp_path):
    """A check that takes as long as two steps: the next one waits until it is a small part of the whole."""
    now, made = [0.0], []

    def report(step):
        now[0] += 1.0

    def slow():
        made.append(now[0])
        now[0] += 1.0
        return 1.0 / len(made), 0.0

    _, ending = fit(
        model_of(tiny_base),
        BATCHES * 10,
        tmp_path,
        learning_rate=0.01,
        max_seconds=100.0,
        report=report,
        examine=slow,
        patience=3,
        clock=lambda: now[0],
    )
    assert ending.reason == "time is up" and ending.kept == ending.step
    assert len(made) == 3 and made[1] >= 60, made
