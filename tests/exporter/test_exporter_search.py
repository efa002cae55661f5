"""The full-text index on real SQLite files: what is typed finds what was said, and what was erased leaves no word."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from exporter.finding.search import Hit, Scope, Term, around, count, find, parse
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.progress import Step
from exporter.storing import fulltext
from exporter.storing.fulltext import catch_up, index_chunk
from exporter.storing.schema import migrations
from exporter.storing.store import Store, open_store

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
OWNER, ANNA, GROUP = 1, 7, -5


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "doppelganger.db") as opened:
        opened.save_peers([Peer(OWNER, PeerKind.SELF, "Olive"), Peer(ANNA, PeerKind.USER, "Anna")])
        yield opened


@contextmanager
def store_in_memory() -> Iterator[Store]:
    database = Database(memory=True)
    migrations.apply(database)
    with closing(database.conn):
        yield Store(database)


def said(message_id: int, text: str, **values: object) -> Message:
    message = Message(ANNA, message_id, ANNA, NOON + timedelta(minutes=message_id), outgoing=False, text=text)
    return replace(message, **values)


def hits(store: Store, *words: str, **options: object) -> list[Hit]:
    catch_up(store.database)
    return find(store, parse(words), now=NOON, **options)


def found(store: Store, *words: str, **options: object) -> list[str]:
    return [hit.message.text for hit in hits(store, *words, **options)]


def is_whole(store: Store) -> bool:
    """Whether the index holds exactly the words of all messages; SQLite compares the two."""
    store.database.execute("insert into message_words (message_words, rank) values ('integrity-check', 1)")
    return True


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("See you at the CAFÉ", "cafe"),
        ("see you at the cafe\u0301", "Café"),
        ("Ёлка уже стоит", "елка"),
        ("елка уже стоит", "Ёлка"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("שָׁלוֹם לך", "שָׁלוֹם"),
        ("नमस्ते आप", "नमस्ते"),
        ("party🎉tonight ❤️", "tonight"),
        ("party🎉tonight ❤️", "🎉"),
        ("party🎉tonight ❤️", "❤"),
        ("party🎉tonight ❤", "❤️"),
        ("what a day :)", ":)"),
        ("I don't know", "don't"),
        ("C++ or rust", "c++"),
        ("see you tomorrow", "tomor*"),
        ("see you tomorrow", '"see you tom*"'),
        ('she said "no"', '"said no"'),
    ],
)
def test_what_is_typed_finds_what_was_said(store: Store, text: str, word: str) -> None:
    store.add([said(1, text), said(2, "something else")])
    assert found(store, word) == [text]


@pytest.mark.parametrize(
    "words", ["AND", "b OR c", "NEAR(b c)", "text:b", "-b", "^b", "b + c", "b AND", "NOT b", "(", "{", "\\", "'"]
)
def test_what_is_typed_is_never_a_language(store: Store, words: str) -> None:
    store.add([said(1, "c d b x"), said(2, f"so {words} it is")])
    assert f"so {words} it is" in found(store, words)
    assert found(store, words) == [f"so {words} it is"] or words.strip("-^") == "b"


@pytest.fixture(scope="module")
def empty() -> Iterator[Store]:
    with store_in_memory() as store:
        yield store


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=5), st.booleans())
def test_nothing_that_is_typed_is_an_error(empty: Store, words: list[str], every: bool) -> None:
    assert find(empty, parse(words), now=NOON, scope=Scope(ANNA), every=every) == []


def test_a_whole_message_may_be_the_question(store: Store) -> None:
    store.add([said(1, "goose")])
    assert found(store, *(f"word{number}" for number in range(2_000)), "goose", every=False) == ["goose"]


def test_words_are_all_wanted_and_a_phrase_in_its_order(store: Store) -> None:
    store.add([said(1, "we see the sea"), said(2, "the sea is calm"), said(3, "sea, the")])
    assert set(found(store, "the", "sea")) == {"we see the sea", "the sea is calm", "sea, the"}
    assert found(store, "calm", "sea") == ["the sea is calm"]
    assert set(found(store, "the sea")) == set(found(store, '"the sea"')) == {"we see the sea", "the sea is calm"}
    assert set(found(store, "calm", "see", every=False)) == {"the sea is calm", "we see the sea"}
    assert found(store, "se") == []


def test_terms() -> None:
    assert parse(["a", "b c", 'd"e f"*g', "h*", "*", "", "\udcff\0"]) == (
        Term("a"),
        Term("b c"),
        Term("d"),
        Term("e f"),
        Term("*g"),
        Term("h", is_prefix=True),
        Term("?"),
    )


def test_the_rare_the_short_and_the_recent_come_first(store: Store) -> None:
    year = timedelta(days=365)
    store.add(said(number, "the usual words of every day") for number in range(10, 60))
    store.add([said(1, "a goose", sent_at=NOON - 9 * year), said(2, "a goose", sent_at=NOON - timedelta(days=1))])
    store.add([said(3, "a goose in the park, where the usual words of every day are said", sent_at=NOON - year)])
    assert [hit.message.message_id for hit in hits(store, "goose")] == [2, 1, 3]
    assert found(store, "park", "usual", every=False, limit=1) == found(store, "park")


def test_only_a_chat_and_only_some_days(store: Store) -> None:
    store.add([said(1, "goose"), said(2, "goose", chat_id=GROUP), said(3, "goose 7", chat_id=5)])
    store.add([said(4, "goose", sent_at=NOON + timedelta(days=1))])
    ids = {key: {hit.message.message_id for hit in hits(store, "goose", scope=scope)} for key, scope in SCOPES.items()}
    assert ids == {"anna": {1, 4}, "group": {2}, "first day": {1, 2, 3}, "second day": {4}}
    assert found(store, "7") == ["goose 7"]  # a chat's id is no word of its messages
    assert count(store, Term("goose"), SCOPES["anna"]) == 2


SCOPES = {
    "anna": Scope(ANNA),
    "group": Scope(GROUP),
    "first day": Scope(until=NOON + timedelta(days=1)),
    "second day": Scope(since=NOON + timedelta(days=1)),
}


def test_a_group_that_was_migrated_is_searched_with_its_supergroup(store: Store) -> None:
    supergroup = -1000000000005
    store.state.migrate(GROUP, supergroup)
    before, after = said(1, "a goose", chat_id=GROUP), said(2, "here too", chat_id=supergroup)
    store.add([before, after, said(3, "joined", chat_id=supergroup, kind=MessageKind.SERVICE)])
    [hit] = hits(store, "goose", scope=Scope(supergroup))
    assert (hit.chat_id, hit.message, around(store, hit)) == (supergroup, before, (None, after))


def test_a_hit_stands_between_what_was_said_before_and_after(store: Store) -> None:
    store.add([said(1, "one"), said(2, "two"), said(3, "goose"), said(4, "four"), said(5, "five")])
    store.add([said(9, "elsewhere", chat_id=8, sent_at=NOON + timedelta(minutes=3))])
    store.delete(ANNA, [4], NOON)
    [hit] = hits(store, "goose")
    assert [one and one.text for one in around(store, hit)] == ["two", "five"]


def test_spans_say_where_the_words_stand(store: Store) -> None:
    store.add([said(1, "Ёлка, the goose 🎉 and the Goose"), said(2, "\x01goose")])
    spans = {hit.message.message_id: hit.spans for hit in hits(store, "goose", "елка", "🎉", every=False)}
    assert spans == {1: ((0, 4), (10, 15), (16, 17), (26, 31)), 2: ()}
    assert hits(store, "the goose", "🎉")[0].spans == ((6, 15), (16, 17), (22, 31))


def test_deleted_messages_are_no_answer(store: Store) -> None:
    store.add([said(1, "goose"), said(2, "goose")])
    store.delete(ANNA, [1], NOON)
    assert [hit.message.message_id for hit in hits(store, "goose")] == [2]


def test_only_what_is_new_is_indexed_and_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fulltext, "CHUNK", 4)
    steps: list[Step] = []
    store.add(said(number, "goose") for number in range(10))
    assert find(store, parse(["goose"]), now=NOON) == []
    assert catch_up(store.database, report=steps.append) == 10
    assert [(step.done, step.total) for step in steps] == [(4, 10), (8, 10), (10, 10)]
    store.add([said(20, "gander")])
    assert catch_up(store.database, report=steps.append) == 1
    assert len(steps) == 3
    assert found(store, "gander") == ["gander"]
    assert is_whole(store)


def test_an_index_that_was_interrupted_goes_on(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fulltext, "CHUNK", 4)
    store.add(said(number, "goose") for number in range(10))
    index_chunk(store.database)

    def stop(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catch_up(store.database, report=stop)
    with open_store(tmp_path / "doppelganger.db") as again:
        assert len(hits(again, "goose", limit=20)) == 10
        assert is_whole(again)


texts = st.text("аб ёе", max_size=6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 9), texts),
        st.tuples(st.just("expire"), st.integers(1, 9), st.just("")),
        st.tuples(st.just("index"), st.integers(1, 9), st.just("")),
    ),
    max_size=20,
)


@settings(max_examples=50, deadline=None)
@given(steps)
def test_the_index_is_what_the_messages_say_whatever_happens(steps: list[tuple[str, int, str]]) -> None:
    with store_in_memory() as store:
        for moment, (step, message_id, text) in enumerate(steps, 1):
            at = NOON + timedelta(minutes=moment)
            if step == "write":
                store.add([said(message_id, text, edited_at=at)])
            elif step == "expire":
                store.add([said(message_id, "б", edited_at=at, expires_at=at)])
                store.expire(at)
            else:
                index_chunk(store.database)
        catch_up(store.database)
        assert is_whole(store)
        wanted = [one.message_id for one in store.messages(ANNA) if "ае" in one.text.replace("ё", "е").split()]
        assert len(hits(store, "ае")) == len(wanted)


def test_acceptance_16_the_words_of_what_expired_are_gone_from_the_index(store: Store, tmp_path: Path) -> None:
    words = [f"{letter}word{number}" for number in range(400) for letter in "abcdefghij"]
    store.add(said(number, " ".join(words[number : number + 9])) for number in range(1, 4000))
    store.add([said(5000, "CANARY", expires_at=NOON), said(5001, "canary mno", expires_at=NOON)])
    catch_up(store.database)
    assert any(b"canary" in file.read_bytes().lower() for file in tmp_path.iterdir())
    store.expire(NOON)
    assert not any(b"canary" in file.read_bytes().lower() for file in tmp_path.iterdir())
    assert is_whole(store)


def test_compacting_the_file_leaves_the_index_whole(store: Store, tmp_path: Path) -> None:
    store.add(said(number, f"goose {number}") for number in range(9))
    store.add([said(1, "gone", expires_at=NOON, edited_at=NOON)])
    catch_up(store.database)
    store.expire(NOON)
    store.database.vacuum()
    assert found(store, "goose", "3") == ["goose 3"]
    assert is_whole(store)
    with closing(sqlite3.connect(tmp_path / "doppelganger.db")) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
