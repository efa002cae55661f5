"""Which chats are meant: one clear answer or a refusal."""

from dataclasses import replace
from typing import Any

import pytest
from telethon.utils import get_peer_id

from exporter.account.connection import connect
from exporter.errors import ConfigError
from exporter.messages import Dialog, Peer, PeerKind
from exporter.pulling.sync import sync
from exporter.settings.config import Config, Sync
from exporter.settings.selection import Selection, resolve_contact, select_chats
from exporter.storing.store import Store
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import agreed

from .conftest import history
from .listening import Listener, following, until

ANNA = Peer(7, PeerKind.USER, "Anna", "anna_b")
OTHER_ANNA = Peer(8, PeerKind.USER, "anna")
BORIS = Peer(9, PeerKind.USER, "Boris")
FLAT = Peer(-5, PeerKind.GROUP, "Flat")
BOT = Peer(10, PeerKind.BOT, "Helper", "helper_bot")
NEWS = Peer(-1_000_000_000_011, PeerKind.CHANNEL, "News")
PEERS = (FLAT, ANNA, BORIS, NEWS, BOT)


@pytest.mark.parametrize("contact", ["Anna", "anna", "@Anna_B", 7])
def test_a_contact_has_three_names(contact: str | int) -> None:
    assert resolve_contact(contact, PEERS) == ANNA


@pytest.mark.parametrize("contact", ["Saved Messages", "olive"])
def test_saved_messages_go_by_their_title_and_by_the_owners_name(contact: str) -> None:
    own = Peer(6, PeerKind.SELF, "Olive")
    assert resolve_contact(contact, (*PEERS, own)) == own


def test_an_ambiguous_name_asks_for_the_id() -> None:
    with pytest.raises(ConfigError) as refused:
        resolve_contact("Anna", (*PEERS, OTHER_ANNA))
    assert "7, 8" in refused.value.fix


@pytest.mark.parametrize("contact", ["Ana", "@anna", 70, "-5", ""])
def test_an_unknown_name_is_refused(contact: str | int) -> None:
    with pytest.raises(ConfigError):
        resolve_contact(contact, PEERS)


def test_a_typo_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError) as refused:
        resolve_contact("Borris", PEERS)
    assert refused.value.fix == "did you mean Boris?"


def test_a_first_name_gets_those_who_have_it() -> None:
    with pytest.raises(ConfigError) as refused:
        resolve_contact("anna", [replace(OTHER_ANNA, name="Anna of the Hill"), replace(PEERS[0], name="Annan")])
    assert refused.value.fix == "did you mean Anna of the Hill?"


def chosen(dialogs: dict[int, Dialog] | None = None, **choice: object) -> tuple[Peer, ...]:
    return select_chats(Sync(**choice), PEERS, dialogs or {}).chats


def test_names_kinds_and_folder_add_up() -> None:
    assert chosen(chats=("Flat", -5, "Anna")) == (FLAT, ANNA)
    assert chosen(kinds={"private"}) == (ANNA, BORIS)
    assert chosen(kinds={"bot", "channel"}) == (NEWS, BOT)
    assert chosen(chats=("@helper_bot",), kinds={"group"}) == (FLAT, BOT)
    dialogs = {9: Dialog(9, folders=("Work", "Friends")), -5: Dialog(-5, folders=("Work",)), 7: Dialog(7)}
    assert chosen(dialogs, folder="Friends") == (BORIS,)
    assert chosen(dialogs, folder="Work", chats=("Anna",)) == (FLAT, ANNA, BORIS)


def test_telegrams_own_chat_with_its_login_codes_is_of_no_kind() -> None:
    peers = (ANNA, Peer(777000, PeerKind.USER, "Telegram"))
    assert select_chats(Sync(kinds={"private"}), peers, {}).chats == (ANNA,)
    assert select_chats(Sync(chats=("Telegram",)), peers, {}).chats == peers[1:]


def test_what_is_excluded_is_out_of_kinds_and_folder() -> None:
    dialogs = {peer.peer_id: Dialog(peer.peer_id, folders=("Friends",)) for peer in PEERS}
    assert chosen(dialogs, folder="Friends", kinds={"private"}, exclude=("Anna", -5)) == (BORIS, NEWS, BOT)


def test_what_is_both_named_and_excluded_is_refused() -> None:
    with pytest.raises(ConfigError, match="both names and excludes Anna"):
        chosen(chats=("Anna",), exclude=(7,))


@pytest.mark.parametrize("key", ["chats", "exclude", "protected"])
def test_a_typo_in_any_list_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="no chat is called Ana"):
        chosen(**{"kinds": {"private"}, key: ("Ana",)})


def test_protected_chats_are_left_out_until_the_owner_says_that_their_people_agree() -> None:
    dialogs = {7: Dialog(7, protected=True), -5: Dialog(-5, protected=True)}
    choice = {"chats": ("Flat", "Anna", "Boris")}
    assert select_chats(Sync(**choice), PEERS, dialogs) == Selection((BORIS,), protected=(FLAT, ANNA))
    assert select_chats(Sync(**choice, protected=("@anna_b",)), PEERS, dialogs) == Selection((ANNA, BORIS), (FLAT,))
    assert chosen(dialogs, chats=("Boris",), protected=("Anna",)) == (BORIS,), "a permission chooses nothing"


def test_choosing_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="chooses no chats"):
        chosen(exclude=("Anna",))


# --- through Telegram


@pytest.fixture
def crowd(world: World, owner: User, anna: User, boris: User) -> dict[str, int]:
    """A chat of each kind, with history, and folders; their ids by name."""
    helper = world.bot("700:token", "helper_bot", "Helper")
    chats = {
        "Anna": anna,
        "Boris": boris,
        "Helper": helper,
        "Flat": world.group("Flat", [owner, anna]),
        "Hall": world.supergroup("Hall", [owner, boris]),
        "Vault": world.supergroup("Vault", [owner, boris], protected=True),
        "News": world.supergroup("News", [owner], broadcast=True),
    }
    for chat in chats.values():
        for number in range(3):
            world.say(owner, chat, f"message {number}", silent=True)
    world.folder(owner, "Friends", include=[boris], pinned=[chats["Hall"]])
    world.folder(owner, "Crowds", exclude=[chats["Flat"]], groups=True, bots=True)
    world.folder(owner, "Loud", groups=True, broadcasts=True, without=["muted", "archived"])
    world.mute(owner, chats["Flat"])
    world.archive(owner, chats["Hall"])
    return {name: chat.key for name, chat in chats.items()}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"chats": ("@anna_b", "Flat")}, {"Anna", "Flat"}),
        ({"folder": "Friends"}, {"Boris", "Hall"}),
        ({"folder": "Crowds"}, {"Helper", "Hall"}),
        ({"folder": "Crowds", "protected": ("Vault",)}, {"Helper", "Hall", "Vault"}),
        ({"folder": "Loud"}, {"News"}),
        ({"kinds": {"private"}}, {"Anna", "Boris"}),
        ({"kinds": {"group", "channel"}}, {"Flat", "Hall", "News"}),
        ({"kinds": {"bot"}, "chats": ("News",)}, {"Helper", "News"}),
        ({"kinds": {"private", "group"}, "exclude": ("Anna", "Hall"), "folder": "Friends"}, {"Boris", "Flat"}),
    ],
)
async def test_acceptance_15_of_what_is_not_chosen_no_history_is_requested(
    world: World,
    crowd: dict[str, int],
    logged_in: Config,
    store: Store,
    choice: dict[str, Any],
    expected: set[str],
) -> None:
    world.calls.clear()
    async with connect(logged_in) as client:
        await sync(client, store, Sync(requests_per_second=0, **choice), agreed(store))
    chosen = {crowd[name] for name in expected}
    assert {chat.peer.peer_id for chat in store.chats()} == chosen
    asked = [peer for call in world.calls if (peer := getattr(call.request, "peer", None)) is not None]
    assert {get_peer_id(peer) for peer in asked} == chosen


async def test_a_folder_that_is_not_there_ends_the_sync(crowd: dict[str, int], logged_in: Config, store: Store) -> None:
    async with connect(logged_in) as client:
        with pytest.raises(ConfigError) as refused:
            await sync(client, store, Sync(requests_per_second=0, folder="Freinds"), agreed(store))
    assert refused.value.fix == "did you mean Friends?"


async def test_who_is_excluded_stays_so_under_another_name(
    world: World, owner: User, anna: User, boris: User, logged_in: Config, store: Store
) -> None:
    flat = world.group("Flat", [owner, anna, boris])
    history(world, owner, anna, count=1)
    listener = Listener()
    async with following(logged_in, store, listener, kinds={"private", "group"}, exclude=("Anna",)):
        world.users[anna.id] = renamed = replace(anna, name="Annika")
        world.say(renamed, flat, "that is me")
        await until(lambda: store.peers()[anna.id].name == "Annika")
        world.say(renamed, owner, "nobody keeps this")
        world.say(boris, owner, "hello")
        await listener.hears(("that is me", True), ("hello", True))
    assert store.count(anna.id) == 0
