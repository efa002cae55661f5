"""The model: one thread owns llama.cpp. Token ids go in, sampled words come out.

It knows how a reply ends and where a burst is cut. It knows nothing of chats, of Telegram, or of what may be said.
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Protocol

import llama_cpp
import numpy as np
from llama_cpp import Llama

from exporter.errors import DoppelgangerError
from trainer.models.artifact import Card, GGUFTokenizer, refuse_forgotten, verify
from trainer.reading.prompt import PromptSpec, Tokenizer

MIN_P = 0.05
ABORTED = 2
"""What llama_decode returns when its abort callback said so."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said."""

    texts: tuple[str, ...]
    """The messages of the burst."""
    finished: bool
    """It ended by itself: neither cut off nor broken by a control token that has no place in a reply."""
    first_token_ms: float
    """From the call until the first token: waiting for the thread and reading the prompt included."""
    likelihood: float
    """How likely its tokens were to the model, before temperature: their geometric mean, from 0 to 1."""


class Speaker(Protocol):
    """Whoever continues a prompt."""

    @property
    def spec(self) -> PromptSpec:
        """The frame of the prompts that it was taught to read."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """What makes token ids of them."""
        ...

    async def reply(self, prompt: Sequence[int]) -> Reply:
        """One sampled reply; each call may give another."""
        ...

    async def let_go(self) -> None:
        """Keep nothing of the prompts so far."""
        ...


class Engine:
    """A GGUF, loaded. Calls from one event loop queue up for the one thread; a cancelled call ends within a token."""

    def __init__(self, llama: Llama, thread: ThreadPoolExecutor, spec: PromptSpec, temperature: float, random: Random):
        self._llama = llama
        self._thread = thread
        self.spec = spec
        self._temperature = temperature
        self._random = random
        self.tokenizer: Tokenizer = GGUFTokenizer(llama)
        self._turn_close = self.tokenizer.control(spec.frame.turn_close)
        self._separator = self.tokenizer.control(spec.frame.burst_separator)

    async def reply(self, prompt: Sequence[int]) -> Reply:
        """One sampled reply of at most `spec.reply_tokens` tokens.

        What the prompt shares with the one before it, from its beginning, is not read again.
        """
        cancelled = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._thread, self._generate, list(prompt), cancelled, time.perf_counter()
            )
        finally:
            cancelled.set()

    async def let_go(self) -> None:
        """Erase what was read of earlier prompts, from memory too."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._clear)

    def _clear(self) -> None:
        self._llama.reset()  # type: ignore[no-untyped-call]
        self._llama.input_ids.fill(0)
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._llama._ctx.ctx), True)

    def _generate(self, prompt: list[int], cancelled: threading.Event, called: float) -> Reply:
        ids: list[int] = []
        likelihoods: list[float] = []
        finished = False
        first_token_ms = 0.0
        with self._abort_when(cancelled):
            for token in self._sample(prompt):
                first_token_ms = first_token_ms or (time.perf_counter() - called) * 1000
                likelihoods.append(self._log_likelihood(token))
                if token == self._turn_close or self._ends(token):
                    finished = True
                    break
                if self._is_stray_control(token) or cancelled.is_set():
                    break
                ids.append(token)
                if len(ids) >= self.spec.reply_tokens:
                    break
        likelihood = math.exp(fmean(likelihoods)) if likelihoods else 0.0
        return Reply(messages_of(ids, self._llama, self._separator), finished, first_token_ms, likelihood)

    def _log_likelihood(self, token: int) -> float:
        """Of the token that was just sampled. Takes a fraction of a millisecond."""
        logits = np.ctypeslib.as_array(
            llama_cpp.llama_get_logits_ith(self._llama._ctx.ctx, -1), (self._llama.n_vocab(),)
        )
        top = logits.max()
        return float(logits[token] - top - np.log(np.exp(logits - top).sum()))

    def _sample(self, prompt: list[int]) -> Iterator[int]:
        """Tokens until the caller has enough, or until reading the prompt is aborted."""
        self._llama.set_seed(self._random.getrandbits(32))
        try:
            yield from self._llama.generate(prompt, temp=self._temperature, min_p=MIN_P, top_k=0, top_p=1.0)
        except RuntimeError as error:
            if str(error) != f"llama_decode returned {ABORTED}":
                raise

    @contextmanager
    def _abort_when(self, cancelled: threading.Event) -> Iterator[None]:
        """A long prompt takes a second to read: llama.cpp asks between two operations whether to go on."""
        callback = llama_cpp.ggml_abort_callback(lambda _: cancelled.is_set())
        context = self._llama._ctx.ctx
        llama_cpp.llama_set_abort_callback(context, callback, None)
        try:
            yield
        finally:
            llama_cpp.llama_set_abort_callback(context, llama_cpp.ggml_abort_callback(0), None)

    def _ends(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self._llama._model.vocab, token))

    def _is_stray_control(self, token: int) -> bool:
        is_control = llama_cpp.llama_vocab_is_control(self._llama._model.vocab, token)
        return bool(is_control) and token != self._separator


def messages_of(ids: Iterable[int], llama: Llama, separator: int) -> tuple[str, ...]:
    """The messages of a burst, which `separator` stands between; what is nothing but white space is none."""
    bursts: list[list[int]] = [[]]
    for token in ids:
        if token == separator:
            bursts.append([])
        else:
            bursts[-1].append(token)
    texts = (llama.detokenize(burst).decode("utf-8", "replace").strip() for burst in bursts)
    return tuple(text for text in texts if text)


@contextmanager
def open_engine(gguf: Path, spec: PromptSpec, *, temperature: float, random: Random) -> Iterator[Engine]:
    """Load a GGUF on its own thread, and free it there at the end.

    Raises:
        DoppelgangerError: no GGUF that llama.cpp can load, or one without the control tokens of `spec`.
    """
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # else each cancelled prompt prints a line
    with ThreadPoolExecutor(1, thread_name_prefix="llama") as thread:
        try:
            llama = thread.submit(_load, gguf, spec.length).result()
        except ValueError as error:
            raise DoppelgangerError(
                f"llama.cpp cannot load {gguf}", fix="train a new model with `python -m trainer run`"
            ) from error
        try:
            yield Engine(llama, thread, spec, temperature, random)
        finally:
            thread.submit(llama.close).result()


@contextmanager
def open_double(
    card: Card, gguf: Path, *, forgotten: Collection[int], temperature: float, random: Random
) -> Iterator[Engine]:
    """Open a trained double, once it is proven that it reads prompts as this code renders them.

    `forgotten` are the ids of those from whom it must not have learned.

    Raises:
        LearnedFromForgotten: it did.
        PromptMismatch: it does not.
        DoppelgangerError: llama.cpp cannot load it.
    """
    refuse_forgotten(card, forgotten)
    with open_engine(gguf, card.prompt, temperature=temperature, random=random) as engine:
        verify(card, engine.tokenizer)
        yield engine


def _load(gguf: Path, length: int) -> Llama:
    llama = Llama(str(gguf), n_ctx=length, n_batch=length, n_ubatch=length, verbose=False)
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # loading set it back
    return llama
