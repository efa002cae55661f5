"""Learning one person of the history instead of its owner."""

import pytest

from exporter.errors import ConfigError
from exporter.settings.config import Train
from tests.sandbox_fixtures import agreed
from tests.trainer.conftest import BEN, START, config_with
from tests.trainer.test_trainer_dataset import SPEC, dataset, divide
from trainer.data.dataset import lessons
from trainer.data.split import split
from trainer.reading.conversations import TooLittle, views


def test_a_person_who_agreed_may_be_learned_and_measured_instead(store, hf):
    """Ben's turns are learned and held out, the owner's are context; chats without him teach nothing."""
    train = Train(learn="Ben", relations={"Ben": "friend"})
    history = divide(store, train)
    for one in (*history.learned, *history.held_out):
        for lesson in lessons(one, hf, SPEC, None, everyone=False):
            assert {lesson.turns[index].name for index in lesson.learned} == {"Ben"}
    made = dataset(store, hf, SPEC, train)
    assert (made.owner, made.chats) == ("Ben", (BEN.peer_id,))
    assert {row.chat_id for row in made.held_out} == {BEN.peer_id}
    assert dataset(store, hf, SPEC, Train(learn="Ann")).learned == dataset(store, hf, SPEC, Train()).learned


def test_in_a_private_chat_the_other_one_is_the_owner(store):
    ben = views(store, config_with(Train()), {}, region=None, speaker="Ben").of(BEN).scene
    assert (ben.owner, ben.chat, ben.relation) == ("Ben", "Ann", "")


def test_a_group_has_no_double_and_who_has_not_agreed_gets_none(store):
    with pytest.raises(ConfigError, match="Club is not a person"):
        divide(store, Train(learn="Club"))
    with pytest.raises(ConfigError, match="no chat is called Zoe"):
        divide(store, Train(learn="Zoe"))
    ledger = agreed(store)
    ledger.revoke(BEN, ["learn"], START)
    with pytest.raises(TooLittle, match="Ben did not agree") as refused:
        split(store, ledger, config_with(Train(learn="Ben")))
    assert "python -m exporter consent Ben --learn" in refused.value.fix
