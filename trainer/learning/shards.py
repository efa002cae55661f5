"""Full fine-tuning by many processes, one a GPU: each holds its part of all weights, and reads its part of each batch.

The parts are those of PyTorch's FSDP: all weights of a layer are together only while it computes, in bfloat16 where the
hardware multiplies it. All processes run the same training, in step. What one alone can do (read a clock, seal a
checkpoint) the first one does, and tells the others. Without torchrun there is one process, which is the first.

On GPUs processes talk through NCCL, on CPUs through gloo, and the code is the same.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from accelerate import init_empty_weights
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch import nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from exporter.errors import DoppelgangerError
from trainer import ranks
from trainer.convert.gguf import Folder
from trainer.data.batches import MULTIPLE, Batch, padded
from trainer.learning.base import device

PATIENCE = timedelta(days=1)
"""How long processes wait for each other, such as for the first one to fetch a base; torchrun ends them if one dies."""

T = TypeVar("T")


class NotShared(DoppelgangerError):
    """A folder that all machines need is not there on this one."""


def join() -> None:
    """Meet the other processes that torchrun started; once is enough."""
    if dist.is_initialized():
        return
    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]:
        _stay_inside()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)


def _stay_inside() -> None:
    """On one machine, have nothing listen to any other."""
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    for library in ("GLOO", "NCCL"):
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", loopback)


def tell(task: Any) -> None:
    """Give the other processes something to do; None: nothing, and they part."""
    if ranks.count() > 1:
        join()
        agreed(lambda: task)
        if task is None:
            dist.destroy_process_group()


def told() -> Any:
    """What the first process gives this one to do."""
    join()
    task: Any = agreed(lambda: None)
    if task is None:
        dist.destroy_process_group()
    return task


def agreed(work: Callable[[], T]) -> T:
    """What the first process makes of this once all have come here; told to all. It has to be picklable."""
    if ranks.count() == 1:
        return work()
    dist.barrier()
    told = [work() if ranks.first() else None]
    dist.broadcast_object_list(told)
    return cast(T, told[0])


def clock() -> float:
    """Seconds on the first process's clock: what time decides, all decide alike."""
    return agreed(time.monotonic)


def total(*values: float) -> tuple[float, ...]:
    """The sum of each over all processes."""
    if ranks.count() == 1:
        return values
    summed = torch.tensor(values, dtype=torch.float64, device=device())
    dist.all_reduce(summed)
    return tuple(summed.tolist())


def share(batch: Batch) -> Batch:
    """What this process reads of a batch: whole rows, about as many tokens as any other.

    Where there are too few rows it reads some tokens and learns nothing, for all have to compute each layer together.
    """
    parts: list[list[int]] = [[] for _ in range(ranks.count())]
    for index in sorted(range(len(batch)), key=lambda at: -padded(batch[at])):
        min(parts, key=lambda part: sum(padded(batch[at]) for at in part)).append(index)
    if mine := sorted(parts[ranks.rank()]):
        return tuple(batch[at] for at in mine)
    ids = batch[0].ids[:MULTIPLE]
    return (replace(batch[0], ids=ids, learned=(False,) * len(ids)),)


def load(folder: Path, *, in_bfloat16: bool) -> PreTrainedModel:
    """The model of a folder, in float32; this process holds its part of it, and one whole matrix at a time.

    `in_bfloat16` multiplies in that.

    Raises:
        NotShared: the folder is not on this machine.
    """
    require_shared(folder)
    join()
    settings: Any = AutoConfig
    empty_model: Any = AutoModelForCausalLM
    with init_empty_weights(include_buffers=False):
        model: Any = empty_model.from_config(settings.from_pretrained(folder), dtype=torch.float32)
    model.tie_weights()
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16 if in_bfloat16 else None, reduce_dtype=torch.float32)
    for layer in model.get_decoder().layers:
        fully_shard(layer, mp_policy=policy)
    fully_shard(model, mp_policy=policy)
    weights = Folder(folder)
    parts = {name: _part(weights.load(name), empty) for name, empty in model.named_parameters()}
    model.load_state_dict(parts, strict=False, assign=True)
    model.tie_weights()
    vars(model)["forward"] = _inside
    return cast(PreTrainedModel, model)


def _part(whole: torch.Tensor, like: nn.Parameter) -> torch.Tensor:
    """What this process keeps of a matrix that each has read; a copy, for a view would keep the whole of it."""
    to = cast(DTensor, like)
    return distribute_tensor(whole.float().to(device()), to.device_mesh, to.placements, src_data_rank=None).clone()


def _inside(work: Callable[..., T], *given: Any) -> T:
    """The forward pass of a model in parts: FSDP brings its weights together for it, whatever it computes."""
    return work(*given)


def inside(model: Any, work: Callable[..., T], *given: Any) -> T:
    """What `work` makes of `model` and what else is given; of a model in parts, where its weights are together."""
    if isinstance(model, FSDPModule):
        return cast(T, cast(Any, model)(work, model, *given))
    return work(model, *given)


def arguments() -> dict[str, Any]:
    """For transformers' TrainingArguments: that each process writes and reads its part of a checkpoint."""
    if ranks.count() == 1:
        return {}
    return {"fsdp": True, "fsdp_config": {"auto_wrap_policy": "NO_WRAP", "state_dict_type": "SHARDED_STATE_DICT"}}


def insist(trainer: Any) -> None:
    """Have a Trainer treat a model in parts as one on CPUs, too, where accelerate would make it plain data-parallel."""
    state = trainer.accelerator.state
    if state.distributed_type is DistributedType.MULTI_CPU:
        state.distributed_type = DistributedType.FSDP
        state.fsdp_plugin = FullyShardedDataParallelPlugin(**trainer.args.fsdp_plugin_args)
        trainer.is_fsdp_enabled = True


def gathered(model: nn.Module) -> dict[str, torch.Tensor]:
    """All weights of a model in parts, in float16, for the first process; one matrix is together at a time."""
    found = {}
    for name, parameter in model.named_parameters():
        whole = cast(DTensor, parameter.detach().half()).full_tensor()
        if ranks.first():
            found[name] = whole.cpu()
    return found


def require_shared(folder: Path) -> None:
    """Check that this machine sees a folder of the first process. Raises NotShared."""
    if not folder.is_dir():
        raise NotShared(
            f"{folder} is not on this machine",
            fix="keep `state` and the base on a disk that all machines see in the same place",
        )
