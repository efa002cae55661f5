"""What is recalled of earlier exchanges: what fits, of this chat, and nothing that was not said yet."""

import math
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.reading.conversations import Conversation
from trainer.reading.dialogue import Turn
from trainer.reading.memory import MOST, Memory
from trainer.reading.prompt import PromptSpec, Scene, encode, recalled_cost, render_prompt, render_row

START = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = PromptSpec(length=1024)
SCENE = Scene("Ann", "Ben")
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
SMALL_TALK = [("how are you", "fine"), ("good morning", "hey"), ("are you there", "yep"), ("ok", "see you")]


def exchange(day, asked, answered, **more):
    at = START + timedelta(days=day)
    turns = (Turn("Ben", False, (asked,), mark="Sunday night"), Turn("Ann", True, (answered,), **more))
    return Conversation(2, SCENE, turns, (at, at + timedelta(minutes=1)), (at, at + timedelta(minutes=1)))


def past(*exchanges):
    """Many days of small talk, and these exchanges among it, each on the day that it names."""
    return Memory(
        [*(exchange(day, *SMALL_TALK[day % 4]) for day in range(100)), *(exchange(*one) for one in exchanges)]
    )


@pytest.fixture
def ask(gguf):
    """What is recalled when somebody asks on a day, as pairs of how long ago and what the owner answered."""

    def recalled(memory, cue, *, day=100, spec=SPEC):
        now = START + timedelta(days=day)
        found = memory.recall(spec, gguf, Turn("Ben", False, (cue,)), before=now, now=now + timedelta(minutes=5))
        return [(one.ago, one.turns[1].texts[0]) for one in found]

    return recalled


def test_what_shares_rare_words_is_recalled_with_how_long_ago_it_was(ask):
    memory = past((30, "which paint did you buy for the kitchen?", "ochre, from Lindner"), (50, "lunch?", "at noon"))
    assert ask(memory, "we need more kitchen paint") == [("2 months ago", "ochre, from Lindner")]
    assert ask(memory, "WHAT PAINTS?") == [("2 months ago", "ochre, from Lindner")], "inflected, and however written"


def test_without_spaces_between_words_signs_that_follow_each_other_are_found(ask):
    memory = past((30, "厨房要刷什么颜色的油漆？", "赭石色"), (50, "明天几点吃饭？", "中午"))
    assert ask(memory, "我们还要再买一点厨房油漆") == [("2 months ago", "赭石色")]


def test_small_talk_recalls_nothing(ask):
    memory = past((30, "which paint did you buy?", "ochre"))
    assert ask(memory, "good morning, how are you") == []
    assert ask(memory, "the unheard of") == [] and ask(Memory([]), "paint") == []


def test_of_what_fits_as_well_the_newer_comes_first_and_is_told_last(ask):
    told = [(day, "the paint?", f"answer {day}") for day in (-800, 10, 60)]
    assert [answer for _, answer in ask(past(*told), "paint")] == ["answer 10", "answer 60"]
    assert len(ask(past(*told), "paint")) == MOST


def test_nothing_that_was_not_over_before_the_shown_history_is_recalled(ask):
    memory = past((30, "paint?", "ochre"), (60, "paint?", "umber"))
    assert [answer for _, answer in ask(memory, "paint", day=60)] == ["ochre"]
    assert ask(memory, "paint", day=30) == []


days = st.lists(st.tuples(st.sampled_from(["the paint?", "paint or zebra", "ok"]), words), min_size=1, max_size=12)


@given(told=days, cut=st.integers(0, 12))
def test_what_came_later_changes_nothing_and_a_memory_that_grew_is_as_one_made_at_once(gguf, told, cut):
    """Thrown back to any day it is what it was then, and grown on from there what it would be anyway."""
    said = [exchange(day, *one) for day, one in enumerate(told)]
    whole, early, grown = Memory(said), Memory(said[:cut]), Memory(said)
    grown.let_go(START + timedelta(days=cut))

    def asked(memory, day):
        now = START + timedelta(days=day)
        cue = Turn("Ben", False, ("zebra paint",))
        return memory.recall(SPEC, gguf, cue, before=now, now=now)

    assert asked(early, 20) == asked(grown, 20)
    assert asked(whole, cut) == asked(early, cut)
    for one in said[cut:]:
        grown.add(one)
    assert asked(grown, 20) == asked(whole, 20)


def test_what_the_owner_did_not_say_himself_is_no_answer(ask):
    memory = Memory(
        [exchange(30, "paint?", "[sticker 😂]", spoken=False), *(exchange(d, "hi", "ho") for d in range(20))]
    )
    assert ask(memory, "paint") == []


def test_what_is_too_long_for_its_room_is_not_recalled(ask, gguf):
    memory = past((30, "paint?", "ochre " * 200), (40, "paint?", "umber"))
    assert [answer for _, answer in ask(memory, "paint")] == ["umber"]
    assert ask(memory, "paint", spec=PromptSpec(length=128)) == []


@given(cue=words, answers=st.lists(words, min_size=1, max_size=6))
def test_a_row_with_something_recalled_begins_with_the_bots_prompt(tokenizer, cue, answers):
    """Nothing recalled is learned; earlier prompts of the row, without it, are its beginnings too."""
    memory = past(*((number, f"{cue} zebra", answer) for number, answer in enumerate(answers)))
    turns = [
        Turn("Ben", False, ("hi",)),
        Turn("Ann", True, ("ho",)),
        Turn("Ben", False, (f"{cue} zebra",)),
        Turn("Ann", True, ("at last",), mark="3 h later"),
    ]
    now = START + timedelta(days=200)
    recalled = memory.recall(SPEC, tokenizer, turns[2], before=now, now=now)
    assert len(recalled) > 0 and sum(recalled_cost(SPEC, tokenizer, one) for one in recalled) <= SPEC.memory_tokens
    row = encode(tokenizer, render_row(SPEC, SCENE, turns, frozenset({1, 3}), memory=recalled))
    prompt = encode(tokenizer, render_prompt(SPEC, SCENE, turns[:3], mark="3 h later", memory=recalled)).ids
    first = encode(tokenizer, render_prompt(SPEC, SCENE, turns[:1])).ids
    assert row.ids[: len(prompt)] == prompt and row.ids[: len(first)] == first
    close = tokenizer.control(SPEC.frame.turn_close)
    learned = [token for token, counts in zip(row.ids, row.learned, strict=True) if counts]
    assert learned == [*tokenizer.text("ho"), close, *tokenizer.text("at last"), close]


def test_what_was_read_before_stays_in_the_cache(gguf):
    """What is recalled stands behind all of the history but the turn that it is for."""
    turns = [Turn("Ben", False, (f"message {number}",)) for number in range(6)]
    plain = encode(gguf, render_prompt(SPEC, SCENE, turns)).ids
    shown = encode(gguf, render_prompt(SPEC, SCENE, turns[:-1])).ids
    memory = past((3, "zebra?", "striped"))
    now = START + timedelta(days=100)
    cue = replace(turns[-1], texts=("zebra",))
    recalled = memory.recall(SPEC, gguf, cue, before=now, now=now)
    told = encode(gguf, render_prompt(SPEC, SCENE, [*turns[:-1], cue], memory=recalled)).ids
    kept = len(shown) - len(gguf.text("Ann\n")) - 1
    assert plain[:kept] == told[:kept] == shown[:kept]


RARE = ("zebra", "paint", "kitchen", "lamp", "river", "bread")
FREQUENT = ("the", "of", "and", "so")


def by_the_book(told, cue, now):
    """The days that fit best, as Okapi BM25 is written down: k = 1.2, b = 0.75, times up to two for what is recent."""
    stems = [Counter(word[:5] for word in re.findall(r"\w{2,}", f"{asked} {said}")) for _, asked, said in told]
    average = sum(map(Counter.total, stems)) / len(stems)
    scores = {}
    for (day, _, _), words in zip(told, stems, strict=True):
        score = shared = 0.0
        for stem in {word[:5] for word in cue.split()}:
            held = sum(stem in other for other in stems)
            if stem in words and held <= max(len(stems) / 10, 1):
                idf = math.log(1 + (len(stems) - held + 0.5) / (held + 0.5))
                norm = 1.2 * (0.25 + 0.75 * words.total() / average)
                shared, score = shared + idf, score + idf * words[stem] * 2.2 / (words[stem] + norm)
        if shared >= 2:
            age = (now - START - timedelta(days=day, minutes=1)) / timedelta(days=365.25)
            scores[day] = score * (1 + 1 / (1 + age))
    return sorted(sorted(scores, key=lambda day: (-scores[day], -day))[:MOST])


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_what_is_recalled_is_the_best_by_bm25_with_recency(gguf, chance):
    def sentence():
        return " ".join(chance.choices([*RARE, *FREQUENT * 40], k=chance.randrange(1, 9)))

    told = [(3 * day, sentence(), f"{sentence()} answer{day}") for day in range(60)]
    cue, now = " ".join(chance.sample(RARE, 2)), START + timedelta(days=400)
    found = Memory(exchange(*one) for one in told).recall(
        PromptSpec(length=9999), gguf, Turn("Ben", False, (cue,)), before=now, now=now
    )
    answers = {answered: day for day, _, answered in told}
    assert [answers[one.turns[1].texts[0]] for one in found] == by_the_book(told, cue, now)
