"""Ways to get three proposals out of a model, each to be run in a process of its own."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Any

from llama_cpp import Llama

from bot.composing.compose import compose
from bot.composing.engine import Engine, Reply, open_double
from bot.composing.sampler import Sampler
from bot.composing.window import Prompt
from trainer.models.artifact import Artifact, GGUFTokenizer
from trainer.reading.prompt import PromptSpec, Tokenizer

PROPOSALS = 3
TEMPERATURE = 0.8
MIN_P = 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """A moment at which a reply is asked for, and the one before it in the same chat."""

    before: Prompt
    now: Prompt


@dataclass(slots=True)
class Timed:
    """Milliseconds from asking, one of each moment."""

    way: str
    first_token: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    """Until the first proposal is there."""
    all: list[float] = field(default_factory=list)
    """Until PROPOSALS are."""
    tokens: list[int] = field(default_factory=list)
    """Of the single replies."""


@dataclass(slots=True)
class Reader:
    """How a model reads prompts, without its weights. It says nothing."""

    spec: PromptSpec
    tokenizer: Tokenizer
    sampler: Sampler = field(default_factory=Sampler)

    async def replies(self, prompt: Sequence[int], blank: Sequence[int], *, count: int) -> Sequence[Reply]:
        """None."""
        return ()

    async def let_go(self) -> None:
        """It keeps nothing."""


@dataclass(slots=True)
class Counting:
    """An engine, and how long its replies are."""

    engine: Engine
    tokens: list[int]
    sampler: Sampler = field(default_factory=Sampler)

    @property
    def spec(self) -> PromptSpec:
        """The engine's."""
        return self.engine.spec

    @property
    def tokenizer(self) -> Tokenizer:
        """The engine's."""
        return self.engine.tokenizer

    async def replies(self, prompt: Sequence[int], blank: Sequence[int], *, count: int) -> Sequence[Reply]:
        """The engine's."""
        replies = await self.engine.replies(prompt, blank, count=count)
        self.tokens += [reply.tokens for reply in replies]
        return replies

    async def let_go(self) -> None:
        """The engine's."""
        await self.engine.let_go()


def bot(asked: Sequence[Asked], _long: int, artifact: Artifact, sampler: Sampler, warm: bool) -> Timed:
    """The product: candidates side by side, ranked. It proposes all three at once."""
    return asyncio.run(_bot(asked, artifact, sampler, warm))


async def _bot(asked: Sequence[Asked], artifact: Artifact, sampler: Sampler, warm: bool) -> Timed:
    timed = Timed("bot, warm" if warm else "bot, cold")
    with open_double(artifact.card, artifact.gguf, forgotten=(), sampler=sampler, random=SystemRandom()) as engine:
        speaker = Counting(engine, timed.tokens)
        for number, moment in enumerate(asked):
            await engine.let_go()
            if warm:
                for prompt in (moment.before, asked[number - 1].now):
                    await engine.replies(prompt.ids, prompt.blank, count=1)
            began = time.perf_counter()
            composed = await compose(speaker, moment.now, wanted=PROPOSALS)
            took = (time.perf_counter() - began) * 1000
            timed.first_token.append(composed.first_token_ms)
            timed.first.append(took)
            timed.all.append(took)
    return timed


def one_by_one(asked: Sequence[Asked], _long: int, artifact: Artifact) -> Timed:
    """What a program does that calls `generate` until it has three: only the last prompt is not read again."""
    timed = Timed("llama-cpp-python")
    spec = artifact.card.prompt
    llama = Llama(str(artifact.gguf), n_ctx=spec.length, n_batch=spec.length, n_ubatch=spec.length, verbose=False)
    close = GGUFTokenizer(llama).control(spec.frame.turn_close)
    for moment in asked:
        with _clock(timed) as tick:
            for _ in range(PROPOSALS):
                ids = list(moment.now.ids)
                tokens = llama.generate(ids, temp=TEMPERATURE, min_p=MIN_P, top_k=0, top_p=1.0)
                count = 0
                for count, token in enumerate(tokens, 1):
                    tick(timed.first_token)
                    if token == close or count == spec.reply_tokens:
                        break
                tick(timed.first)
                timed.tokens.append(count)
    return timed


def transformers(asked: Sequence[Asked], long: int, base: Path) -> Timed:
    """`generate` as its documentation has it: the prompt is read anew each time, all sequences end at once."""
    import torch
    from transformers import AutoModelForCausalLM, logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    timed = Timed("transformers")
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    model.eval()
    for moment in asked:
        with _clock(timed) as tick, torch.inference_mode():

            def seen(ids: Any, scores: Any, tick: Any = tick) -> Any:
                tick(timed.first_token)
                return scores

            model.generate(
                torch.tensor([moment.now.ids]),
                do_sample=True,
                temperature=TEMPERATURE,
                min_p=MIN_P,
                num_return_sequences=PROPOSALS,
                min_new_tokens=long,
                max_new_tokens=long,
                logits_processor=[seen],
            )
            tick(timed.first)
            timed.tokens.append(long)
    return timed


@contextmanager
def _clock(timed: Timed) -> Iterator[Any]:
    """The time of one moment: `tick` notes what is there by now, the first time that it is told so."""
    began = time.perf_counter()
    noted: set[int] = set()

    def tick(times: list[float]) -> None:
        if id(times) not in noted:
            noted.add(id(times))
            times.append((time.perf_counter() - began) * 1000)

    yield tick
    tick(timed.all)
