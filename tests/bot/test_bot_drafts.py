"""The life of a proposal, in a real database."""

from datetime import UTC, datetime

import pytest

from bot.desks.drafts import Drafts, DraftState
from bot.tables import migrations
from exporter.store import open_store

PROPOSALS = (("yes", "soon"), ("нет",), ("🤷",))


@pytest.fixture
def drafts(tmp_path):
    with open_store(tmp_path / "store.db", migrations) as store:
        yield Drafts(store.database, lambda: datetime(2026, 3, 1, tzinfo=UTC))


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


def test_a_draft_is_found_by_its_card_on_the_desk_that_shows_it(drafts):
    draft = drafts.open(5, answers_to=10, proposals=PROPOSALS)
    assert drafts.card(draft.draft_id, "saved") is None
    drafts.shown(draft.draft_id, "saved", 70)
    drafts.shown(draft.draft_id, "control", 3)
    assert drafts.card(draft.draft_id, "saved") == 70
    assert drafts.by_card("saved", 70) == draft
    assert drafts.by_card("saved", 3) is None
