"""What a model made up that must not be said."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.composing.flaws import Flaw, flaw
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
