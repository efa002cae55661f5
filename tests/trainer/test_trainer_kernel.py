"""The compiled attention is attention: the same results and slopes as by blocks, as near as 16 bits come."""

import shutil
import subprocess
import sys

import pytest
import torch

from trainer.learning import kernel as kernels
from trainer.learning.attention import Rows, packed_attention
from trainer.learning.base import precision
from trainer.learning.kernel import NoKernel

HEADS, GROUPS, WIDTH, SCALING = 6, 2, 32, 0.2
ROWS = [(8,), (64,), (72, 8, 136), (200,), (16, 2, 30)]

pytestmark = pytest.mark.skipif(
    precision() is not torch.bfloat16 or shutil.which("c++") is None,
    reason="this CPU does not multiply bfloat16, or there is no compiler",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module")
def kernel(folder):
    return kernels.build(folder)


def leaves(tokens, dtype=torch.bfloat16, *, heads=HEADS, groups=GROUPS, width=WIDTH):
    generator = torch.Generator().manual_seed(tokens)
    return tuple(
        torch.randn(1, each, tokens, width, generator=generator).to(dtype).requires_grad_()
        for each in (heads, groups, groups)
    )


def attended(given, lengths, kernel=None, **settings):
    """What is found, and the slopes of the three."""
    found, _ = packed_attention(None, *given, None, SCALING, rows=Rows(lengths), kernel=kernel, **settings)
    coming = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).to(found.dtype)
    return found.detach(), *torch.autograd.grad(found, given, coming)


@pytest.mark.parametrize("lengths", ROWS, ids=str)
@pytest.mark.parametrize(("heads", "groups", "width"), [(6, 2, 32), (1, 1, 2), (4, 4, 80), (3, 1, 34)])
def test_it_gives_what_blocks_give_and_the_same_slopes(kernel, lengths, heads, groups, width):
    given = leaves(sum(lengths), heads=heads, groups=groups, width=width)
    exact = tuple(leaf.detach().float().requires_grad_() for leaf in given)
    for ours, theirs in zip(attended(given, lengths, kernel), attended(exact, lengths), strict=True):
        assert ours.dtype is torch.bfloat16 and ours.shape == theirs.shape
        assert (ours.float() - theirs).norm() < 0.004 * theirs.norm()


def test_no_row_sees_another_and_no_token_what_comes_later(kernel):
    query, key, value = leaves(160)
    before = attended((query, key, value), (64, 96), kernel)[0][:, :100]
    with torch.no_grad():
        key[:, :, 100:] += 5.0
        value[:, :, 100:] -= 3.0
    assert torch.equal(attended((query, key, value), (64, 96), kernel)[0][:, :100], before)
    with torch.no_grad():
        key[:, :, :64] += 5.0
    assert torch.equal(attended((query, key, value), (64, 96), kernel)[0][:, 64:100], before[:, 64:])


def test_it_does_the_same_again_after_others_have_multiplied(kernel):
    """Products by AMX leave the processor set up for their own shapes."""
    given = leaves(64)
    first = attended(given, (64,), kernel)
    for size in (16, 48, 200):
        torch.ones(size, size, dtype=torch.bfloat16) @ torch.ones(size, size, dtype=torch.bfloat16)
        assert all(map(torch.equal, attended(given, (64,), kernel), first))


def test_one_thread_finds_the_same_as_many(kernel):
    given, threads = leaves(160), torch.get_num_threads()
    many = attended(given, (64, 96), kernel)
    try:
        torch.set_num_threads(1)
        assert all(map(torch.equal, attended(given, (64, 96), kernel), many))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("dtype", "lengths", "window"),
    [
        (torch.float32, (40,), None),
        (torch.bfloat16, (33, 7), None),
        (torch.bfloat16, (40,), 16),
        (torch.bfloat16, (kernels.LONGEST + 8,), None),
    ],
    ids=["float32", "odd rows", "a window", "a long row"],
)
def test_what_it_cannot_do_is_done_without_it(kernel, dtype, lengths, window):
    given = leaves(sum(lengths), dtype)
    with_it = attended(given, lengths, kernel, sliding_window=window)
    assert all(map(torch.equal, with_it, attended(given, lengths, sliding_window=window)))


def test_it_is_compiled_once(kernel, folder):
    (library,) = folder.iterdir()
    made = library.stat().st_mtime_ns
    kernels.build(folder)
    assert [(file, file.stat().st_mtime_ns) for file in folder.iterdir()] == [(library, made)]


def test_what_does_not_load_is_compiled_anew(kernel, folder, tmp_path):
    (library,) = folder.iterdir()
    (tmp_path / library.name).write_bytes(b"of another system")
    given = leaves(64)
    assert all(map(torch.equal, attended(given, (64,), kernels.build(tmp_path)), attended(given, (64,), kernel)))


def test_a_compiler_that_refuses_is_told_of_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "FLAGS", "--no-such-flag")
    with pytest.raises(NoKernel, match="does not compile here"):
        kernels.build(tmp_path)
    assert not list(tmp_path.iterdir())


def test_where_pytorch_s_products_refuse_that_is_told_too(kernel, folder):
    """As they do where they are switched off; that is read once in a process, so it takes one of its own."""
    script = f"""
import torch
from pathlib import Path
from trainer.learning import kernel
torch._C._set_mkldnn_enabled(False)
try:
    kernel.build(Path({str(folder)!r}))
except kernel.NoKernel as refused:
    print(refused)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "attend failed\n"
