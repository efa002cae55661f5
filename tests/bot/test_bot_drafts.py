"""The life of a proposal, in a real database."""

from datetime import UTC, datetime

import pytest

from bot.desks.drafts import Drafts, DraftState
from bot.desks.places import Places
from bot.tables import migrations
from exporter.storing.store import open_store

LATER = datetime(2026, 3, 1, 1, tzinfo=UTC)
PROPOSALS = (("yes", "soon"), ("нет",), ("🤷",))


@pytest.fixture
def database(tmp_path):
    with open_store(tmp_path / "store.db", migrations) as store:
        yield store.database


@pytest.fixture
def drafts(database):
    return Drafts(database, lambda: datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def places(database):
    return Places(database)


def test_a_draft_is_kept_as_it_was_proposed(drafts):
    draft = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    assert drafts.get(draft.draft_id) == drafts.open_in(5) == draft
    assert (draft.proposals, draft.state, draft.answers_to) == (PROPOSALS, DraftState.OPEN, 10)


def test_only_the_first_choice_counts(drafts):
    draft = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    assert drafts.close(draft.draft_id, DraftState.SENT, number=2)
    assert not drafts.close(draft.draft_id, DraftState.SENT, number=1)
    assert not drafts.close(draft.draft_id, DraftState.SKIPPED)
    closed = drafts.get(draft.draft_id)
    assert (closed.state, closed.number) == (DraftState.SENT, 2)


def test_other_proposals_make_choices_among_the_old_ones_void(drafts):
    draft = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    renewed = drafts.renew(draft, (("later",),))
    assert (renewed.draft_id, renewed.proposals, renewed.version) == (draft.draft_id, (("later",),), 2)
    assert drafts.renew(draft, PROPOSALS) is None, "somebody was faster"
    assert not drafts.close(draft.draft_id, DraftState.SENT, number=1, version=draft.version)
    assert drafts.close(draft.draft_id, DraftState.SENT, number=1, version=renewed.version)
    assert drafts.renew(renewed, PROPOSALS) is None, "nothing is proposed any more"


def test_a_chat_has_one_open_draft(drafts):
    old = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    other = drafts.open(6, answers_to=11, proposals=PROPOSALS)
    new = drafts.open(5, answers_to=12, proposals=PROPOSALS)
    assert drafts.get(old.draft_id).state is DraftState.EXPIRED
    assert drafts.all_open() == [other, new]


def test_expiring_tells_what_expired(drafts):
    assert drafts.expire(5) is None
    draft = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    assert drafts.expire(5).draft_id == draft.draft_id
    assert drafts.expire(5) is None and drafts.open_in(5) is None


def test_a_card_goes_over_to_the_next_draft_of_its_chat(drafts, places):
    old = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    assert places.of(old.draft_id, "saved") is None
    places.put(old, "saved", 70)
    places.put(old, "control", 3)
    assert places.of(old.draft_id, "saved") == places.at("saved", 70)
    assert places.at("saved", 3) is None
    assert places.last_in(5, "saved") is None, "it is open"
    new = drafts.open(5, answers_to=12, proposals=PROPOSALS)
    assert places.last_in(5, "saved").message_id == 70 and places.last_in(6, "saved") is None
    places.put(new, "saved", 70, since=LATER)
    place = places.at("saved", 70)
    assert (place.draft_id, place.since) == (new.draft_id, LATER)
    assert places.of(old.draft_id, "saved") is None and places.of(old.draft_id, "control").message_id == 3


def test_a_card_that_is_written_anew_shows_its_proposals_as_long_as_before(drafts, places):
    draft = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    places.put(draft, "saved", 70)
    places.put(draft, "saved", 70, since=LATER)
    assert places.at("saved", 70).since is None
    renewed = drafts.renew(draft, PROPOSALS[:1])
    assert places.at("saved", 70).version != renewed.version, "until Telegram shows it"
    places.put(renewed, "saved", 70, since=LATER)
    assert (places.at("saved", 70).since, places.at("saved", 70).version) == (LATER, renewed.version)


def test_cards_of_what_was_chosen_look_open_until_they_are_closed(drafts, places):
    draft = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    places.put(draft, "saved", 70)
    assert places.left_open() == []
    drafts.close(draft.draft_id, DraftState.SKIPPED)
    (place,) = places.left_open()
    places.close(place)
    assert places.left_open() == [] and places.last_in(5, "saved") is None, "that it was skipped stands there for good"
    places.change("saved", 70)
    assert [place.message_id for place in places.left_open()] == [70]
