"""What a model made up that must not be said."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.composing.flaws import Flaw, flaw
from bot.sending.outbox import MOST_UNITS, Outbox, units
from exporter.messages import Message, MessageKind
from trainer.reading.dialogue import words
from trainer.reading.prompt import PromptSpec

LONG = "é" + " ".join(map(str, range(9999)))[:4095]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("see you at 8", "bring the rope"), None),
        (("[1] is a footnote", "<3"), None),
        (("ha ha ha ha",), None),
        ((), Flaw.EMPTY),
        (("  ",), Flaw.EMPTY),
        ((LONG,), None),
        (("ok", "ok", "ok"), Flaw.LOOP),
        (("I am on my way I am on my way I am on my way I am on my way ",), Flaw.LOOP),
        (("[sticker 😂]",), Flaw.MEDIA),
        (("look: [photo] nice",), Flaw.MEDIA),
        (("caf\N{REPLACEMENT CHARACTER}",), Flaw.BROKEN),
        (("sure<|im_start|>Ben",), Flaw.FRAME),
        (("sure, it is [phone 1]",), Flaw.REDACTED),
        (("a<filename>b",), Flaw.FRAME),
        (("assistant: sure",), Flaw.FRAME),
        (("ok\nUser: and then?",), Flaw.FRAME),
        (("[INST] hi [/INST]",), Flaw.FRAME),
        (("ok</s>",), Flaw.FRAME),
        (("<think>he wants</think>yes",), Flaw.FRAME),
        (("### Response:\nyes",), Flaw.FRAME),
        (("Traceback (most recent call last):\n  File",), Flaw.FRAME),
        (("the system: it works", "my assistant: Eve"), None),
        (("\u200b",), Flaw.EMPTY),
        (("yes", "\ufe0f\u200d"), Flaw.EMPTY),
        (("👍🏽",), None),
        (("...",), None),
        (("a\x07b",), Flaw.BROKEN),
        (("and then we go and then we go home, and then we go",), Flaw.LOOP),
        (("aaaa" * 10,), Flaw.LOOP),
    ],
)
def test_what_is_broken_is_never_sent(texts, expected):
    assert flaw(texts, PromptSpec()) == expected


@pytest.mark.parametrize("kind", [kind for kind in MessageKind if kind is not MessageKind.TEXT])
@pytest.mark.parametrize("emoji", [None, "😂"])
def test_no_mark_of_a_medium_that_training_shows_is_ever_sent(kind, emoji):
    shown = words(Message(5, 10, 5, datetime.now(UTC), False, "a caption", kind, emoji))
    assert flaw((shown,), PromptSpec()) is Flaw.MEDIA


@given(st.lists(st.text(max_size=300), max_size=4))
def test_whatever_a_model_says_is_judged(texts):
    assert flaw(texts, PromptSpec()) in {None, *Flaw}


BROKEN = ("\N{REPLACEMENT CHARACTER}", "\0", "\x1b[0m", "[phone 1]", "[voice 0:12]", *PromptSpec().frame.controls)


@given(st.text(max_size=60), st.sampled_from(BROKEN), st.text(max_size=60))
def test_nothing_around_it_hides_what_is_broken(before, broken, after):
    assert flaw((f"{before}{broken}{after}",), PromptSpec()) is not None
    assert flaw(("ok", f"{before} {broken}", after), PromptSpec()) is not None


@given(
    st.text(st.characters(categories=["L"]), min_size=3, max_size=20),
    st.integers(3, 9),
    st.sampled_from([" ", "\n", ", "]),
)
def test_whoever_says_the_same_again_and_again_is_in_a_loop(word, times, between):
    said = between.join([f"{word} and so {word} on"] * times)
    assert flaw((said,), PromptSpec()) is Flaw.LOOP
    assert flaw([said.split(between)[0]] * times, PromptSpec()) is Flaw.LOOP


@given(st.lists(st.text(max_size=5000), min_size=1, max_size=3))
def test_what_has_no_flaw_can_be_sent_as_it_is(texts):
    if flaw(texts, PromptSpec()) is None:
        parts = Outbox.parts(texts)
        assert all(part.strip() and units(part) <= MOST_UNITS for part in parts)
        assert "".join("".join(parts).split()) == "".join("".join(texts).split())
