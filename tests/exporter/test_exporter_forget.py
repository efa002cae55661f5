"""Forgetting: no byte of somebody is left, nothing brings them back, and it may be interrupted anywhere."""

import multiprocessing
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from bot.tables import migrations as bot_tables
from exporter.account.connection import connect
from exporter.errors import ConfigError, DoppelgangerError
from exporter.messages import Dialog, Peer, PeerKind
from exporter.progress import Step
from exporter.pulling.sync import SyncResult, sync
from exporter.rights.forget import find_person, forget
from exporter.rights.kept import DENY_LIST, Person, snapshot
from exporter.settings.config import Config, Sync
from exporter.storing.fulltext import catch_up
from exporter.storing.intervals import Interval
from exporter.storing.runs import AlreadyTraining, alone
from exporter.storing.store import Store, open_store
from sandbox.values import Forward, User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import BEGIN, history
from .forgetting import ASCII, CYRILLIC, NOW, erase, files_with_canaries, said, small

EVERYTHING = Sync(kinds=frozenset({"private", "group"}), requests_per_second=0)


@pytest.fixture
def anna(world: World) -> User:
    """Everything of hers is a canary."""
    return world.person(f"Anna {ASCII} {CYRILLIC}", username=ASCII)


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    """With the tables of the bot."""
    config.make_state()
    with open_store(config.database, bot_tables) as opened:
        yield opened


@pytest.fixture
def talk(world: World, owner: User, anna: User, boris: User) -> None:
    """She in every kind of place, and others who stay."""
    history(world, owner, anna, count=20, text=f"{ASCII} {CYRILLIC} {{}}")
    flat = world.group("Flat", [owner, anna, boris])
    hers = world.say(anna, flat, f"{ASCII} in a group", date=BEGIN, silent=True)
    world.say(boris, flat, "you said it", reply_to=hers, quote=f"{ASCII} in", date=BEGIN + 1, silent=True)
    world.say(boris, owner, f"{CYRILLIC} passed on", forward=Forward(BEGIN, anna.id), date=BEGIN + 2, silent=True)
    hidden = Forward(BEGIN, name=anna.name)
    world.say(boris, owner, f"{CYRILLIC} hidden", forward=hidden, date=BEGIN + 3, silent=True)
    world.say(boris, owner, "what stays", date=BEGIN + 4, silent=True)


async def pull(config: Config, store: Store, choice: Sync = EVERYTHING) -> SyncResult:
    async with connect(config) as client:
        return await sync(client, store, choice, agreed(store))


def litter(config: Config, store: Store, anna: User) -> None:
    """What other parts of the program leave behind about her."""
    words = f"{ASCII} {CYRILLIC}"
    edited = next(store.messages(anna.id))
    store.add([replace(edited, text="else", edited_at=NOW)])
    store.state.save_topics(anna.id, {1: words})
    store.database.table("draft").insert(
        {"chat_id": anna.id, "answers_to": 1, "proposals": words, "state": "open", "opened_at": 1}
    )
    store.database.table("card").insert({"draft_id": 1, "desk": "saved", "message_id": 5})
    row = {"chat_id": anna.id, "text": words, "random_id": 1, "state": "queued", "queued_at": 1, "changed_at": 1}
    store.database.table("outbox").insert(row)
    store.database.table("sync_request").insert({"wish": words, "state": "ended"})
    store.database.table("training").insert({"ended_at": 1, "told": words})
    assert catch_up(store.database)
    run = config.runs / "0123456789abcdef"
    run.mkdir(parents=True)
    (run / "rows.json").write_text(words)
    with closing(sqlite3.connect(config.session)) as session:
        session.execute("insert or replace into entities values (?, 1, ?, 99, ?, 1)", [anna.id, ASCII, words])
        session.commit()


async def test_acceptance_40_no_byte_is_left_and_no_sync_brings_anybody_back(
    world: World, owner: User, anna: User, boris: User, talk: None, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    litter(logged_in, store, anna)
    assert {"doppelganger.db-wal", "account.session", "rows.json"} <= set(files_with_canaries(logged_in.state))
    erase(logged_in, store, anna.name)
    assert files_with_canaries(logged_in.state) == []
    assert [m.text for m in store.messages(boris.id)] == ["what stays"]
    assert store.forgotten.contacts() == {anna.id: True}
    world.say(anna, owner, f"{ASCII} again")
    world.say(boris, owner, f"{CYRILLIC} again", forward=Forward(BEGIN, anna.id))
    again = await pull(logged_in, store, EVERYTHING.model_copy(update={"recheck_days": 9999.0}))
    assert files_with_canaries(logged_in.state) == []
    assert (again.new, again.warnings) == (0, ())


async def test_what_is_erased_stays_out_of_groups_too_and_so_do_quotes_of_it(
    world: World, owner: User, anna: User, boris: User, talk: None, logged_in: Config, store: Store
) -> None:
    flat = next(iter(world.groups.values()))
    await pull(logged_in, store)
    erase(logged_in, store, anna.id)
    newer = world.say(anna, flat, f"{ASCII} newer", silent=True)
    world.say(boris, flat, "again", reply_to=newer, quote=ASCII, silent=True)
    await pull(logged_in, store)
    assert [(m.text, m.quote) for m in store.messages(-flat.id)] == [("you said it", None), ("again", None)]
    assert files_with_canaries(logged_in.state) == []


async def test_a_configuration_that_names_them_is_told_so(
    anna: User, talk: None, logged_in: Config, store: Store
) -> None:
    choice = EVERYTHING.model_copy(update={"chats": (anna.name,)})
    await pull(logged_in, store, choice)
    erase(logged_in, store, anna.id)
    again = await pull(logged_in, store, choice)
    assert again.warnings == (f"{anna.name} is left out: forgotten; take the name out of the configuration",)
    with pytest.raises(ConfigError, match="no chat is called") as unknown:
        find_person(store, anna.name)
    assert "whoever was forgotten has no name here" in unknown.value.fix


async def test_allowed_again_the_chat_is_fetched_again(
    owner: User, anna: User, talk: None, logged_in: Config, store: Store
) -> None:
    await pull(logged_in, store)
    erase(logged_in, store, anna.id)
    store.forgotten.allow(anna.id)
    await pull(logged_in, store)
    assert len(list(store.messages(anna.id))) == 20 and store.peers()[anna.id].name == anna.name


def tables(store: Store) -> dict[str, int]:
    names = store.database.table_names()
    return {name: count for name in names if (count := store.database.table(name).count) and name not in DENY_LIST}


@pytest.mark.parametrize("contact", [7, -1000000000009])
def test_what_counts_to_a_contact_goes_and_stays_out_with_them(config: Config, store: Store, contact: int) -> None:
    small(store)
    before = tables(store)
    both = set(store.parts(contact))
    assert len(both) == 2
    erase(config, store, contact)
    assert store.forgotten.ids() == both
    store.save_peers([Peer(part, PeerKind.USER, "Anna") for part in both])
    store.add([said(part) for part in both], second_hand=True, complete=(contact, Interval(1, 9)))
    store.state.save_dialogs([Dialog(part) for part in both])
    store.state.save_topics(contact, {1: "trips"})
    store.state.migrate(*sorted(both))
    assert tables(store).keys() <= before.keys()
    with snapshot(store.database, Person(contact, frozenset(both))) as kept:
        assert kept.counts() == {}


def test_what_a_forgotten_group_becomes_is_forgotten(config: Config, store: Store) -> None:
    store.save_peers([Peer(-3, PeerKind.GROUP, "Flat")])
    erase(config, store, -3)
    store.state.migrate(-3, -1000000000009)
    assert store.forgotten.parts(-3) == {-3, -1000000000009}
    assert store.add([said(-1000000000009)]).new == []


def test_the_owner_is_not_forgotten(store: Store) -> None:
    small(store)
    with pytest.raises(DoppelgangerError, match="your own"):
        find_person(store, "Olive")


def test_while_somebody_trains_nothing_is_done(config: Config, store: Store) -> None:
    small(store)
    with alone(config.runs), pytest.raises(AlreadyTraining):
        erase(config, store, 7)
    assert store.forgotten.ids() == frozenset()


def test_another_process_that_reads_is_waited_for(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(store)
    monkeypatch.setattr("exporter.storing.database.PATIENCE", 0.2)
    with closing(sqlite3.connect(config.database)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from messages").fetchone()
        with pytest.raises(DoppelgangerError, match="another process"):
            erase(config, store, 7)
    assert store.forgotten.contacts() == {7: False}
    erase(config, store, 7)
    assert store.forgotten.contacts() == {7: True}


@pytest.mark.parametrize("end", range(6))
def test_killed_anywhere_the_next_call_ends_it(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch, end: int
) -> None:
    """Ctrl-C at the end of each step; a kill loses no more, for each step is a transaction or files alone."""
    small(store)
    store.add([said(9, origin_name="Anna", text=ASCII)])
    steps = iter(range(100))

    def report(step: Step) -> None:
        if next(steps) == end:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forget(config, store, find_person(store, 7), clock=lambda: NOW, report=report)
    assert store.add([said(7, 99)]).new == [], "the deny list comes first"
    erase(config, store, 7)
    assert store.forgotten.contacts() == {7: True} and files_with_canaries(config.state) == []


def test_killed_at_random_moments_the_next_call_ends_it(config: Config, store: Store) -> None:
    small(store)
    store.add(said(7, number, text=f"{ASCII} {number}") for number in range(2, 5_000))
    fork = multiprocessing.get_context("fork")
    for delay in (0.0, 0.01, 0.02, 0.03, 0.05):
        process = fork.Process(target=_forget, args=(config,))
        process.start()
        time.sleep(delay)
        process.kill()
        process.join()
        assert store.database.execute("pragma integrity_check").fetchall() == [("ok",)]
    erase(config, store, 7)
    assert store.forgotten.contacts() == {7: True} and files_with_canaries(config.state) == []


def _forget(config: Config) -> None:
    with open_store(config.database, bot_tables) as store:
        erase(config, store, 7)
