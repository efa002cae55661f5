"""What transformers and peft make of a model and its rows by themselves, for the fast way to be compared with."""

import torch
from torch.nn.functional import cross_entropy

from trainer.learning import fast
from trainer.learning.base import causal


def stirred(model, std=0.1):
    """The model, its adapter no longer zero."""
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(std=std)
    return model


def slow_down(model):
    """The model as peft and transformers have it, without what `speed_up` did."""
    causal(model).set_attn_implementation("eager")
    for layer in model.modules():
        layer.__class__ = next(kind for kind in type(layer).__mro__ if kind.__module__ != fast.__name__)


def plain_losses(model, rows):
    """Row by row, without our packing, our attention, our LoRA layers and our loss."""
    slow_down(model)
    losses = []
    for one in rows:
        ids, counted = torch.tensor([one.ids]), torch.tensor(one.learned)[1:]
        logits = model(input_ids=ids).logits[0, :-1][counted]
        losses.append(cross_entropy(logits.float(), ids[0, 1:][counted], reduction="none"))
    return torch.cat(losses)


def slopes(model):
    """Those of its weights that have one, which are taken off them."""
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def assert_alike(ours, theirs, *, rtol, atol):
    """Slope by slope; `atol` is a share of the largest in each."""
    assert ours.keys() == theirs.keys()
    for name, slope in theirs.items():
        assert torch.allclose(ours[name], slope, rtol=rtol, atol=atol * float(slope.abs().max())), name
