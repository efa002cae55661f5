"""Consent: the rule of what holds, and that nothing of a chat is asked for or kept without it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from exporter.commands import main
from exporter.errors import DoppelgangerError
from exporter.following.requests import Problem, Requests, Wish
from exporter.imports import import_file
from exporter.messages import ELSEWHERE, Peer, PeerKind
from exporter.pulling.plan import Options
from exporter.rights.consent import NAMED, SCOPES, Entry, Ledger, NoConsent, left_out, standing
from exporter.settings.config import Config, Consent
from exporter.settings.selection import TELEGRAM
from exporter.storing.schema import migrations
from exporter.storing.store import Store
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import Command, history
from .exports import account, chat, record, write
from .listening import PERIOD, Listener, following, until
from .pulling import EVERYBODY, pull, requests, texts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = Consent()
ANNA = Peer(5, PeerKind.USER, "Anna")
FLAT = Peer(-9, PeerKind.GROUP, "Flat")
HALL = Peer(-1000000000009, PeerKind.GROUP, "Flat")

moments = st.integers(0, 9).map(lambda seconds: NOW + timedelta(seconds=seconds))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    granted_at = draw(moments)
    ended = draw(st.none() | st.integers(0, 9).map(lambda seconds: granted_at + timedelta(seconds=seconds)))
    return Entry(draw(st.sampled_from([5, 6])), "store", granted_at, ended)


@given(st.lists(entries()), st.booleans(), st.randoms())
def test_the_last_word_holds_and_without_any_the_default(said: list[Entry], default: bool, random: object) -> None:
    found = standing(said, default=default)
    if not said:
        assert found.holds is default and found.entry is None
        return
    last = max(entry.said_at for entry in said)
    of_last = [entry for entry in said if entry.said_at == last]
    assert found.entry in of_last
    assert found.holds is all(entry.revoked_at is None for entry in of_last)
    random.shuffle(said)
    assert standing(said, default=not default).holds is found.holds


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database(memory=True)
    migrations.apply(database)
    yield database
    database.close()


acts = st.tuples(st.booleans(), st.sampled_from(SCOPES), st.integers(-2, 2), st.none() | st.text("ab", min_size=1))


@given(st.lists(acts, max_size=8), st.booleans())
@settings(max_examples=40, deadline=None)
def test_whatever_is_granted_and_revoked_the_last_act_counts_and_nothing_is_lost(said: list, default: bool) -> None:
    """Also within one second, and where the clock goes back."""
    database, now = Database(memory=True), NOW
    migrations.apply(database)
    ledger = Ledger(database, Consent(default={"private": SCOPES}) if default else NOBODY)
    expected, rows, notes = dict.fromkeys(SCOPES, default), 0, set()
    for grants, scope, seconds, note in said:
        now += timedelta(seconds=seconds)
        (ledger.grant if grants else ledger.revoke)(ANNA, [scope], now, note)
        notes |= {note} if note and (grants or expected[scope]) else set()
        expected[scope] = grants
        assert {one: ledger.allows(ANNA, one) for one in SCOPES} == expected
        found = database.execute("select count(*) from consent").fetchone()[0]
        assert found >= rows
        rows = found
    written = database.execute("select note from consent where note is not null").fetchall()
    assert notes <= {note for (row,) in written for note in row.split("; ")}
    database.close()


def test_the_default_is_by_kind_and_login_codes_are_of_none(database: Database) -> None:
    ledger = Ledger(database, Consent(default={"private": {"store", "reply"}, "group": {"store"}}))
    assert ledger.allows(ANNA, "store", "reply") and not ledger.allows(ANNA, "store", "learn")
    assert ledger.lacks(FLAT, SCOPES) == ["learn", "reply"]
    assert ledger.lacks(Peer(-1000000000001, PeerKind.CHANNEL, "News"), SCOPES) == [*SCOPES]
    assert ledger.lacks(Peer(TELEGRAM, PeerKind.USER, "Telegram"), SCOPES) == [*SCOPES]
    assert Ledger(database, NOBODY).lacks(Peer(1, PeerKind.SELF, "Olive"), SCOPES) == ["learn", "reply"]


def test_a_group_takes_what_was_agreed_along_when_it_becomes_a_supergroup(store: Store) -> None:
    ledger = Ledger(store.database, NOBODY)
    ledger.grant(FLAT, ["store"], NOW)
    assert not ledger.allows(HALL, "store")
    store.state.migrate(FLAT.peer_id, HALL.peer_id)
    assert ledger.allows(HALL, "store") and ledger.chats() == {HALL.peer_id}
    ledger.revoke(HALL, ["store"], NOW + timedelta(days=1))
    assert not ledger.allows(HALL, "store") and not ledger.allows(FLAT, "store")


def test_who_refused_on_one_messenger_has_refused_on_both(store: Store) -> None:
    elsewhere, ledger = Peer(ELSEWHERE + 1, PeerKind.USER, "Anna"), agreed(store)
    ledger.grant(ANNA, ["store"], NOW)
    ledger.revoke(elsewhere, ["store"], NOW + timedelta(hours=1))
    assert ledger.allows(ANNA, "store")
    store.state.join(elsewhere.peer_id, ANNA.peer_id)
    assert not ledger.allows(ANNA, "store") and ledger.refuses(elsewhere.peer_id, "store")
    assert ledger.allows(ANNA, "learn") and not ledger.refuses(ANNA.peer_id, "learn")


def test_of_many_that_are_left_out_some_are_named() -> None:
    assert left_out([Peer(7, PeerKind.USER, "Big Boris")]) == [
        "Big Boris is left out: no consent; python -m exporter consent 'Big Boris' --store"
    ]
    many = left_out([Peer(number, PeerKind.USER, f"P{number}") for number in range(NAMED + 2)])
    assert len(many) == NAMED + 1 and many[-1].startswith("2 more are left out")


async def test_acceptance_15_a_chat_without_consent_is_never_asked_for(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    history(world, owner, boris, count=3)
    ledger = Ledger(store.database, NOBODY)
    ledger.grant(Peer(anna.id, PeerKind.USER, "Anna"), ["store"], NOW)
    for options in (Options(), Options(recheck=True)):
        result = await pull(logged_in, store, options, ledger=ledger)
        assert result.chats == 1
        assert result.warnings == ("Boris is left out: no consent; python -m exporter consent Boris --store",)
    assert {request.peer.user_id for request in requests(world)} == {anna.id}
    assert (len(texts(store, anna)), texts(store, boris)) == (3, [])
    with pytest.raises(NoConsent, match="no consent to store what is said with Boris"):
        await pull(logged_in, store, Options(chats=("Boris",)), ledger=ledger)
    assert {request.peer.user_id for request in requests(world)} == {anna.id}
    ledger.grant(store.peers()[boris.id], ["store"], NOW)
    assert (await pull(logged_in, store, ledger=ledger)).warnings == ()
    assert len(texts(store, boris)) == 3


async def test_revoked_during_a_sync_nothing_more_is_asked_for_or_kept(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=350)
    ledger, peer = agreed(store), Peer(anna.id, PeerKind.USER, "Anna")

    def revoke(step: object) -> None:
        if step.stage == "Anna":
            ledger.revoke(peer, ["store"], NOW)

    await pull(logged_in, store, ledger=ledger, report=revoke)
    assert (len(requests(world)), len(texts(store, anna))) == (1, 100)


async def test_acceptance_15_a_revocation_reaches_a_running_follower(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=1, text="hers")
    history(world, owner, boris, count=1, text="his")
    listener = Listener()
    async with following(logged_in, store, listener, kinds={"private"}) as live:
        await until(lambda: live.reconciler.looked_at)
        agreed(store).revoke(store.peers()[anna.id], ["store"], NOW)
        world.calls.clear()
        world.say(anna, owner, "not for you")
        world.say(boris, owner, "news 0")
        await listener.hears(("news 0", True))
        looked = live.reconciler.looked_at
        await until(lambda: live.reconciler.looked_at > looked)
        assert texts(store, anna) == ["hers"]
        assert all(request.peer.user_id != anna.id for request in requests(world))
        agreed(store).grant(store.peers()[anna.id], ["store"], NOW + timedelta(seconds=2 * PERIOD))
        await until(lambda: texts(store, anna) == ["hers", "not for you"])


async def test_the_consent_of_who_asks_counts_not_of_who_syncs(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=1)
    async with following(logged_in, store, Listener(), kinds={"private"}):
        asked = Requests(store.database)
        request_id = asked.ask(Wish(EVERYBODY, Options(), NOBODY))
        await until(lambda: asked.get(request_id).outcome)
        outcome = asked.get(request_id).outcome
    assert isinstance(outcome, Problem) and "no consent to store what is said with Anna" in outcome.problem


def test_an_import_leaves_out_only_whose_consent_was_revoked(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path, account(chat(record(1), record(2), chat_id=5), chat(record(3), chat_id=6)))
    assert import_file(store, file).left_out == ()
    ledger = Ledger(store.database, NOBODY)
    ledger.revoke(store.peers()[5], ["store"], NOW)
    longer = write(tmp_path, account(chat(record(1), record(9), chat_id=5), chat(record(3), record(4), chat_id=6)))
    result = import_file(store, longer)
    assert [(peer.peer_id, records) for peer, records in result.left_out] == [(5, 2)]
    assert (result.chats, result.new, store.count(5), store.count(6)) == (1, 1, 2, 2)


@pytest.fixture
def unasked(config_file: Path) -> None:
    """A configuration by which nobody agrees to anything."""
    settings = config_file.read_text()
    begin, end = settings.index("[consent.default]"), settings.index("[sync]")
    config_file.write_text(settings[:begin] + settings[end:])


Consenting = Callable[..., Result]


@pytest.fixture
def consent(config_file: Path) -> Consenting:
    """The command, in this process."""

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["consent", *arguments, "--config", str(config_file)])

    return call


async def test_from_a_refusal_to_a_grant_and_back_on_the_command_line(
    world: World, owner: User, anna: User, unasked: None, logged_in: Config, command: Command, consent: Consenting
) -> None:
    history(world, owner, anna, count=2)
    refused = await command("sync")
    assert refused.code == 2 and "python -m exporter consent Anna --store" in refused.err
    assert requests(world) == []
    granted = consent("Anna", "--store", "--reply", "--note", "asked her")
    assert granted.exit_code == 0 and granted.output.count("asked her") == 2 and "by default" in granted.output
    synced = await command("sync")
    assert synced.code == 0 and "2 of them new" in synced.out
    revoked = consent("@anna_b", "--revoke")
    assert "open drafts are withdrawn" in revoked.output and "python -m exporter forget Anna" in revoked.output
    line = next(line for line in consent().output.splitlines() if "Anna" in line)
    assert line.count("no,") == 3


def test_a_group_is_named_by_its_id_and_what_makes_no_sense_is_refused(store: Store, consent: Consenting) -> None:
    with pytest.raises(DoppelgangerError, match="no chats are known yet"):
        raise consent("Flat", "--store").exception
    store.save_peers([FLAT])
    assert "Note: to answer is to keep" not in consent(str(FLAT.peer_id), "--reply").output
    consent("flat", "--revoke", "--store")
    assert "Note: to answer is to keep" in consent(str(FLAT.peer_id), "--reply").output
    assert [consent(*wrong).exit_code for wrong in (["--store"], ["Flat", "--note", "well"])] == [2, 2]
