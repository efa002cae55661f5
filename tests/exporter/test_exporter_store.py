"""The store on real SQLite files: idempotent, whole pages or none, for the owner's eyes only."""

import os
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
from exporter.messages import Dialog, Message, MessageKind, Peer, PeerKind, Reaction
from exporter.storing.intervals import Interval, merge
from exporter.storing.store import Added, Store, open_store

from .conftest import versions

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


def test_a_write_says_what_it_changed(store: Store) -> None:
    store.add([said(1, "a"), said(2, "b"), said(3, "c"), said(9), said(3, chat_id=8)])
    store.delete(7, [9], NOON)
    edited, reacted = said(1, "A", edited_at=NOON), said(2, "b", reactions=(Reaction("👍", 1),))
    added = store.add([edited, reacted, said(4)], complete=(7, Interval(1, 20)))
    assert added == Added(new=[said(4)], edited=[edited], stood=3, absent=frozenset({3}))
    assert store.add([said(1, "older")]) == Added([], [], 0, frozenset())
    assert store.add([said(2, "told")], second_hand=True).edited == []


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
    assert store.add(page).new == page
    assert store.add([*page, said(101)]).new == [said(101)]
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


def test_what_is_known_at_second_hand_replaces_nothing_but_by_a_later_edit(store: Store) -> None:
    whole = said(5, "hi", reactions=(Reaction("👍", 1),), edited_at=NOON)
    store.add([whole])
    store.add([said(5, "hi", edited_at=NOON), said(6)], second_hand=True)
    assert list(store.messages(7)) == [whole, said(6)]
    store.add([said(5, "hello", edited_at=NOON + timedelta(days=1))], second_hand=True)
    assert store.recent(7, limit=2)[0].text == "hello"


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
    assert store.names() == {peer.peer_id: peer.name for peer in store.peers().values()}


def test_one_store_has_one_owner(store: Store) -> None:
    assert store.owner() == OWNER
    with pytest.raises(DoppelgangerError, match="Owner"):
        store.save_peers([Peer(2, PeerKind.SELF, "Somebody else")])
    assert store.owner() == OWNER


def test_the_file_and_its_companions_are_private(tmp_path: Path) -> None:
    path = tmp_path / "doppelganger.db"
    before = os.umask(0o000)
    try:
        with open_store(path) as store:
            store.add([said(1)])
            files = list(tmp_path.iterdir())
            assert len(files) == 3
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(before)


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
        assert len(one.add([said(1)]).new) == 1
        assert len(other.add([said(1), said(2)]).new) == 1
        assert len(one.recent(7, limit=9)) == 2


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "doppelganger.db"
    path.write_text("not a database, but long enough to look at" * 50)
    with pytest.raises(DoppelgangerError, match="no SQLite database"), open_store(path):
        pass


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DoppelgangerError, match="cannot be opened"), open_store(tmp_path / "no" / "x.db"):
        pass


def test_everything_that_a_message_carries_comes_back(store: Store) -> None:
    whole = said(
        9,
        quote="of this",
        reply_to=3,
        reply_to_chat=-100_5,
        forwarded=True,
        origin_id=77,
        origin_name="Somebody",
        album=5,
        topic=1,
        action="chat_add_user",
        reactions=(Reaction("👍", 2, own=True), Reaction("5368324170671202286", 1)),
        expires_at=NOON + timedelta(days=1),
    )
    store.add([whole])
    assert list(store.messages(7)) == [whole]


def test_an_edit_keeps_what_was_said_before(store: Store) -> None:
    store.add([said(1, "first")])
    store.add([said(1, "second", edited_at=NOON + timedelta(hours=2))])
    store.add([said(1, "third", edited_at=NOON + timedelta(hours=3))])
    first, second = (NOON + since for since in (timedelta(minutes=1), timedelta(hours=2)))
    assert versions(store, 7, 1) == [("first", first.timestamp()), ("second", second.timestamp())]


def test_edits_within_one_second_keep_the_first_version_and_the_last_words(store: Store) -> None:
    for text in ("one", "two", "three"):
        store.add([said(1, text, edited_at=NOON)])
    assert store.message(7, 1).text == "three"
    assert [text for text, _ in versions(store, 7, 1)] == ["one"]


def test_acceptance_24_a_reaction_is_no_new_version(store: Store) -> None:
    store.add([said(1, "hi")])
    reacted = said(1, "hi", edited_at=NOON + timedelta(hours=2), reactions=(Reaction("❤", 1),))
    store.add([reacted])
    assert (store.message(7, 1), versions(store, 7, 1)) == (reacted, [])
    store.react(7, 1, ())
    assert store.message(7, 1) == replace(reacted, reactions=())


def test_what_was_deleted_is_kept_and_no_longer_part_of_the_chat(store: Store) -> None:
    store.add(said(n) for n in range(1, 4))
    assert store.delete(7, [2, 99], NOON) == [said(2, deleted_at=NOON)]
    assert [m.message_id for m in store.messages(7)] == [m.message_id for m in store.recent(7, limit=9)] == [1, 3]
    assert (store.message(7, 2), store.ids(7, Interval(1, 3))) == (said(2, deleted_at=NOON), {1, 3})
    assert store.chats()[0].messages == 2
    assert store.delete(7, [2], NOON + timedelta(days=1)) == []


def test_what_a_complete_page_shows_is_not_deleted(store: Store) -> None:
    store.add(said(n) for n in range(1, 4))
    store.delete(7, [1, 2], NOON)
    store.add([said(1)])  # an import of an older export
    assert store.ids(7, Interval(1, 3)) == {3}
    store.add([said(2)], complete=(7, Interval(2, 2)))
    assert store.ids(7, Interval(1, 3)) == {2, 3}


def test_a_deletion_without_a_chat_reaches_people_and_basic_groups_alone(store: Store) -> None:
    channel = -1_000_000_000_005
    store.save_peers([Peer(-12, PeerKind.GROUP, "Climbers"), Peer(channel, PeerKind.GROUP, "Runners")])
    store.add([said(5), said(6, chat_id=-12), said(5, chat_id=channel), said(6, chat_id=channel)])
    assert [one.chat_id for one in store.delete_private([5, 6], NOON)] == [7, -12]
    assert store.ids(channel, Interval(1, 9)) == {5, 6}


def test_acceptance_16_what_expires_is_gone_from_every_byte(store: Store, tmp_path: Path) -> None:
    store.add([said(1, "CANARY-ONE", expires_at=NOON), said(2, expires_at=NOON + timedelta(hours=9))])
    store.add([said(1, "CANARY-TWO", expires_at=NOON, edited_at=NOON)])
    assert store.expire(NOON - timedelta(seconds=1)) == 0
    assert store.expire(NOON) == 1
    assert (store.ids(7, Interval(1, 9)), versions(store, 7, 1)) == ({2}, [])
    assert not any(b"CANARY" in file.read_bytes() for file in tmp_path.iterdir())


def test_acceptance_09_a_migrated_group_is_one_chat_with_both_histories(store: Store) -> None:
    new = -1_000_000_000_005
    store.save_peers([Peer(-5, PeerKind.GROUP, "Climbers"), Peer(new, PeerKind.GROUP, "Climbers")])
    store.add([said(10, "old 1", chat_id=-5), said(11, "old 2", chat_id=-5)])
    store.add([said(n, f"new {n}", chat_id=new, sent_at=NOON + timedelta(days=n)) for n in (1, 2)])
    store.state.migrate(-5, new)
    assert [m.text for m in store.messages(new)] == ["old 1", "old 2", "new 1", "new 2"]
    assert [m.text for m in store.recent(new, limit=3)] == ["old 2", "new 1", "new 2"]
    assert [(chat.peer.peer_id, chat.messages) for chat in store.chats()] == [(new, 4)]


def test_dialogs_keep_what_is_not_told_again(store: Store) -> None:
    store.state.save_dialogs([Dialog(7, top=9, messages=8, checked_at=NOON)])
    store.state.save_dialogs([Dialog(7, top=12, protected=True)])
    assert store.state.dialogs() == {7: Dialog(7, 12, 8, protected=True, checked_at=NOON)}


def test_topics_are_known_by_their_latest_title(store: Store) -> None:
    store.state.save_topics(-100_5, {1: "General", 4: "Trips"})
    store.state.save_topics(-100_5, {4: "Travels"})
    assert store.state.topics(-100_5) == {1: "General", 4: "Travels"}
