"""What is pulled, and what is not: the choice, the bounds of a run, chats that vanish, groups that grow.

Numbers in names are acceptance points of the design.
"""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.account.connection import connect
from exporter.account.limiter import Limiter
from exporter.errors import ConfigError
from exporter.messages import MessageKind
from exporter.pulling.estimate import forecast
from exporter.pulling.plan import Options
from exporter.settings.config import Config, Sync
from exporter.storing.intervals import Interval
from exporter.storing.store import Store
from sandbox.box import Box
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import BEGIN, Command, history
from .pulling import pull, requests, texts


def moment(minute: int) -> datetime:
    """When the message of this number was said."""
    return datetime.fromtimestamp(BEGIN + 60 * minute, UTC)


def dump(config: Config) -> list[str]:
    with closing(sqlite3.connect(config.database)) as database:
        return list(database.iterdump())


async def test_acceptance_14_a_dry_run_writes_nothing_and_reads_nothing(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, command: Command
) -> None:
    history(world, owner, anna, count=250)
    history(world, owner, boris, count=3)
    await pull(logged_in, store, choice=Sync(chats=("Boris",), requests_per_second=0))
    before = dump(logged_in)
    world.calls.clear()
    ended = await command("sync", "--dry-run", "--json")
    assert ended.code == 0
    counts = {chat["chat_id"]: chat for chat in json.loads(ended.out)["chats"]}
    anna_row, boris_row = (counts[friend.id] for friend in (anna, boris))
    assert {key: anna_row[key] for key in ("kind", "server", "stored", "missing", "requests")} == {
        "kind": "user",
        "server": 250,
        "stored": 0,
        "missing": 250,
        "requests": 4,
    }
    assert (boris_row["stored"], boris_row["missing"], boris_row["requests"]) == (3, 0, 0)
    assert [request.limit for request in requests(world)] == [1, 1]
    assert dump(logged_in) == before


async def test_a_dry_run_is_a_table_that_names_what_cannot_be_had(
    world: World, owner: User, anna: User, logged_in: Config, command: Command
) -> None:
    history(world, owner, anna, count=250)
    ended = await command("sync", "--dry-run")
    assert [line.split() for line in ended.out.splitlines()[3:4]] == [
        ["Anna", "user", "250", "0", "250", "4", "0:00:00"]
    ]
    assert ended.err.endswith(
        "Secret chats are not among them: Telegram keeps those on the device where they were begun.\n"
    )


async def test_an_option_that_contradicts_another_is_refused(config: Config, command: Command) -> None:
    ended = await command("sync", "--since", "2024-05-02", "--until", "2024-05-01")
    assert ended.code == 2
    assert "--since lies after --until" in ended.err


async def test_acceptance_14_chats_and_times_that_are_not_asked_for_are_not_requested(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=500)
    history(world, owner, boris, count=500)
    result = await pull(logged_in, store, Options(chats=("Anna",), since=moment(350)))
    assert (result.chats, result.new) == (1, 150)
    assert texts(store, anna) == [f"message {number}" for number in range(350, 500)]
    assert [(request.peer.user_id, request.offset_id) for request in requests(world)] == [(anna.id, 0), (anna.id, 401)]
    assert (await pull(logged_in, store)).new == 850
    assert texts(store, anna) == [f"message {number}" for number in range(500)]


async def test_until_begins_where_it_says_and_leaves_the_rest_missing(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=500)
    await pull(logged_in, store, Options(since=moment(100), until=moment(300)))
    assert texts(store, anna) == [f"message {number}" for number in range(100, 300)]
    assert store.intervals(anna.id) == (Interval(101, 300),)
    assert len(requests(world)) == 4
    await pull(logged_in, store, Options(until=moment(0)))
    assert len(store.intervals(anna.id)) == 1
    assert (await pull(logged_in, store)).new == 300
    assert store.intervals(anna.id) == (Interval(1, 500),)


async def test_a_limit_is_of_the_newest_and_holds_over_runs(
    world: World, owner: User, anna: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=500)
    assert (await pull(logged_in, store, Options(limit=130))).new == 130
    assert [request.limit for request in requests(world)] == [100, 30]
    assert texts(store, anna) == [f"message {number}" for number in range(370, 500)]
    world.calls.clear()
    assert (await pull(logged_in, store, Options(limit=130))).new == 0
    assert requests(world) == []
    world.say(anna, owner, "news")
    assert (await pull(logged_in, store, Options(limit=131))).new == 1
    assert (await pull(logged_in, store)).new == 370


async def test_days_on_the_command_line_are_days_in_the_owners_time_zone(
    world: World, owner: User, anna: User, logged_in: Config, command: Command, store: Store
) -> None:
    day = datetime(2024, 5, 1, tzinfo=UTC)
    for hour in range(-2, 27, 2):
        world.say(anna, owner, str(hour), date=(day + timedelta(hours=hour)).timestamp(), silent=True)
    ended = await command("sync", "--since", "2024-05-01", "--until", "2024-05-01", "--chat", str(anna.id))
    assert ended.code == 0
    assert texts(store, anna) == [str(hour) for hour in range(0, 24, 2)]


@pytest.mark.parametrize(
    ("options", "problem", "fix"),
    [
        (Options(chats=("Boris",)), "Boris is not among the chats", 'chats = ["Boris"]'),
        (Options(chats=("Nobody",)), "no chat is called Nobody", "as Telegram shows it"),
        (Options(kinds=frozenset({"channel"})), "no chat of the kind channel", "kinds under"),
    ],
)
async def test_what_is_not_chosen_is_refused_with_its_fix(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, options: Any, problem: str,
    fix: str,
) -> None:  # fmt: skip
    history(world, owner, anna, count=3)
    history(world, owner, boris, count=3)
    with pytest.raises(ConfigError, match=problem) as refused:
        await pull(logged_in, store, options, choice=Sync(chats=("Anna",), requests_per_second=0))
    assert fix in refused.value.fix
    assert requests(world) == []


async def test_kinds_narrow_the_choice(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    flat = world.group("Flat", [owner, anna, boris])
    world.say(boris, flat, "hello all")
    assert (await pull(logged_in, store, Options(kinds=frozenset({"group"})))).new == 1
    assert [request.peer.chat_id for request in requests(world)] == [flat.id]


async def test_a_protected_chat_is_named_and_left_out(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    club = world.group("Club", [owner, anna, boris], protected=True)
    world.say(boris, club, "between us")
    result = await pull(logged_in, store)
    assert (result.chats, [warning.partition(":")[0] for warning in result.warnings]) == (1, ["Club is left out"])
    assert [request.peer.user_id for request in requests(world)] == [anna.id]
    with pytest.raises(ConfigError, match="forbids saving"):
        await pull(logged_in, store, Options(chats=("Club",)))


async def test_all_pages_of_the_list_are_seen_and_none_twice(
    world: World, owner: User, logged_in: Config, store: Store
) -> None:
    for number in range(250):
        world.say(world.person(f"Friend {number}"), owner, "hi", date=BEGIN + number // 3, silent=True)
    result = await pull(logged_in, store)
    assert (result.chats, result.new) == (250, 250)
    assert len(requests(world, "messages.getDialogs")) <= 5
    assert len(requests(world, "messages.getPeerDialogs")) == 3


@pytest.mark.parametrize("how", ["leave", "kick"])
async def test_a_chat_that_is_lost_keeps_what_is_stored_and_does_not_keep_the_others(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, how: str
) -> None:
    club = world.supergroup("Club", [anna, owner, boris])
    history(world, anna, boris, count=5, to=club)
    history(world, owner, boris, count=5)
    choice = Sync(chats=("Club", "Boris"), requests_per_second=0)
    await pull(logged_in, store, choice=choice)
    assert not store.state.dialogs()[club.key].gone
    getattr(world, how)(owner, club)
    world.say(boris, club, "behind his back")
    world.say(boris, owner, "news")
    world.calls.clear()
    result = await pull(logged_in, store, choice=choice)
    assert (result.chats, result.new) == (1, 1)
    assert result.warnings == ("Club cannot be read any more; what is stored of it stays",)
    assert (await pull(logged_in, store, choice=choice)).warnings == (), "once is enough"
    assert (await pull(logged_in, store, Options(chats=("Club",)), choice=choice)).warnings == result.warnings
    async with connect(logged_in) as client:
        told = await forecast(Limiter(client, store.state, 0), store, choice, agreed(store), Options(takeout=True))
    assert [one.chat.peer.name for one in told.estimates] == ["Boris"]
    assert told.notes[0] == "Club cannot be read any more; what is stored of it stays"
    assert store.state.dialogs()[club.key].gone
    assert texts(store, club) == [f"message {number}" for number in range(5)]
    assert {type(request.peer).__name__ for request in requests(world)} == {"InputPeerUser"}


async def test_a_chat_that_refuses_is_gone_until_it_does_not(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    history(world, owner, anna, count=3)
    history(world, owner, boris, count=3)
    world.fault("messages.getHistory", error=(400, "CHANNEL_PRIVATE"))
    assert (await pull(logged_in, store)).new == 3
    assert sum(dialog.gone for dialog in store.state.dialogs().values()) == 1
    assert (await pull(logged_in, store)).new == 3
    assert sum(dialog.gone for dialog in store.state.dialogs().values()) == 0


async def test_a_group_whose_older_part_refuses_keeps_the_newer_one(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    flat = world.group("Flat", [owner, anna, boris])
    history(world, anna, boris, count=5, text="old {}", to=flat)
    club = world.migrate(flat, date=BEGIN + 60 * 5, silent=True)
    history(world, anna, boris, count=5, text="new {}", to=club, begin=BEGIN + 60 * 6)
    world.fault(
        "messages.getHistory", error=(400, "CHAT_ID_INVALID"), after=2
    )  # a page, and the empty one that ends it
    assert (await pull(logged_in, store)).warnings == ("Flat cannot be read any more; what is stored of it stays",)
    assert len(texts(store, club)) == 6
    assert [store.state.dialogs()[part.key].gone for part in (flat, club)] == [True, False]


async def test_a_group_whose_supergroup_one_is_not_in_is_a_chat_of_its_own(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    flat = world.group("Flat", [anna, owner, boris])
    history(world, anna, boris, count=5, to=flat)
    world.leave(owner, world.migrate(flat, silent=True))
    result = await pull(logged_in, store, choice=Sync(chats=("Flat",), requests_per_second=0))
    assert (result.chats, result.new) == (1, 6)
    assert store.state.migrated() == {}


@pytest.mark.parametrize("listed", [True, False])
async def test_acceptance_09_a_migrated_group_is_one_chat_with_both_histories_in_order(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store, listed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    flat = world.group("Flat", [owner, anna, boris])
    history(world, anna, boris, count=150, text="old {}", to=flat)
    club = world.migrate(flat, date=BEGIN + 60 * 150, silent=True)
    history(world, anna, boris, count=150, text="new {}", to=club, begin=BEGIN + 60 * 151)
    if not listed:
        everything = Box.dialogs
        monkeypatch.setattr(Box, "dialogs", lambda box: [row for row in everything(box) if row[0].group != flat])
    result = await pull(logged_in, store)
    assert (result.chats, result.messages, result.new) == (1, 302, 302)
    stored = list(store.messages(club.key))
    words = [message.text for message in stored if message.kind is not MessageKind.SERVICE]
    assert words == [f"old {number}" for number in range(150)] + [f"new {number}" for number in range(150)]
    assert len({(message.chat_id, message.message_id) for message in stored}) == 302
    assert store.state.migrated() == {flat.key: club.key}
    world.calls.clear()
    assert (await pull(logged_in, store)).new == 0
    assert requests(world) == [] and requests(world, "channels.getFullChannel") == []


async def test_topics_of_a_forum_are_kept_by_their_titles(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    forum = world.supergroup("Forum", [owner, anna, boris], forum=True)
    garden = world.topic(forum, "Garden", date=BEGIN, silent=True)
    world.say(anna, forum, "roses", topic=garden, date=BEGIN + 1, silent=True)
    await pull(logged_in, store)
    number = garden.id_for(owner)
    assert store.state.topics(forum.key)[number] == "Garden"
    assert [message.topic for message in store.messages(forum.key) if message.text == "roses"] == [number]
