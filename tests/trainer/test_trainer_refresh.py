"""`continue`: going on from the model in use with what was said since, without a word that is held out."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from safetensors.torch import load_file

from exporter.messages import Message
from exporter.rights.consent import Ledger
from tests.trainer.conftest import OWNER, talk
from tests.trainer.test_trainer_main import call, config_file  # noqa: F401 - a fixture
from tests.trainer.test_trainer_resume import assert_same, model_of
from trainer import pipeline
from trainer.data.split import Split, split
from trainer.models import refresh, registry
from trainer.models.artifact import Artifact, read
from trainer.models.refresh import CannotContinue, Lineage, Start

DAY = timedelta(days=1)


def history_of(store, config, begun: Start | None = None) -> Split:
    until = begun.lineage.until if begun else None
    return split(store, Ledger(store.database, config.consent), config, learned_until=until)


def grown(store, sessions: int) -> None:
    """The same people go on talking."""
    store.add(talk(sessions))


@pytest.fixture
def model(store, config_of):
    """A model in use, and what its adapter has learned, without a training."""

    def learned(history: Split, *earlier: Lineage) -> Start:
        known = frozenset({(one.chat_id, one.began) for one in history.learned}).union(*(e.sessions for e in earlier))
        return Start(Artifact(config_of().models / "one", None), Lineage(until=history.since, sessions=known))

    return learned


def keys(conversations) -> set:
    return {(one.chat_id, one.began) for one in conversations}


def said(conversations, since=None) -> set:
    """Turns of the owner's, by chat and time."""
    turns = ((one, turn, at) for one in conversations for turn, at in zip(one.turns, one.times, strict=True))
    return {(one.chat_id, at) for one, turn, at in turns if turn.own and (since is None or at >= since)}


def test_what_was_held_out_last_time_is_learned_now_and_nothing_held_out_was_ever_learned(store, config_of, model):
    """The split moves on with time: through three refreshes, all that is measured on is new to the adapter."""
    config = config_of()
    history = history_of(store, config)
    begun, ever = model(history), said(history.learned)
    for sessions in (60, 90, 120):
        grown(store, sessions)
        onward = refresh.since(history_of(store, config, begun), begun, config.train)
        measured = said(onward.held_out, onward.since)
        ever |= said(onward.learned)
        assert measured and not measured & ever
        assert said(history.held_out, history.since) & ever, "held out then, learned now"
        begun, history = model(onward, begun.lineage), onward


def test_a_share_of_old_sessions_is_read_again_and_a_seed_says_which(store, config_of, model):
    begun = model(history_of(store, config_of()))
    grown(store, 70)

    def read_again(**train):
        config = config_of(**train)
        onward = refresh.since(history_of(store, config, begun), begun, config.train)
        old = keys(onward.learned) & begun.lineage.sessions
        return old, len(old) / len(onward.learned)

    old, share = read_again()
    assert share == pytest.approx(0.3, abs=0.02)
    assert read_again()[0] == old != read_again(seed=2)[0]
    assert read_again(replay=0)[1] == 0.0
    assert read_again(replay=0.99)[0] == begun.lineage.sessions, "more than all is not there"


def test_where_nothing_new_was_said_there_is_nothing_to_do(store, config_of, model):
    config = config_of()
    begun = model(history_of(store, config))
    with pytest.raises(refresh.NothingNew):
        refresh.since(history_of(store, config, begun), begun, config.train)
    for day in range(40, 60):  # others speak, and the owner does not answer
        at = next(iter(talk(1))).sent_at + day * DAY
        store.add([Message(2, 10 * day, 2, at, False, "hello?")])
    with pytest.raises(refresh.NothingNew):
        refresh.since(history_of(store, config, begun), begun, config.train)


def test_an_import_of_older_history_moves_nothing_back_that_was_learned(store, config_of, model):
    """Years of history come in from before: a tenth of all sessions begins earlier than the adapter has learned to."""
    config = config_of()
    first = history_of(store, config)
    begun = model(first)
    for day in range(1, 400):
        at = next(iter(talk(1))).sent_at + timedelta(days=day, hours=12)
        store.add([Message(2, 10_000 + 10 * day, OWNER.peer_id, at - 500 * DAY, True, f"note {day}")])
    onward = refresh.since(history_of(store, config, begun), begun, config.train)
    assert history_of(store, config).since < begun.lineage.until == onward.since
    assert not said(onward.held_out, onward.since) & said(first.learned)
    assert len(keys(onward.learned) - begun.lineage.sessions) > 200, "what came in late is learned"


def test_a_chat_that_is_gone_is_no_ground_to_go_on_from(store, config_of, model):
    config = config_of()
    history = history_of(store, config)
    begun = model(history)
    grown(store, 60)
    without = [one for one in (*history.learned, *history.held_out) if one.chat_id != -3]
    with pytest.raises(CannotContinue, match="may not be learned from any more: -3") as caught:
        refresh.since(replace(history, said=tuple(without), learned=tuple(without)), begun, config.train)
    assert "trainer run" in caught.value.fix


def test_a_refresh_goes_on_from_the_adapter_and_keeps_it_for_the_next(store, config_of, tiny_base, tmp_path):
    config = config_of()
    first = pipeline.run(config, store)
    grown(store, 60)
    second = pipeline.go_on(config, store)
    assert second.card.parent == first.name and second.card.chats == (-3, 2)
    assert second.card.bits_per_byte.tuned < second.card.bits_per_byte.base
    lineages = [
        Lineage.model_validate_json((one.folder / "adapter/learned.json").read_bytes()) for one in (first, second)
    ]
    assert lineages[0].sessions < lineages[1].sessions
    assert second.card.held_out_since == lineages[1].until > lineages[0].until == first.card.held_out_since
    assert 0 < second.adapter_bytes < second.gguf.stat().st_size
    assert read(second.folder).card.sessions < first.card.sessions, "only what is new, and a share of the old"
    registry.promote(config.models, second.name)
    assert pipeline.go_on(config, store) is None
    fresh = model_of(tiny_base)
    refresh.begin_from(fresh, refresh.start(config.models))
    fresh.save_pretrained(tmp_path / "again")
    assert_same(load_file(tmp_path / "again" / refresh.WEIGHTS), load_file(second.folder / "adapter" / refresh.WEIGHTS))


def test_the_command_says_so_where_there_is_nothing_new_and_refuses_what_changed(config_file, config_of, store):  # noqa: F811
    assert call("continue", "--config", config_file, "--help").exit_code == 0
    nothing = _failing("continue", "--config", config_file)
    assert "no trained model" in nothing.problem
    call("run", "--config", config_file)
    nightly = call("continue", "--config", config_file)
    assert nightly.exit_code == 0 and nightly.stdout.startswith("Nothing new to learn since 2026-02-")
    assert json.loads(call("continue", "--config", config_file, "--json").stdout) is None
    settings = config_file.read_text()
    config_file.write_text(settings.replace("rank = 4", "rank = 2").replace("held_out = 0.1", "held_out = 0.02"))
    refused = _failing("continue", "--config", config_file)
    assert "rank changed since" in refused.problem and "trainer run" in refused.fix


def _failing(*arguments):
    with pytest.raises(Exception) as caught:
        call(*arguments)
    return caught.value
