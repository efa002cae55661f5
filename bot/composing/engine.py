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
from functools import partial
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Protocol

import llama_cpp
from llama_cpp import Llama

from bot.composing.batch import FIRST, MOST, Batch, Ends, Spoken
from bot.composing.context import Aborted, Context, ModelFailed
from bot.composing.sampler import Sampler
from exporter.errors import DoppelgangerError
from trainer.models.artifact import Card, GGUFTokenizer, load, refuse_forgotten, verify
from trainer.reading.prompt import PromptSpec, Tokenizer


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said."""

    texts: tuple[str, ...]
    """The messages of the burst."""
    finished: bool
    """It ended by itself: neither cut off nor broken by a control token that has no place in a reply."""
    first_token_ms: float
    """From the call until the first token: waiting for the thread and reading the prompt included."""
    tokens: int
    """Of all its messages, and the one that ends it."""
    likelihood: float
    """How likely its tokens were to the model, before temperature: their geometric mean, from 0 to 1."""
    unprompted: float
    """The same had it not known the conversation: what anybody is told alike is as likely so. 0: nobody asked."""


class Speaker(Protocol):
    """Whoever continues a prompt."""

    sampler: Sampler
    """How it speaks, from its next call on."""

    @property
    def spec(self) -> PromptSpec:
        """The frame of the prompts that it was taught to read."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """What makes token ids of them."""
        ...

    async def replies(self, prompt: Sequence[int], blank: Sequence[int], *, count: int) -> Sequence[Reply]:
        """So many sampled replies, at most MOST; each call may give others.

        `blank` is the same prompt without the conversation; without it, nobody asks what they would be there.

        Raises:
            ModelFailed: it could not be computed; the next call begins anew.
        """
        ...

    async def let_go(self) -> None:
        """Keep nothing of the prompts so far."""
        ...


class Engine:
    """A GGUF, loaded. Calls from one event loop queue up for the one thread; a cancelled call ends within a token."""

    def __init__(
        self,
        llama: Llama,
        context: Context,
        thread: ThreadPoolExecutor,
        spec: PromptSpec,
        sampler: Sampler,
        random: Random,
    ) -> None:
        self._llama = llama
        self._context = context
        self._thread = thread
        self.spec = spec
        self.sampler = sampler
        self._random = random
        self.tokenizer: Tokenizer = GGUFTokenizer(llama)
        self._turn_close = self.tokenizer.control(spec.frame.turn_close)
        self._separator = self.tokenizer.control(spec.frame.burst_separator)
        self._batch = Batch(
            context, Ends(self._turn_close, self._closes, self._breaks, spec.reply_tokens), length=spec.length
        )

    async def replies(self, prompt: Sequence[int], blank: Sequence[int], *, count: int) -> Sequence[Reply]:
        """So many sampled replies of at most `spec.reply_tokens` tokens, from one reading of the prompt.

        What it shares with an earlier one from its beginning is not read again; see `bot.composing.prefix_cache`.
        """
        cancelled = threading.Event()
        work = partial(self._speak, prompt, blank, count, cancelled, time.perf_counter())
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            cancelled.set()

    async def let_go(self) -> None:
        """Erase what was read of earlier prompts, from memory too."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._batch.let_go)

    def _speak(
        self, prompt: Sequence[int], blank: Sequence[int], count: int, cancelled: threading.Event, called: float
    ) -> list[Reply]:
        """What was cut off because nobody waits for it is nothing."""
        first_token_ms = 0.0

        def begun() -> None:
            nonlocal first_token_ms
            first_token_ms = (time.perf_counter() - called) * 1000

        try:
            with self._context.unless(cancelled):
                spoken = self._batch.speak(prompt, count, self.sampler, self._random, begun)
                if blank:
                    self._batch.score(blank, [one for one in spoken if one.finished])
                return [self._reply(one, first_token_ms) for one in spoken]
        except Aborted:
            return []
        except ModelFailed:
            self._batch.let_go()  # the next prompt is read as if it were the first
            raise

    def _reply(self, spoken: Spoken, first_token_ms: float) -> Reply:
        said = spoken.ids[:-1] if spoken.finished or self._breaks(spoken.ids[-1]) else spoken.ids
        return Reply(
            messages_of(said, self._llama, self._separator),
            spoken.finished,
            first_token_ms,
            len(spoken.ids),
            math.exp(fmean(spoken.log_likelihoods)),
            math.exp(fmean(spoken.unprompted)) if spoken.unprompted else 0.0,
        )

    def _closes(self, token: int) -> bool:
        return token == self._turn_close or bool(llama_cpp.llama_vocab_is_eog(self._llama._model.vocab, token))

    def _breaks(self, token: int) -> bool:
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
def open_engine(gguf: Path, spec: PromptSpec, *, sampler: Sampler, random: Random) -> Iterator[Engine]:
    """Load a GGUF on its own thread, and free it there at the end: weights, context, kept prompts, all of it.

    Several may be open at once, each with a thread and memory of its own.

    Raises:
        DoppelgangerError: no GGUF that llama.cpp can load, or one without the control tokens of `spec`.
    """
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # else each cancelled prompt prints a line
    with ThreadPoolExecutor(1, thread_name_prefix="llama") as thread:
        try:
            llama, context = thread.submit(_load, gguf, spec).result()
        except ValueError as error:
            raise DoppelgangerError(
                f"llama.cpp cannot load {gguf}", fix="train a new model with `python -m trainer run`"
            ) from error
        try:
            yield Engine(llama, context, thread, spec, sampler, random)
        finally:
            thread.submit(context.close).result()
            thread.submit(llama.close).result()


@contextmanager
def open_double(
    card: Card, gguf: Path, *, forgotten: Collection[int], sampler: Sampler, random: Random
) -> Iterator[Engine]:
    """Open a trained double, once it is proven that it reads prompts as this code renders them.

    `forgotten` are the ids of those from whom it must not have learned.

    Raises:
        LearnedFromForgotten: it did.
        PromptMismatch: it does not.
        DoppelgangerError: llama.cpp cannot load it.
    """
    refuse_forgotten(card, forgotten)
    with open_engine(gguf, card.prompt, sampler=sampler, random=random) as engine:
        verify(card, engine.tokenizer)
        yield engine


def _load(gguf: Path, spec: PromptSpec) -> tuple[Llama, Context]:
    llama = load(gguf, n_ctx=1, n_batch=1)  # the weights; its own context is of no use
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # loading set it back
    try:
        cells = 2 * spec.length + MOST * spec.reply_tokens  # the prompt at hand, the blank one, and the replies
        return llama, Context(llama, cells=cells, sequences=FIRST + MOST, batch=spec.length)
    except ValueError:
        llama.close()
        raise
