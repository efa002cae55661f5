"""The table of chats: what Telegram has, what is stored, and what the configuration says of each."""

from pathlib import Path

import pytest

from exporter.account.connection import connect
from exporter.errors import ConfigError
from exporter.pulling.overview import Overview, overview, refresh
from exporter.pulling.sync import sync
from exporter.settings.config import Config, Sync
from exporter.settings.modes import Mode
from exporter.settings.replying import Reply
from exporter.storing.store import Store
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import Command, history


@pytest.fixture
def people(world: World, owner: User, anna: User, boris: User) -> None:
    """Three people's chats, a group and a channel that protects what is said there."""
    history(world, owner, anna, count=5)
    history(world, owner, boris, count=3)
    world.say(owner, owner, "a note", silent=True)
    world.say(owner, world.group("Flat", [owner, boris]), "hi", silent=True)
    world.say(boris, world.supergroup("Vault", [boris, owner], protected=True), "hush", silent=True)


def with_choice(config: Config, reply: Reply = Reply(), **choice: object) -> Config:  # noqa: B008 - frozen
    chosen = Sync(requests_per_second=0, **choice)
    return config.model_copy(update={"sync": chosen, "reply": reply})


async def refreshed(config: Config, store: Store) -> dict[str, Overview]:
    async with connect(config) as client:
        await refresh(client, store, config.sync, agreed(store))
    chats, problems = overview(config, store)
    assert problems == []
    return {chat.peer.name: chat for chat in chats}


async def test_a_refresh_lists_every_chat_and_counts_only_what_is_chosen(
    world: World, people: None, logged_in: Config, store: Store
) -> None:
    config = with_choice(logged_in, chats=("Anna", "Flat", "Vault"), reply=Reply(draft=("Anna",), auto=("Boris",)))
    chats = await refreshed(config, store)
    assert {name: (chat.server, chat.chosen, chat.mode) for name, chat in chats.items()} == {
        "Anna": (5, True, Mode.DRAFT),
        "Boris": (None, False, Mode.AUTO),
        "Olive": (None, False, Mode.OFF),
        "Flat": (1, True, Mode.OFF),
        "Vault": (None, False, Mode.OFF),
    }
    asked = [call.request for call in world.calls if call.method == "messages.getHistory"]
    assert len(asked) == 2 and all(request.limit == 1 for request in asked)
    assert [call.method for call in world.calls].count("messages.getDialogs") == 1


async def test_what_was_last_seen_is_shown_without_asking_anybody(
    world: World, people: None, logged_in: Config, store: Store
) -> None:
    config = with_choice(logged_in, kinds={"private"}, exclude=("Boris",))
    async with connect(config) as client:
        await sync(client, store, config.sync, agreed(store))
    await refreshed(config, store)
    asked = len(world.calls)
    chats, _ = overview(config, store)
    assert next((chat.peer.name, chat.server, chat.stored, chat.own) for chat in chats) == ("Anna", 5, 5, 2)
    assert len(world.calls) == asked
    everybody, _ = overview(with_choice(logged_in, kinds={"private"}), store)
    assert [chat.peer.name for chat in everybody if chat.chosen] == ["Anna", "Boris"]


async def test_folders_are_remembered_too(
    world: World, owner: User, boris: User, people: None, logged_in: Config, store: Store
) -> None:
    world.folder(owner, "Friends", include=[boris])
    await refreshed(with_choice(logged_in), store)
    chats, _ = overview(with_choice(logged_in, folder="Friends"), store)
    assert [chat.peer.name for chat in chats if chat.chosen] == ["Boris"]


async def test_protected_chats_are_to_be_stored_once_their_people_agreed(
    people: None, logged_in: Config, store: Store
) -> None:
    chats = await refreshed(with_choice(logged_in, kinds={"group"}, protected=("Vault",)), store)
    assert (chats["Vault"].chosen, chats["Vault"].protected, chats["Vault"].server) == (True, False, 1)


async def test_what_is_not_clear_is_said_and_the_rest_shown(people: None, logged_in: Config, store: Store) -> None:
    unclear = with_choice(logged_in, chats=("Ana",), reply=Reply(auto=("Bors",)))
    async with connect(unclear) as client:
        with pytest.raises(ConfigError, match="no chat is called Ana"):
            await refresh(client, store, unclear.sync, agreed(store))
    chats, problems = overview(unclear, store)
    assert len(chats) == 5 and {(chat.chosen, chat.mode) for chat in chats} == {(None, None)}
    assert [problem.fix for problem in problems] == ["did you mean Anna?", "did you mean Boris?"]


async def test_a_folder_that_is_not_there_is_named_when_telegram_is_asked(
    world: World, owner: User, people: None, logged_in: Config, store: Store
) -> None:
    world.folder(owner, "Friends")
    config = with_choice(logged_in, folder="Freinds")
    async with connect(config) as client:
        with pytest.raises(ConfigError) as refused:
            await refresh(client, store, config.sync, agreed(store))
    assert refused.value.fix == "did you mean Friends?"


async def test_a_group_that_became_a_supergroup_is_one_chat(
    world: World, owner: User, boris: User, logged_in: Config, store: Store
) -> None:
    flat = world.group("Flat", [owner, boris])
    for number in range(3):
        world.say(owner, flat, f"message {number}", silent=True)
    hall = world.migrate(flat)
    world.say(boris, hall, "we moved", silent=True)
    there = len(world.talk_of(hall).messages) + len(world.box(owner).conversations[flat.key].messages)
    chats = await refreshed(with_choice(logged_in, kinds={"group"}), store)
    assert [(chat.peer.peer_id, chat.server) for chat in chats.values()] == [(hall.key, there)]


@pytest.fixture
def unclear(config_file: Path) -> None:
    """[reply] names somebody whom nobody knows."""
    with config_file.open("a") as file:
        file.write('[reply]\nauto = ["Bors"]\n')


async def test_the_table_on_the_command_line(
    people: None, logged_in: Config, unclear: None, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    ended = await command("chats", "--refresh")
    assert ended.code == 0
    header, _, *lines = (line.split() for line in ended.out.splitlines() if line.strip())
    assert header == ["chat", "kind", "id", "server", "stored", "own", "sync", "consent", "mode"]
    table = {line[0]: line for line in lines}
    assert table["Anna"][1] == "user" and table["Anna"][3:] == ["5", "0", "0", "yes", "store", "learn", "reply", "?"]
    assert table["Saved"][4:] == ["?", "0", "0", "-", "store", "?"]
    assert table["Vault"][-3:] == ["-", "protected", "?"]
    assert "Note: no chat is called Bors; did you mean Boris?" in ended.err
    async with connect(logged_in):  # somebody else has the account
        again = await command("chats")
    assert again.out == ended.out
