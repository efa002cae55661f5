"""When the double speaks."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from bot.deciding.guard import Concern
from bot.deciding.loops import Run
from bot.deciding.policy import Action, Counts, Reason, Situation, addressed, decide, within
from exporter.messages import DELETED, Message, Peer, PeerKind
from exporter.settings.modes import Mode
from exporter.settings.replying import Limits

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
    local=time(12),
    wrote_at=NOW - timedelta(days=1),
    acquainted=True,
    seen_at=None,
    counts=Counts(),
    run=Run(),
    likelihood=None,
    concern=None,
)
LIMITS = Limits()


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
        ({"now": HI.sent_at + timedelta(minutes=10)}, Action.AUTO, Reason.MODE),
        ({"now": HI.sent_at + timedelta(minutes=10, seconds=1)}, Action.DRAFT, Reason.STALE),
        ({"now": NOW - timedelta(minutes=11)}, Action.DRAFT, Reason.STALE),
        ({"peer": replace(BEN, kind=PeerKind.BOT)}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"peer": replace(BEN, kind=PeerKind.CHANNEL)}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"peer": ANN}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"peer": replace(BEN, peer_id=777000)}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"peer": replace(BEN, name=DELETED)}, Action.SILENT, Reason.NOT_A_PERSON),
        ({"newest": replace(HI, via_bot=True)}, Action.SILENT, Reason.BY_A_BOT),
        ({"wrote_at": NOW - timedelta(minutes=29)}, Action.SILENT, Reason.OWNER_TALKS),
        ({"wrote_at": NOW - timedelta(minutes=29), "mode": Mode.DRAFT}, Action.SILENT, Reason.OWNER_TALKS),
        ({"wrote_at": NOW - timedelta(minutes=30)}, Action.AUTO, Reason.MODE),
        ({"wrote_at": None}, Action.AUTO, Reason.MODE),
        ({"wrote_at": None, "acquainted": False}, Action.DRAFT, Reason.FIRST_CONTACT),
        ({"seen_at": NOW - timedelta(seconds=119)}, Action.DRAFT, Reason.OWNER_PRESENT),
        ({"seen_at": NOW + timedelta(seconds=119)}, Action.DRAFT, Reason.OWNER_PRESENT),
        ({"seen_at": NOW - timedelta(seconds=120)}, Action.AUTO, Reason.MODE),
        ({"local": time(23)}, Action.DRAFT, Reason.QUIET_HOURS),
        ({"local": time(7, 59)}, Action.DRAFT, Reason.QUIET_HOURS),
        ({"local": time(8)}, Action.AUTO, Reason.MODE),
        ({"counts": Counts(contact_hour=21)}, Action.DRAFT, Reason.CONTACT_CAP),
        ({"counts": Counts(contact_day=41)}, Action.DRAFT, Reason.CONTACT_CAP),
        ({"counts": Counts(hour=61)}, Action.DRAFT, Reason.CAP),
        ({"counts": Counts(day=201)}, Action.DRAFT, Reason.CAP),
        ({"counts": Counts(20, 40, 60, 200)}, Action.AUTO, Reason.MODE),
        ({"run": Run(answers=6)}, Action.DRAFT, Reason.IN_A_ROW),
        ({"run": Run(answers=5, quick=3, alike=2)}, Action.AUTO, Reason.MODE),
        ({"run": Run(quick=4)}, Action.DRAFT, Reason.LOOP),
        ({"run": Run(alike=3)}, Action.DRAFT, Reason.LOOP),
        ({"run": Run(marked=True)}, Action.DRAFT, Reason.LOOP),
        ({"likelihood": 0.09}, Action.DRAFT, Reason.UNSURE),
        ({"likelihood": 0.1}, Action.AUTO, Reason.MODE),
        ({"concern": Concern.MONEY}, Action.DRAFT, Concern.MONEY),
        ({"concern": Concern.MONEY, "mode": Mode.DRAFT}, Action.DRAFT, Reason.MODE),
        ({"peer": CLUB}, Action.SILENT, Reason.NOT_ADDRESSED),
        ({"peer": CLUB, "addressed": True, "seen_at": NOW}, Action.DRAFT, Reason.GROUP),
        ({"peer": CLUB, "addressed": True}, Action.DRAFT, Reason.GROUP),
        (
            {"peer": CLUB, "addressed": True, "sender": replace(BEN, kind=PeerKind.BOT)},
            Action.SILENT,
            Reason.NOT_A_PERSON,
        ),
    ],
)
def test_every_decision_has_a_reason(change, action, reason):
    decision = decide(replace(FRESH, **change), LIMITS)
    assert (decision.action, decision.reason) == (action, reason)


def test_where_the_owner_talks_it_is_asked_again_half_an_hour_after_his_last_words():
    wrote_at = NOW - timedelta(minutes=5)
    assert decide(replace(FRESH, wrote_at=wrote_at), LIMITS).again_at == wrote_at + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [("23:00-08:00", (23, 0, 7), (8, 12, 22)), ("13:00-15:00", (13, 14), (12, 15, 0)), ("", (), (0, 12))],
)
def test_hours_may_go_across_midnight(hours, inside, outside):
    quiet = Limits(quiet_hours=hours).quiet_hours
    assert all(within(quiet, time(hour)) for hour in inside)
    assert not any(within(quiet, time(hour)) for hour in outside)


def test_a_message_of_a_group_is_meant_for_the_owner_by_his_username_or_as_an_answer_to_him():
    assert addressed(replace(HI, text="hey @Ann_B, coming?"), (), ANN)
    assert addressed(replace(HI, reply_to=3), {3}, ANN)
    assert not addressed(replace(HI, text="@ann_bell is somebody else"), {3}, ANN)
    assert not addressed(HI, {3}, replace(ANN, username=None))
