"""When the double speaks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.policy import Action, Reason, Situation, addressed, decide
from exporter.messages import Message, Peer, PeerKind
from exporter.modes import Mode

NOW = datetime(2026, 3, 1, 12, 0, 0, 400_000, tzinfo=UTC)
BEN = Peer(5, PeerKind.USER, "Ben")
ANN = Peer(1, PeerKind.SELF, "Ann", username="ann_b")
CLUB = Peer(-9, PeerKind.GROUP, "Club")
HI = Message(5, 10, 5, NOW.replace(microsecond=0), outgoing=False, text="hi")
FRESH = Situation(
    mode=Mode.AUTO,
    agreed=True,
    refused=False,
    halted=False,
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
        ({"refused": True}, Action.SILENT, Reason.REFUSED),
        ({"halted": True}, Action.DRAFT, Reason.HALTED),
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
