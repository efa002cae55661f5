"""The store on real SQLite files: idempotent, whole pages or none, for the owner's eyes only."""

import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database, Migrations

from exporter.errors import DoppelgangerError
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.store import Interval, Store, merge, open_store

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
OWNER = Peer(1, PeerKind.SELF, "Owner")
ANNA = Peer(7, PeerKind.USER, "Anna", "anna", access_hash=-(2**62))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "doppelganger.db") as opened:
        opened.save_peers([OWNER, ANNA])
        yield opened


def said(message_id: int, text: str = "hi", **values: object) -> Message:
    message = Message(7, message_id, 7, NOON + timedelta(minutes=message_id), outgoing=False, text=text)
    return replace(message, **values)


def test_what_is_stored_comes_back(store: Store) -> None:
    full = Message(
        7,
        3,
        1,
        NOON,
        True,
        "смотри 🙂",
        MessageKind.VOICE,
        "👍",
        12,
        2,
        True,
        True,
        NOON + timedelta(hours=1),
    )
    store.add([full, said(4)])
    assert list(store.messages(7)) == [full, said(4)]


def test_adding_twice_is_adding_once(store: Store) -> None:
    page = [said(n) for n in range(1, 101)]
    assert store.add(page) == page
    assert store.add([*page, said(101)]) == [said(101)]
    assert len(list(store.messages(7))) == 101


def test_11_an_older_page_never_overwrites_a_newer_edit(store: Store) -> None:
    edited = said(5, "new", edited_at=NOON + timedelta(days=1))
    store.add([edited])
    store.add([said(5, "old")])
    store.add([said(5, "older edit", edited_at=NOON)])
    assert list(store.messages(7)) == [edited]
    newest = said(5, "newest", edited_at=NOON + timedelta(days=2))
    store.add([newest])
    assert list(store.messages(7)) == [newest]


def test_a_page_and_its_interval_are_one_transaction(store: Store) -> None:
    broken = said(2, text=None)
    with pytest.raises(sqlite3.IntegrityError):
        store.add([said(1), broken], complete=(7, Interval(1, 2)))
    assert list(store.messages(7)) == []
    assert store.intervals(7) == ()


def test_intervals_join_where_they_touch(store: Store) -> None:
    store.add([], complete=(7, Interval(901, 1000)))
    store.add([], complete=(7, Interval(1, 100)))
    store.add([], complete=(8, Interval(101, 900)))
    assert store.intervals(7) == (Interval(1, 100), Interval(901, 1000))
    store.add([], complete=(7, Interval(101, 900)))
    assert store.intervals(7) == (Interval(1, 1000),)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)).map(lambda p: Interval(p[0], p[0] + p[1]))))
def test_merged_intervals_hold_the_same_ids_apart(intervals: list[Interval]) -> None:
    merged = merge(intervals)
    ids = {n for one in intervals for n in range(one.lo, one.hi + 1)}
    assert {n for one in merged for n in range(one.lo, one.hi + 1)} == ids
    assert all(low.hi + 1 < high.lo for low, high in pairwise(merged))


def test_recent_is_the_end_of_the_chat_oldest_first(store: Store) -> None:
    store.add(said(n) for n in range(1, 10))
    assert [m.message_id for m in store.recent(7, limit=3)] == [7, 8, 9]
    assert store.recent(8, limit=3) == []


def test_chats_are_counted_largest_first(store: Store) -> None:
    store.save_peers([Peer(-5, PeerKind.GROUP, "Climbers")])
    store.add([said(1), said(2, outgoing=True), *(said(n, chat_id=-5) for n in range(3))])
    assert [(chat.peer.name, chat.messages, chat.own) for chat in store.chats()] == [
        ("Climbers", 3, 0),
        ("Anna", 2, 1),
    ]


def test_an_import_does_not_erase_what_telegram_told(store: Store) -> None:
    store.save_peers([Peer(7, PeerKind.USER, "Anna B.")])
    assert store.peers()[7] == replace(ANNA, name="Anna B.")
    store.save_peers([replace(ANNA, username=None)])
    assert store.peers()[7] == replace(ANNA, username=None)


def test_one_store_has_one_owner(store: Store) -> None:
    assert store.owner() == OWNER
    with pytest.raises(DoppelgangerError, match="Owner"):
        store.save_peers([Peer(2, PeerKind.SELF, "Somebody else")])
    assert store.owner() == OWNER


def test_the_file_and_its_companions_are_private(tmp_path: Path) -> None:
    path = tmp_path / "doppelganger.db"
    path.touch(mode=0o644)
    with open_store(path) as store:
        store.add([said(1)])
        files = list(tmp_path.iterdir())
        assert len(files) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_other_packages_bring_their_own_tables(tmp_path: Path) -> None:
    drafts = Migrations("bot")

    @drafts()
    def m001_drafts(db: Database) -> None:
        db.table("drafts").create({"draft_id": int}, pk="draft_id")

    for _ in range(2):
        with open_store(tmp_path / "doppelganger.db", drafts) as store:
            assert store.database.table("drafts").exists()


def test_two_processes_may_write(tmp_path: Path) -> None:
    path = tmp_path / "doppelganger.db"
    with open_store(path) as one, open_store(path) as other:
        assert len(one.add([said(1)])) == 1
        assert len(other.add([said(1), said(2)])) == 1
        assert len(one.recent(7, limit=9)) == 2


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "doppelganger.db"
    path.write_text("not a database, but long enough to look at" * 50)
    with pytest.raises(DoppelgangerError, match="no SQLite database"), open_store(path):
        pass


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DoppelgangerError, match="cannot be opened"), open_store(tmp_path / "no" / "x.db"):
        pass
