"""llama.cpp's context: sequences of tokens that it has read, cut and copied without reading them again.

All sequences lie in one buffer of cells, and what one copies of another lies there once. It knows no prompts and no
sampling. Whoever opens it closes it, on the thread that uses it: its memory is freed then, and not by the collector.
"""

import ctypes
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import llama_cpp
import numpy as np
from llama_cpp import Llama
from numpy.typing import NDArray

from exporter.errors import DoppelgangerError

Logits = NDArray[np.float32]
"""Of each token of the vocabulary; shape (vocabulary,)."""
State = NDArray[np.uint8]
"""What llama.cpp made of a sequence, as bytes that only it can read."""

ABORTED = 2
"""What llama_decode returns when its abort callback said so."""
WHOLE = -1
"""Of a sequence, as a position: from its beginning, or to its end."""


class Aborted(Exception):
    """Nobody waits for it any more. What was to be read is perhaps read in part."""


class ModelFailed(DoppelgangerError):
    """llama.cpp could not read what it was given; what it had read before is of no use any more."""

    def __init__(self, code: int) -> None:
        super().__init__(
            f"the model could not be computed (llama_decode returned {code})",
            fix="see that there is memory left; if so, train a new model with `python -m trainer run`",
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """A token to be read."""

    token: int
    position: int
    sequence: int
    asked: bool
    """Whether it is asked what comes next."""


class Context:
    """One context of a loaded model."""

    def __init__(self, llama: Llama, *, cells: int, sequences: int, batch: int) -> None:
        """Room for `cells` tokens in all, of so many sequences; at most `batch` are read at once.

        Raises:
            ValueError: llama.cpp has no room for it.
        """
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = cells, batch, batch
        settings.n_seq_max, settings.kv_unified = sequences, True
        settings.n_threads, settings.n_threads_batch = llama.n_threads, llama.n_threads_batch
        self._context = llama_cpp.llama_init_from_model(llama._model.model, settings)
        if self._context is None:
            raise ValueError("llama.cpp makes no context")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(batch, 0, 1)
        self._words = llama.n_vocab()

    def close(self) -> None:
        """Free it; it must not be used after that."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)

    def read(self, tokens: Sequence[Placed]) -> None:
        """Read tokens, at most a batch of them.

        Raises:
            Aborted: cancelled before the end.
            ModelFailed: llama.cpp has no room for them, or broke.
        """
        batch = self._batch
        batch.n_tokens = len(tokens)
        for index, placed in enumerate(tokens):
            batch.token[index], batch.pos[index] = placed.token, placed.position
            batch.n_seq_id[index], batch.seq_id[index][0] = 1, placed.sequence
            batch.logits[index] = placed.asked
        result = llama_cpp.llama_decode(self._context, batch)
        if result == ABORTED:
            raise Aborted
        if result:
            raise ModelFailed(result)

    def logits(self, index: int) -> Logits:
        """What comes after the token at `index` of the last batch, if it was asked; overwritten by the next one."""
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self._context, index), (self._words,))

    def cut(self, sequence: int, keep: int) -> int:
        """Forget all but the first `keep` tokens of a sequence; how many are left, 0 if a model must forget all."""
        if llama_cpp.llama_memory_seq_rm(self._memory, sequence, keep, WHOLE):
            return keep
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, WHOLE, WHOLE)
        return 0

    def copy(self, source: int, target: int) -> None:
        """Let `target` be what `source` is; it costs neither time nor room."""
        llama_cpp.llama_memory_seq_rm(self._memory, target, WHOLE, WHOLE)
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, WHOLE, WHOLE)

    def save(self, sequence: int) -> State:
        """A copy of what was made of a sequence: a millisecond or some for 8 MB."""
        state = np.empty(llama_cpp.llama_state_seq_get_size(self._context, sequence), np.uint8)
        llama_cpp.llama_state_seq_get_data(self._context, _bytes(state), state.size, sequence)
        return state

    def load(self, sequence: int, state: State) -> bool:
        """Let a sequence be as it was when it was saved; False where there is no room for it, and then it is empty."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, WHOLE, WHOLE)
        return bool(llama_cpp.llama_state_seq_set_data(self._context, _bytes(state), state.size, sequence))

    def erase(self) -> None:
        """Forget all sequences, and overwrite what was made of them."""
        llama_cpp.llama_memory_clear(self._memory, True)

    @contextmanager
    def unless(self, cancelled: threading.Event) -> Iterator[None]:
        """A long prompt takes a second to read: llama.cpp asks between two operations whether to go on."""
        callback = llama_cpp.ggml_abort_callback(lambda _: cancelled.is_set())
        llama_cpp.llama_set_abort_callback(self._context, callback, None)
        try:
            yield
        finally:
            llama_cpp.llama_set_abort_callback(self._context, llama_cpp.ggml_abort_callback(0), None)


def _bytes(state: State) -> "ctypes.Array[ctypes.c_uint8]":
    return (ctypes.c_uint8 * state.size).from_buffer(state.data)
