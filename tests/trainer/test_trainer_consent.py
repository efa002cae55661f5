"""Consent and training: a model reads nothing of chats whose people did not agree."""

import pytest

from exporter.rights.consent import Ledger
from exporter.settings.config import Consent, Train
from tests.sandbox_fixtures import agreed
from tests.trainer.conftest import BEN, CLUB, START, config_with
from trainer.data.dataset import dataset
from trainer.data.split import split
from trainer.reading.conversations import TooLittle, learnable
from trainer.reading.prompt import PromptSpec


def test_acceptance_15_no_training_row_mentions_a_chat_without_consent(store, gguf):
    ledger = Ledger(store.database, Consent())
    ledger.grant(BEN, ["learn"], START)
    made = dataset(split(store, ledger, config_with(Train())), gguf, PromptSpec(), Train())
    assert made.chats == (BEN.peer_id,)
    assert {row.chat_id for row in (*made.learned, *made.held_out)} == {BEN.peer_id}


def test_what_is_revoked_is_learned_no_more(store):
    ledger = agreed(store)
    assert set(learnable(store, ledger)) == {BEN, CLUB}
    ledger.revoke(CLUB, ["learn"], START)
    assert learnable(store, ledger) == [BEN]


def test_where_nobody_agrees_that_is_said_with_the_command(store):
    ledger = Ledger(store.database, Consent(default={"private": {"store", "reply"}, "group": {"store"}}))
    with pytest.raises(TooLittle, match="nobody in the chats that are stored agreed") as refused:
        split(store, ledger, config_with(Train()))
    assert "python -m exporter consent Ben --learn" in refused.value.fix and "[consent]" in refused.value.fix
