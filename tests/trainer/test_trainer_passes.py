"""Less at once when memory runs out: the same slopes from more passes, and in which order things are given up."""

import pytest
import torch

from exporter.progress import silent
from tests.trainer.plain import assert_alike, slopes
from tests.trainer.test_trainer_train import row
from trainer.data.batches import padded
from trainer.learning.base import load_model
from trainer.learning.methods import with_adapter
from trainer.learning.passes import AMPLE, LEAST_LENGTH, UNBOUNDED, NoMemory, Passes, Room
from trainer.learning.train import fit

BATCH = (row(60), row(90, seed=1), row(40, seed=2), row(20, learned_from=15, seed=3))


@pytest.fixture
def model(tiny_base):
    return with_adapter(load_model(tiny_base, torch.float32), rank=4, seed=1)


def slopes_of(model, room, **options):
    model.train()
    model.zero_grad()
    loss = Passes(model, room, **options).learn(BATCH, never)
    return loss, slopes(model)


def never():
    raise AssertionError("nothing was done at the same time")


@pytest.mark.parametrize(
    "room",
    [
        Room(tokens=1, length=UNBOUNDED),
        Room(100, UNBOUNDED),
        Room(UNBOUNDED, UNBOUNDED, checkpointing=True),
        Room(hands=2),
    ],
)
def test_more_passes_and_checkpointing_change_no_slope(model, room):
    loss, expected = slopes_of(model, AMPLE)
    found_loss, found = slopes_of(model, room)
    assert torch.allclose(found_loss, loss, rtol=1e-5)
    assert_alike(found, expected, rtol=1e-4, atol=1e-5)


def updates_of(model, batch, room):
    """The loss of a step, and the slopes of each update in it."""
    model.train()
    model.zero_grad()
    found = []

    def update():
        found.append(slopes(model))

    loss = Passes(model, room).learn(batch, update)
    update()
    return loss, found


def test_passes_made_at_the_same_time_are_updates_of_their_own(model):
    """Each hand takes every second row here, and knows nothing of what the other one found."""
    loss, (first, second) = updates_of(model, BATCH, Room(1, hands=2))
    alone = [updates_of(model, BATCH[number::2], AMPLE) for number in range(2)]
    assert torch.allclose(loss, (alone[0][0] + alone[1][0]) / 2, rtol=1e-5)
    for found, (_, (expected,)) in zip((first, second), alone, strict=True):
        assert_alike(found, expected, rtol=1e-4, atol=1e-5)


def test_passes_made_at_the_same_time_give_the_same_again_and_leave_all_cores_to_others(model):
    threads = torch.get_num_threads()
    loss, updates = updates_of(model, BATCH, Room(1, hands=2))
    for _ in range(5):
        again_loss, again = updates_of(model, BATCH, Room(1, hands=2))
        assert again_loss == loss
        assert all(torch.equal(old[name], new[name]) for old, new in zip(updates, again, strict=True) for name in old)
    assert torch.get_num_threads() == threads


def test_each_row_is_read_in_one_pass_and_passes_stay_small():
    parts = list(Room(tokens=128, length=UNBOUNDED).passes(BATCH))
    assert [one for part in parts for one in part] == list(BATCH)
    assert all(sum(map(padded, part)) <= 128 for part in parts)


def test_what_costs_least_is_given_up_first():
    """Rows at once, then the activations, and words only in the end."""
    batch = (row(600), row(300, seed=1))
    rooms = [AMPLE]
    with pytest.raises(NoMemory, match=f"rows of {LEAST_LENGTH} tokens") as caught:
        while True:
            rooms.append(rooms[-1].less(batch))
    assert rooms[1:] == [
        Room(600, UNBOUNDED),
        Room(600, UNBOUNDED, checkpointing=True),
        Room(600, 300, checkpointing=True),
        Room(304, 300, checkpointing=True),
        Room(304, 152, checkpointing=True),
        Room(152, 152, checkpointing=True),
        Room(152, LEAST_LENGTH, checkpointing=True),
        Room(128, LEAST_LENGTH, checkpointing=True),
    ]
    assert "qlora" in caught.value.fix


def test_checkpointing_that_is_forbidden_is_not_turned_on():
    assert Room(100, UNBOUNDED, checkpointing=False).less((row(300),)) == Room(100, 152, checkpointing=False)


def out_of_memory_above(model, tokens):
    """A real torch.OutOfMemoryError wherever the model reads more than `tokens` tokens, as late as the last layer."""

    def check(layer, arguments, output):
        if output.shape[1] > tokens:
            raise torch.OutOfMemoryError("CUDA out of memory (as this test has it)")

    return model.get_base_model().get_decoder().layers[-1].mlp.down_proj.register_forward_hook(check)


def test_out_of_memory_it_does_less_at_once_and_the_slopes_are_the_same(model, caplog):
    _, expected = slopes_of(model, AMPLE)
    hook = out_of_memory_above(model, 100)
    model.zero_grad()
    passes = Passes(model, AMPLE)
    passes.learn(BATCH, never)
    assert passes.room.tokens == 112 and not passes.room.checkpointing
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert torch.allclose(parameter.grad, expected[name], rtol=1e-4, atol=1e-6), name
    assert "train.less_at_once" in caplog.messages
    hook.remove()


def test_out_of_memory_on_the_way_back_leaves_no_slope_twice(model):
    """What has been added by then is taken away before the batch is read again."""
    _, expected = slopes_of(model, AMPLE)
    failures = iter([torch.OutOfMemoryError("CUDA out of memory (as this test has it)")])

    def fail_once(slope):
        if error := next(failures, None):
            raise error

    first = model.get_base_model().get_decoder().layers[0].mlp.down_proj.lora_B["default"].weight
    first.register_hook(fail_once)
    model.zero_grad()
    Passes(model, AMPLE).learn(BATCH, never)
    assert next(failures, None) is None
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert torch.allclose(parameter.grad, expected[name], rtol=1e-4, atol=1e-6), name


def test_training_goes_on_from_the_step_that_ran_out_of_memory(model, tiny_base, tmp_path):
    batches = [(row(30, seed=seed), row(60, seed=seed + 50), row(20, seed=seed + 90)) for seed in range(4)]
    values = {"learning_rate": 1e-3, "max_seconds": None, "report": silent}
    fit(model, batches, tmp_path / "whole", **values)
    limited = with_adapter(load_model(tiny_base, torch.float32), rank=4, seed=1)
    out_of_memory_above(limited, 70)
    pace, _ = fit(limited, batches, tmp_path / "limited", **values)
    assert pace.tokens == 4 * 110
    for (name, one), (_, other) in zip(model.named_parameters(), limited.named_parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-4), name


def test_no_memory_at_all_is_said_with_a_way_out(model):
    out_of_memory_above(model, 10)
    with pytest.raises(NoMemory, match="too little memory"):
        Passes(model, AMPLE).learn(BATCH, never)
