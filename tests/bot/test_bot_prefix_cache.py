"""Prompts that were read stay, each by itself: what a chat's next one begins with is not read again."""

import threading

import numpy as np
import pytest
from llama_cpp import Llama

from bot.composing.context import Aborted, Context
from bot.composing.prefix_cache import PrefixCache, shared
from tests.bot.bigram import SMOLLM2

LENGTH = 128


@pytest.fixture(scope="module")
def llama():
    """A model with attention: what it says depends on every token."""
    llama = Llama(str(SMOLLM2), n_ctx=1, n_batch=1, n_threads=1, n_threads_batch=1, verbose=False)
    yield llama
    llama.close()


class Reading(Context):
    """A context that counts what it reads."""

    read_so_far = 0

    def read(self, tokens):
        super().read(tokens)
        self.read_so_far += len(tokens)

    def newly(self):
        """Tokens since the last look."""
        count, self.read_so_far = self.read_so_far, 0
        return count


@pytest.fixture
def context(llama):
    context = Reading(llama, cells=4 * LENGTH, sequences=3, batch=LENGTH)
    yield context
    context.close()


def chat(number, length=40):
    """Token ids that begin as every chat's do."""
    return [1, 2, 3, *(1000 * number + place for place in range(length))]


def fresh(llama, prompt):
    """What somebody who never read anything else says comes next."""
    context = Context(llama, cells=LENGTH, sequences=1, batch=LENGTH)
    try:
        return PrefixCache(context, 0, batch=LENGTH).read(prompt).copy()
    finally:
        context.close()


def test_chats_that_alternate_read_only_what_is_new_and_as_if_there_were_no_other(llama, context):
    prompts = PrefixCache(context, 0, batch=LENGTH)
    anna, boris = chat(1), chat(2)
    for prompt in (anna, boris):
        prompts.read(prompt)
    assert context.newly() == 43 + 40, "what all prompts begin with is read once"
    for _ in range(2):
        anna, boris = [*anna, 11, 12], [*boris, 21]
        for prompt, new in ((anna, 2), (boris, 1)):
            logits = prompts.read(prompt).copy()
            assert context.newly() == new
            np.testing.assert_allclose(logits, fresh(llama, prompt), atol=0.15)
            assert logits.argmax() == fresh(llama, prompt).argmax()


def test_the_same_prompt_again_reads_one_token_and_another_end_only_that(context):
    prompts = PrefixCache(context, 0, batch=LENGTH)
    prompts.read(chat(1))
    context.newly()
    prompts.read(chat(1))
    assert context.newly() == 1
    prompts.read([*chat(1)[:-5], 7, 8])
    assert context.newly() == 2


def test_beyond_the_bound_the_least_recently_used_go(context):
    size = 43 * 23_040  # bytes of a prompt: 30 layers, keys and values of 3 heads of 64 dimensions, 2 bytes each
    prompts = PrefixCache(context, 0, batch=LENGTH, room=int(2.5 * size))
    for number in (1, 2, 3, 4):
        prompts.read(chat(number))
    context.newly()
    prompts.read(chat(2))
    assert context.newly() == 1, "2 and 3 are kept beside 4"
    prompts.read(chat(4))
    prompts.read(chat(1))
    assert context.newly() == 1 + 40


def test_letting_go_erases_every_byte(context):
    prompts = PrefixCache(context, 0, batch=LENGTH)
    for number in (1, 2):
        prompts.read(chat(number))
    (kept,) = prompts._others
    assert kept.state.any()
    prompts.let_go()
    assert not kept.state.any() and not prompts._others
    context.newly()
    prompts.read(chat(2))
    assert context.newly() == 43


def test_cancelled_while_a_long_prompt_is_read_what_was_known_is_still_known(llama, context):
    prompts = PrefixCache(context, 0, batch=LENGTH)
    prompts.read(chat(1))
    context.newly()
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Aborted), context.unless(cancelled):
        prompts.read([*chat(1), *range(500, 540)])
    logits = prompts.read([*chat(1), 9]).copy()
    assert context.newly() == 1
    np.testing.assert_allclose(logits, fresh(llama, [*chat(1), 9]), atol=0.15)


def test_a_branch_leaves_the_prompt_at_hand(llama, context):
    prompts = PrefixCache(context, 0, batch=LENGTH)
    prompts.read(chat(1))
    np.testing.assert_allclose(prompts.branch(1, [1, 2, 3, 77]).copy(), fresh(llama, [1, 2, 3, 77]), atol=0.15)
    context.newly()
    prompts.read([*chat(1), 9])
    assert context.newly() == 1


def test_shared_counts_from_the_beginning():
    assert [shared([1, 2], other) for other in ([], [1], [1, 3], [1, 2, 3], [2])] == [0, 1, 1, 2, 0]
