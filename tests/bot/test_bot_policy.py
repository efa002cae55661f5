"""When the double speaks, and what it may say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy import Action, Flaw, Reason, Situation, addressed, decide, flaw
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.modes import Mode
from trainer.reading.dialogue import words
from trainer.reading.prompt import PromptSpec

NOW = datetime(2026, 3, 1, 12, 0, 0, 400_000, tzinfo=UTC)
BEN = Peer(5, PeerKind.USER, "Ben")
ANN = Peer(1, PeerKind.SELF, "Ann", username="ann_b")
CLUB = Peer(-9, PeerKind.GROUP, "Club")
HI = Message(5, 10, 5, NOW.replace(microsecond=0), outgoing=False, text="hi")
LONG = "é" + " ".join(map(str, range(9999)))[:4095]
FRESH = Situation(
    mode=Mode.AUTO,
    agreed=True,
    peer=BEN,
    newest=HI,
    sender=BEN,
    addressed=False,
    live=True,
    started_at=NOW - timedelta(hours=1),
    now=NOW,
)


@pytest.mark.parametrize(
    ("change", "action", "reason"),
    [
        ({}, Action.AUTO, Reason.MODE),
        ({"started_at": NOW}, Action.AUTO, Reason.MODE),
        ({"mode": Mode.DRAFT}, Action.DRAFT, Reason.MODE),
        ({"mode": Mode.OFF}, Action.SILENT, Reason.UNLISTED),
        ({"mode": Mode.OFF, "agreed": False}, Action.SILENT, Reason.UNLISTED),
        ({"agreed": False}, Action.SILENT, Reason.NO_CONSENT),
        ({"mode": Mode.DRAFT, "agreed": False}, Action.SILENT, Reason.NO_CONSENT),
        ({"newest": None}, Action.SILENT, Reason.NOTHING_SAID),
        ({"newest": replace(HI, outgoing=True)}, Action.SILENT, Reason.OWNER_ANSWERED),
        ({"live": False}, Action.DRAFT, Reason.STALE),
        ({"started_at": NOW + timedelta(seconds=1)}, Action.DRAFT, Reason.STALE),
        ({"now": NOW + timedelta(minutes=11)}, Action.DRAFT, Reason.STALE),
        ({"peer": replace(BEN, kind=PeerKind.BOT)}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"peer": replace(BEN, kind=PeerKind.CHANNEL)}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"peer": ANN}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"peer": replace(BEN, peer_id=777000)}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"peer": CLUB}, Action.SILENT, Reason.NOT_ADDRESSED),
        ({"peer": CLUB, "addressed": True}, Action.DRAFT, Reason.GROUP),
        (
            {"peer": CLUB, "addressed": True, "sender": replace(BEN, kind=PeerKind.BOT)},
            Action.SILENT,
            Reason.NOT_A_PERSON,
        ),
    ],
)
def test_every_decision_has_a_reason(change, action, reason):
    decision = decide(replace(FRESH, **change))
    assert (decision.action, decision.reason) == (action, reason)


def test_a_message_of_a_group_is_meant_for_the_owner_by_his_username_or_as_an_answer_to_him():
    assert addressed(replace(HI, text="hey @Ann_B, coming?"), (), ANN)
    assert addressed(replace(HI, reply_to=3), {3}, ANN)
    assert not addressed(replace(HI, text="@ann_bell is somebody else"), {3}, ANN)
    assert not addressed(HI, {3}, replace(ANN, username=None))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("see you at 8", "bring the rope"), None),
        (("[1] is a footnote", "<3"), None),
        (("ha ha ha ha",), None),
        ((), Flaw.EMPTY),
        (("  ",), Flaw.EMPTY),
        ((LONG,), None),
        ((LONG + "é",), Flaw.TOO_LONG),
        (("😂" * 2049,), Flaw.TOO_LONG),
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
    shown = words(replace(HI, kind=kind, emoji=emoji, text="a caption"))
    assert flaw((shown,), PromptSpec()) is Flaw.MEDIA


@given(st.lists(st.text(max_size=300), max_size=4))
def test_whatever_a_model_says_is_judged(texts):
    assert flaw(texts, PromptSpec()) in {None, *Flaw}
