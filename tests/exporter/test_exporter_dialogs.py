"""What Telegram says of a chat as a whole, and whether its apps show it in a folder."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon.tl import types

from exporter.errors import ConfigError
from exporter.messages import Dialog
from exporter.pulling.dialogs import Folder, demand_folder, fetch_folders, sweep, to_dialog
from sandbox.values import User
from sandbox.world import World
from tests.sandbox_fixtures import ClientOf

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA = types.User(7, first_name="Anna", contact=True)
STRANGER = types.User(8, first_name="Stranger")
BOT = types.User(9, first_name="Helper", bot=True)
FLAT = types.Chat(5, "Flat", types.ChatPhotoEmpty(), 2, NOW, 1)
FORUM = types.Channel(6, "Forum", types.ChatPhotoEmpty(), NOW, megagroup=True, noforwards=True)
NEWS = types.Channel(4, "News", types.ChatPhotoEmpty(), NOW, broadcast=True)
EVERYONE = (ANNA, STRANGER, BOT, FLAT, FORUM, NEWS)


def line(entity: Any, *, muted_for: timedelta | None = None, unread: int = 0, **more: Any) -> types.Dialog:
    peer = {types.User: types.PeerUser, types.Chat: types.PeerChat}.get(type(entity), types.PeerChannel)(entity.id)
    settings = types.PeerNotifySettings(mute_until=NOW + muted_for if muted_for else None)
    counts = {"unread_mentions_count": 0, "unread_reactions_count": 0, "unread_poll_votes_count": 0}
    return types.Dialog(peer, 12, 0, 0, unread, notify_settings=settings, **counts, **more)


def held(folder: Folder) -> list[Any]:
    return [one for one in EVERYONE if folder.holds(line(one), one, NOW)]


@pytest.mark.parametrize(
    ("kind", "entities"),
    [
        ("contacts", [ANNA]),
        ("non_contacts", [STRANGER]),
        ("bots", [BOT]),
        ("groups", [FLAT, FORUM]),
        ("broadcasts", [NEWS]),
    ],
)
def test_a_folder_of_a_kind(kind: str, entities: list[Any]) -> None:
    assert held(Folder("F", named=frozenset(), kinds=frozenset({kind}))) == entities


def test_who_is_named_is_in_and_who_is_excluded_is_out_whatever_the_kinds_say() -> None:
    folder = Folder("F", named=frozenset({8, 7}), excluded=frozenset({7, -5}), kinds=frozenset({"contacts", "groups"}))
    assert held(folder) == [STRANGER, FORUM]


@pytest.mark.parametrize(
    ("state", "out", "still_in"),
    [
        ("muted", {"muted_for": timedelta(hours=1)}, {"muted_for": timedelta(hours=-1)}),
        ("read", {"unread": 0}, {"unread": 1}),
        ("read", {}, {"unread_mark": True}),
        ("archived", {"folder_id": 1}, {"folder_id": 0}),
    ],
)
def test_a_folder_without_some_states(state: str, out: dict[str, Any], still_in: dict[str, Any]) -> None:
    folder = Folder("F", named=frozenset(), kinds=frozenset({"contacts"}), without=frozenset({state}))
    assert not folder.holds(line(ANNA, **out), ANNA, NOW)
    assert folder.holds(line(ANNA, **still_in), ANNA, NOW)
    named = Folder("F", named=frozenset({7}), without=frozenset({state}))
    assert named.holds(line(ANNA, **out), ANNA, NOW), "who is named stays"


async def test_folders_are_read_as_telegram_has_them(
    world: World, owner: User, anna: User, client_of: ClientOf
) -> None:
    flat, news = world.group("Flat", [owner, anna]), world.supergroup("News", [owner], broadcast=True)
    world.folder(owner, "Friends", include=[anna], pinned=[owner], exclude=[news], contacts=True, bots=True)
    world.folder(owner, "Shared", include=[flat], shared=True)
    friends = Folder(
        "Friends", frozenset({anna.key, owner.key}), frozenset({news.key}), frozenset({"contacts", "bots"})
    )
    client = await client_of(owner)
    assert await fetch_folders(client, owner.id) == (friends, Folder("Shared", frozenset({flat.key})))


async def test_whoever_writes_while_the_list_is_read_is_not_overlooked(
    world: World, owner: User, client_of: ClientOf
) -> None:
    friends = [world.person(f"Friend {number}") for number in range(150)]
    for minute, friend in enumerate(friends):
        world.say(friend, owner, "hi", date=1_700_000_000 + 60 * minute, silent=True)
    client = await client_of(owner)
    late = iter(friends)

    async def ask(request: Any) -> Any:
        page = await client(request)
        if request.offset_id == 0 and (friend := next(late, None)):
            world.say(friend, owner, "me, too")  # and moves from the second page to the top of the first
        return page

    listed = await sweep(ask)
    assert {one.entity.id for one in listed} == {friend.id for friend in friends} and len(listed) == 150
    newest = {one.entity.id: one.newest.message for one in listed}
    assert newest[friends[0].id] == "me, too"


def test_a_folder_that_is_not_there_is_refused_with_what_is_close() -> None:
    folders = [Folder(title, frozenset()) for title in ("Friends", "Work", "Work")]
    demand_folder("Friends", folders)
    with pytest.raises(ConfigError) as refused:
        demand_folder("friend", folders)
    assert refused.value.fix == "did you mean Friends?"
    with pytest.raises(ConfigError, match="2 folders are called Work"):
        demand_folder("Work", folders)
    with pytest.raises(ConfigError) as refused:
        demand_folder("Friends", [])
    assert "there are none yet" in refused.value.fix


def test_what_telegram_says_of_a_chat() -> None:
    folders = [Folder("Named", frozenset({7})), Folder("Contacts", frozenset(), kinds=frozenset({"contacts"}))]
    told = to_dialog(line(ANNA), ANNA, None, folders=folders, now=NOW)
    assert told == Dialog(7, top=12, folders=("Named", "Contacts"))
    assert to_dialog(line(FORUM), FORUM, None, folders=None, now=NOW).protected
    protected = types.Message(12, types.PeerUser(7), NOW, "x", noforwards=True)
    assert to_dialog(line(ANNA), ANNA, protected, folders=None, now=NOW).protected
    kicked = types.ChannelForbidden(4, 1, "News", broadcast=True)
    assert to_dialog(line(NEWS), kicked, None, folders=None, now=NOW).gone
