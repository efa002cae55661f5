"""Which of the history is learned, which is held out, and what is too little."""

import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import compress, pairwise

import pytest

from exporter.errors import ConfigError
from exporter.imports import import_file
from exporter.messages import Message, Peer, PeerKind
from exporter.settings.config import Train
from exporter.storing import ghostwritten
from exporter.storing.store import open_store
from tests.sandbox_fixtures import agreed
from tests.trainer.conftest import BEN, CLUB, EVE, OWNER, START, config_with, talk
from trainer.data import dataset as rendering
from trainer.data.dataset import LEAD, Dataset, held_out_exchanges
from trainer.data.split import Split, split
from trainer.reading.conversations import TooLittle, conversations, learnable, views
from trainer.reading.memory import MOST
from trainer.reading.prompt import PromptSpec
from trainer.reading.sensitive.spans import Kind

SPEC = PromptSpec()


def dataset(store, tokenizer, spec, train) -> Dataset:
    return rendering.dataset(divide(store, train), tokenizer, spec, train)


def divide(store, train) -> Split:
    return split(store, agreed(store), config_with(train))


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
    separator, close = hf.control(SPEC.frame.burst_separator), hf.control(SPEC.frame.turn_close)
    counted = [token for token, learned in zip(row.ids, row.learned, strict=True) if learned]
    assert counted == [*hf.text("yep"), separator, *hf.text("why"), close, *hf.text("ok"), close]


def test_everyone_may_be_learned_but_the_owner_is_measured(store, made, hf):
    everyone = dataset(store, hf, SPEC, Train(learn="everyone"))
    assert everyone.learned_tokens > made.learned_tokens
    assert everyone.tokens == made.tokens
    assert everyone.held_out == made.held_out


def test_a_session_across_the_cut_is_learned_before_it_and_measured_after_it(store, hf, made):
    """Nothing that was sent since then is learned, not even the end of a burst; what is measured sees it all."""
    cut = made.held_out_since
    store.save_peers([zoe := Peer(7, PeerKind.USER, "Zoe")])
    said = [(-30, True, "early"), (-20, False, "so"), (-10, True, "begun"), (5, True, "ended"), (6, False, "late")]
    store.add(
        Message(zoe.peer_id, n, 1 if own else 7, cut + timedelta(minutes=minute), own, text)
        for n, (minute, own, text) in enumerate(said, 1)
    )
    history = divide(store, Train(learn="everyone"))
    assert history.since == cut
    (learned,) = (one for one in history.learned if one.chat_id == zoe.peer_id)
    assert [turn.texts for turn in learned.turns] == [("early",), ("so",)]
    assert not [row for row in dataset(store, hf, SPEC, Train()).held_out if row.chat_id == zoe.peer_id]


def test_a_talk_that_never_ends_is_cut_at_a_silence(tmp_path):
    with open_store(tmp_path / "letters.db") as letters:
        letters.save_peers([OWNER, BEN])
        letters.add(
            Message(2, day + 1, 1 if day % 2 else 2, START + timedelta(days=day), bool(day % 2), f"dear friend {day}?")
            for day in range(100)
        )
        history = divide(letters, Train(session_gap_minutes=60))
    assert history.since == START + timedelta(days=91)
    assert [len(one.turns) for one in history.learned] == [91]


def test_a_talk_without_a_silence_is_cut_in_its_midst(tmp_path):
    with open_store(tmp_path / "evening.db") as evening:
        evening.save_peers([OWNER, BEN])
        evening.add(
            Message(2, minute + 1, 1 if minute % 2 else 2, START + timedelta(minutes=minute), bool(minute % 2), "so")
            for minute in range(200)
        )
        history = divide(evening, Train())
    assert history.since == START + timedelta(minutes=181), "the last tenth of 100 turns"
    assert [len(one.turns) for one in history.learned] == [181]


def test_a_row_teaches_behind_a_little_of_the_history_and_measures_behind_all_of_it(store, hf, made):
    """Ben and Eve talk for long in the club before Ann says a word, once before the cut and once after it."""
    for since in (START, made.held_out_since):
        at = since + timedelta(hours=12)
        before = [(BEN if number % 2 else EVE, f"and number {number} is here") for number in range(20)]
        store.add(
            Message(CLUB.peer_id, at.toordinal() + n, one.peer_id, at + timedelta(seconds=n), one is OWNER, text)
            for n, (one, text) in enumerate([*before, (OWNER, "enough"), (EVE, "well"), (OWNER, "really")])
        )
    whole = dataset(store, hf, SPEC, Train())

    def rows_with(rows):
        return [(row, words) for row in rows if "enough" in (words := hf.words(list(row.ids)))]

    ((taught, shown),), ((_, measured),) = rows_with(whole.learned), rows_with(whole.held_out)
    assert "number 0" in measured and "number 0" not in shown and "number 19" in shown
    assert taught.learned_turns == 2 and LEAD / 2 < taught.learned.index(True) < 2 * LEAD


def test_of_what_is_too_long_for_a_reply_the_beginning_is_learned(store, hf):
    """In a row of its own, which begins as the bot's prompt does; where it is cut is not learned."""
    long = {one.sent_at: f"day {one.message_id}: {one.message_id * 7919**200}" for one in talk() if one.text == "yep"}
    store.add(replace(one, text=long[one.sent_at], edited_at=START) for one in talk() if one.sent_at in long)
    made = dataset(store, hf, SPEC, Train())
    learned = {row: hf.words(list(compress(row.ids, row.learned))) for row in (*made.learned, *made.held_out)}
    cut = {row: words for row, words in learned.items() if words.startswith("day")}
    assert len(cut) == 40
    for row, words in cut.items():
        assert any(text.startswith(words) for text in long.values())
        assert SPEC.reply_tokens / 2 < sum(row.learned) <= SPEC.reply_tokens
        assert row.learned_turns == 1 and row.learned_bytes == len(words.encode())


def test_who_has_the_owners_name_is_told_from_him(store):
    store.save_peers([ben := replace(BEN, name="Ann"), replace(EVE, name=" Ann")])
    every = conversations(store, [ben, CLUB], views(store, config_with(Train()), {}, region=None))
    assert {one.scene.describe() for one in every} == {"Ann and Ann 2", "Ann in the group Club"}
    assert {(turn.name.strip(), turn.own) for one in every for turn in one.turns} == {("Ann", True), ("Ann 2", False)}


def test_the_doubles_own_words_are_not_learned(store, hf, made):
    before = made.learned_tokens
    with store.database.atomic():
        ghostwritten.mark(store.database, BEN.peer_id, 5)
    after = dataset(store, hf, SPEC, Train())
    assert before - after.learned_tokens == len(hf.text("ok")) + 1
    assert after.tokens < made.tokens, "nothing is read after the last word that is learned"


def test_who_somebody_is_stands_in_the_header_of_most_rows(store, hf):
    train = Train(relations={"Ben": "brother", "-3": "rope team"})
    scenes = [one.scene.describe() for one in divide(store, train).learned]
    assert 0 < sum("(" not in scene for scene in scenes) < len(scenes) / 3
    assert {"Ann and Ben (brother)", "Ann in the group Club (rope team)"} <= set(scenes)
    held_out = {one.scene.describe() for one in divide(store, train).held_out}
    assert held_out == {"Ann and Ben (brother)", "Ann in the group Club (rope team)"}


def test_a_relation_of_nobody_is_refused(store):
    with pytest.raises(ConfigError, match="no chat is called Bem") as caught:
        divide(store, Train(relations={"Bem": "brother"}))
    assert "Ben" in caught.value.fix


def test_a_gap_that_is_set_is_everybodys(store):
    half = timedelta(minutes=30)
    assert set(divide(store, Train(session_gap_minutes=30)).gaps.values()) == {half}
    read = views(store, config_with(Train()), {BEN.peer_id: half}, region=None)
    assert read.of(CLUB).gap == half, "a chat that the model never met is read as the others"
    assert divide(store, Train()).gaps[BEN.peer_id] != half


@pytest.mark.parametrize(("region", "read"), [("RU", "[phone 1]"), (None, "8 (916) 123-45-67")])
def test_numbers_are_hidden_as_a_model_was_taught_and_not_as_the_configuration_has_it_now(store, region, read):
    first = next(iter(talk()))
    store.add([replace(first, text="8 (916) 123-45-67", edited_at=START)])
    every = conversations(store, [BEN], views(store, config_with(Train()), {}, region=region))
    assert every[0].turns[0].texts == (read,)


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
    read = views(store, config_with(Train()), made.gaps, region=None)
    exchanges = held_out_exchanges(store, learnable(store, agreed(store)), read, since=made.held_out_since)
    assert [exchange.reply.texts for exchange in exchanges] == [("yep", "why"), ("ok",)] * 4
    assert all(exchange.at >= made.held_out_since for exchange in exchanges)
    first, second = exchanges[:2]
    assert second.history == (*first.history, first.reply, second.history[-1])
    assert all(len(one.times) == len(one.history) and one.times[-1] < one.at for one in exchanges)
    assert all(a.at <= b.at for a, b in pairwise(exchanges))


def test_no_secret_is_in_any_row(store, hf):
    secret = "+7 916 123-45-67"
    store.add(
        replace(message, text=f"{message.text} {secret}", edited_at=START) for message in talk() if message.outgoing
    )
    history = divide(store, Train())
    assert history.redacted == {Kind.PHONE: 40 * 3}
    made = rendering.dataset(history, hf, SPEC, Train())
    words = [hf._tokenizer.decode(row.ids) for row in (*made.learned, *made.held_out)]
    assert all("[phone 1]" in row and "916" not in row for row in words)


PARAGRAPH = "I walked to the river today and it was green, as it always is in the first week of May."


def test_notes_are_learned_as_the_owners_words_up_to_their_share(store, made, hf, tmp_path):
    (tmp_path / "a.md").write_text("\n\n".join(f"{PARAGRAPH} {day}" for day in range(400)))
    (tmp_path / "b.txt").write_text("Call 8 916 123-45-67")
    train = Train(notes=(f"{tmp_path}/*.md", f"{tmp_path}/*.txt", f"{tmp_path}/*.me"), notes_share=0.5)
    history = divide(store, train)
    mixed = rendering.dataset(history, hf, PromptSpec(length=128), train)
    notes = [row for row in mixed.learned if row.chat_id is None]
    share = sum(len(row.ids) for row in notes) / mixed.tokens
    assert 0.5 <= share < 0.52 and max(len(row.ids) for row in notes) <= 128
    assert (mixed.chats, mixed.sessions, mixed.held_out) == (made.chats, made.sessions, made.held_out)
    words = hf._tokenizer.decode(notes[0].ids)
    assert words.startswith("<|im_start|>system\nAnn writes<|im_end|>\n<|im_start|>Ann\nI walked")
    learned = [token for token, counted in zip(notes[0].ids, notes[0].learned, strict=True) if counted]
    assert len(hf._tokenizer.decode(learned).encode()) == notes[0].learned_bytes
    assert history.notes.skipped == (f"{tmp_path}/*.me: no such file",)
    assert rendering.dataset(divide(store, train), hf, PromptSpec(length=128), train).digest() == mixed.digest()


def test_what_is_held_out_is_not_learned_from_notes(store, tmp_path):
    last = max(message.message_id for message in talk() if message.outgoing)
    store.add(replace(message, text=PARAGRAPH, edited_at=START) for message in talk() if message.message_id == last)
    (tmp_path / "a.md").write_text(f"Diary\n\nMay 3. {PARAGRAPH}\n\nAnd it rained.")
    assert divide(store, Train(notes=(f"{tmp_path}/a.md",))).notes.texts == ("Diary\n\nAnd it rained.",)


def test_no_history_no_words_and_too_few_words_are_said_with_a_fix(tmp_path, hf):
    with open_store(tmp_path / "empty.db") as store:
        with pytest.raises(TooLittle, match="no history yet"):
            views(store, config_with(Train()), {}, region=None)
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


CANARY = "zebracanary"
TOLD = re.compile(r"is (Ben|Eve)(\d+)")


def test_no_row_tells_of_another_chat_or_of_what_came_later(store, hf):
    """Ann is asked about the same secret word, by Ben and by Eve, on days that are learned and on days that are not.

    Each row, learned or held out, may tell again what this one was answered before, and nothing else.
    """
    store.save_peers([EVE])
    days = (2, 20, 30, 36, 37, 38, 39)
    for chat, hour in ((BEN, 8), (EVE, 9)):
        for day in days:
            at = START + timedelta(days=day, hours=hour)
            store.add([Message(chat.peer_id, 5000 + 2 * day, chat.peer_id, at, False, f"what of the {CANARY}?")])
            told = f"the {CANARY} is {chat.name}{day}"
            store.add([Message(chat.peer_id, 5001 + 2 * day, OWNER.peer_id, at + timedelta(minutes=1), True, told)])
    made = dataset(store, hf, PromptSpec(length=1024), Train(seed=4))
    names = {BEN.peer_id: "Ben", EVE.peer_id: "Eve"}
    recalling = Counter()
    for part, rows in (("learned", made.learned), ("held out", made.held_out)):
        for row in rows:
            told = TOLD.findall(hf._tokenizer.decode(row.ids))
            assert {name for name, _ in told} <= {names.get(row.chat_id)}
            before = [int(day) for _, day in told][:-1]
            assert all(START + timedelta(days=day + 1) < row.at for day in before), "of earlier days, and not its own"
            recalling[part] += len(before)
    assert made.held_out_since == START + timedelta(days=37, hours=9)
    assert recalling["learned"] and recalling["held out"] == 2 * MOST, "all of Ben's; with Eve it is all they speak of"
