"""Which of the history is learned, which is held out, and what is too little."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from exporter.config import Train
from exporter.imports import import_file
from exporter.messages import Message, Peer, PeerKind
from exporter.store import open_store
from tests.sandbox_fixtures import agreed
from tests.trainer.conftest import BEN, CLUB, OWNER, START, talk
from trainer import dataset as rendering
from trainer.dataset import Dataset, TooLittle, conversations, held_out_exchanges, split
from trainer.prompt import PromptSpec

SPEC = PromptSpec()


def dataset(store, tokenizer, spec, train) -> Dataset:
    return rendering.dataset(split(store, agreed(store), train), tokenizer, spec, train)


@pytest.fixture
def made(store, hf):
    return dataset(store, hf, SPEC, Train())


def test_the_newest_sessions_are_never_learned(made):
    assert (made.sessions, len(made.learned), len(made.held_out)) == (36, 36, 4)
    assert made.held_out_since == START + timedelta(days=36)
    assert max(row.at for row in made.learned) < made.held_out_since <= min(row.at for row in made.held_out)
    assert (made.owner, made.chats) == ("Ann", (CLUB.peer_id, BEN.peer_id))


def test_the_loss_counts_the_owners_words_and_their_frame(made, hf):
    row = made.learned[0]
    assert row.learned_turns == 2
    assert row.learned_bytes == len("yepwhyok")
    separator, close = hf.control(SPEC.burst_separator), hf.control(SPEC.turn_close)
    counted = [token for token, learned in zip(row.ids, row.learned, strict=True) if learned]
    assert counted == [*hf.text("yep"), separator, *hf.text("why"), close, *hf.text("ok"), close]


def test_everyone_may_be_learned_but_the_owner_is_measured(store, made, hf):
    everyone = dataset(store, hf, SPEC, Train(learn="everyone"))
    assert everyone.learned_tokens > made.learned_tokens
    assert everyone.tokens == made.tokens
    assert everyone.held_out == made.held_out


def test_a_session_across_the_cut_is_neither_learned_nor_measured(store, hf, made):
    cut = made.held_out_since
    store.add(
        Message(BEN.peer_id, 9000 + n, OWNER.peer_id, cut + timedelta(minutes=30 * (n - 2)), True, "long evening")
        for n in range(4)
    )
    store.save_peers([other := Peer(7, PeerKind.USER, "Zoe")])
    store.add(
        Message(other.peer_id, n, other.peer_id, cut + timedelta(minutes=30 * (n - 2)), False, "straddles")
        for n in range(1, 5)
    )
    for row in dataset(store, hf, SPEC, Train(learn="everyone")).learned:
        assert row.chat_id != other.peer_id


def test_notes_to_self_and_bots_are_not_learned(store, hf, made):
    store.save_peers([bot := Peer(8, PeerKind.BOT, "Helper")])
    for chat in (OWNER, bot):
        store.add([replace(m, chat_id=chat.peer_id) for m in talk(5)])
    assert dataset(store, hf, SPEC, Train()).digest() == made.digest()


def test_the_digest_changes_with_a_word(store, hf, made):
    first = next(iter(talk()))
    store.add([replace(first, text="edited", edited_at=START)])
    assert dataset(store, hf, SPEC, Train()).digest() != made.digest()


def test_held_out_exchanges_are_the_owners_answers_with_what_stood_before(store, made):
    exchanges = held_out_exchanges(store, agreed(store), since=made.held_out_since, gap=Train().session_gap)
    assert [exchange.reply.texts for exchange in exchanges] == [("yep", "why"), ("ok",)] * 4
    assert all(exchange.at >= made.held_out_since for exchange in exchanges)
    first, second = exchanges[:2]
    assert second.history == (*first.history, first.reply, second.history[-1])
    assert all(a.at <= b.at for a, b in pairwise(exchanges))


def test_no_history_no_words_and_too_few_words_are_said_with_a_fix(tmp_path, hf):
    with open_store(tmp_path / "empty.db") as store:
        with pytest.raises(TooLittle, match="no history yet"):
            conversations(store, agreed(store), gap=timedelta(hours=1))
        store.save_peers([OWNER, BEN])
        store.add(m for m in talk(30) if not m.outgoing and m.chat_id == BEN.peer_id)
        with pytest.raises(TooLittle, match="written nothing"):
            dataset(store, hf, SPEC, Train())
        store.add(m for m in talk(6) if m.chat_id == BEN.peer_id)
        with pytest.raises(TooLittle, match="only 8 turns") as caught:
            dataset(store, hf, SPEC, Train())
        assert "sync" in caught.value.fix


def test_no_row_is_longer_than_the_window(real_export, tmp_path, hf):
    with open_store(tmp_path / "real.db") as store:
        import_file(store, real_export, me=1000)
        made = dataset(store, hf, SPEC, Train())
    assert max(len(row.ids) for row in (*made.learned, *made.held_out)) <= SPEC.length
    assert made.learned_tokens > 20_000
