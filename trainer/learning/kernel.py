"""Attention compiled for this CPU: attention.cpp takes half the time of the same in PyTorch's operations.

Measured on SmolLM2-135M's heads and one core with AMX, forth and back: for 608 tokens in rows of 72 to 608 tokens 7 to
13 ms instead of 15 to 23. It is called by ctypes, which lets go of the interpreter while it computes.
"""

import ctypes
import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

SOURCE = Path(__file__).with_name("attention.cpp")
FLAGS = "-std=c++20 -O3 -march=native -fopenmp -fPIC -shared -DCPU_CAPABILITY=AVX512 -DCPU_CAPABILITY_AVX512"
"""The two names are those by which PyTorch's headers know AVX-512."""
LONGEST = 1_024
"""Tokens of a row. PyTorch keeps code for each shape that it ever multiplied: for rows of all lengths up to this one
90 MB in each thread, and it would be gigabytes up to 4,096."""
LAST_WORDS = 300
"""Of a compiler that refuses, which are told."""


class NoKernel(Exception):
    """The compiler refuses, or what it made does not run here."""


class _Rows(ctypes.Structure):
    _fields_ = (
        ("heads", ctypes.c_int64),
        ("groups", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("scaling", ctypes.c_float),
        ("count", ctypes.c_int64),
        ("lengths", ctypes.POINTER(ctypes.c_int64)),
    )


class Kernel:
    """attention.cpp, loaded."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.attend.restype = self._library.attend_back.restype = ctypes.c_bool

    @staticmethod
    def suits(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int]) -> bool:
        """Whether it can compute this: it takes bfloat16 two at a time, and what is not too long."""
        _, heads, tokens, width = query.shape
        return (
            all(given.dtype is torch.bfloat16 and given.device.type == "cpu" for given in (query, key, value))
            and key.shape == value.shape == (1, key.shape[1], tokens, width)
            and heads % key.shape[1] == 0
            and sum(lengths) == tokens
            and max(lengths) <= LONGEST
            and not any(size % 2 for size in (width, *lengths))
        )

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float, lengths: Sequence[int]
    ) -> torch.Tensor:
        """Attention inside rows of `lengths` tokens that lie end to end; the result is (1, tokens, heads, width).

        `query` is (1, heads, tokens, width), `key` and `value` have fewer heads.
        """
        apply: Any = _Attend.apply
        return cast(torch.Tensor, apply(query, key, value, scaling, lengths, self))

    def call(self, name: str, tensors: Sequence[torch.Tensor], rows: _Rows) -> None:
        """Let one of its functions write into the last of `tensors`, all (tokens, heads, width) without gaps.

        Raises:
            NoKernel: PyTorch's products refused.
        """
        function = getattr(self._library, name)
        if not function(*(ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors), ctypes.byref(rows)):
            raise NoKernel(f"{name} failed")


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        scaling: float,
        lengths: Sequence[int],
        kernel: Kernel,
    ) -> torch.Tensor:
        query, key, value = (tensor[0].transpose(0, 1).contiguous() for tensor in (query, key, value))
        (_, heads, width), groups = query.shape, key.shape[1]
        rows = _Rows(heads, groups, width, scaling, len(lengths), (ctypes.c_int64 * len(lengths))(*lengths))
        found = torch.empty_like(query)
        kernel.call("attend", (query, key, value, found), rows)
        ctx.save_for_backward(query, key, value)
        ctx.kernel, ctx.rows = kernel, rows
        return found[None]

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        given = ctx.saved_tensors
        slopes = [torch.empty_like(tensor) for tensor in given]
        ctx.kernel.call("attend_back", (*given, outer[0][0].contiguous(), *slopes), ctx.rows)
        return *(slope.transpose(0, 1)[None] for slope in slopes), None, None, None


def build(folder: Path) -> Kernel:
    """Compile it, once for each kind of CPU and PyTorch; a second call finds it in `folder`.

    Raises:
        NoKernel: that failed.
    """
    made_for = (torch.__version__, sorted(torch.cpu.get_capabilities().items()), FLAGS)
    digest = hashlib.sha256(SOURCE.read_bytes() + repr(made_for).encode()).hexdigest()[:16]
    library = folder / f"attention-{digest}.so"
    try:
        kernel = _load(library)
    except subprocess.CalledProcessError as error:
        raise NoKernel(f"{SOURCE.name} does not compile here: {error.stderr[-LAST_WORDS:]}") from error
    except OSError as error:
        raise NoKernel(f"{SOURCE.name} does not compile or load here: {error}") from error
    probe = torch.ones(1, 1, 2, 2, dtype=torch.bfloat16)
    kernel(probe, probe, probe, 1.0, (2,))
    return kernel


def _load(library: Path) -> Kernel:
    try:
        return Kernel(library)
    except OSError:  # there is none yet, or one that another system left
        _compile(library)
    return Kernel(library)


def _compile(library: Path) -> None:
    library.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    torch_folder = Path(torch.__file__).parent
    places = (f"-I{torch_folder / 'include'}", f"-L{torch_folder / 'lib'}", "-ltorch_cpu", "-lc10")
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch:  # another process may compile it, too
        made = Path(scratch) / library.name
        command = ["c++", *FLAGS.split(), str(SOURCE), "-o", str(made), *places]
        subprocess.run(command, check=True, capture_output=True, text=True)
        made.replace(library)
