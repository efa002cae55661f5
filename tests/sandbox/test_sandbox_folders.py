"""Folders, as an unmodified client reads them."""

import pytest
from telethon import functions, types, utils


@pytest.fixture
def anna(world):
    return world.person("Anna")


async def folders_of(client):
    return (await client(functions.messages.GetDialogFiltersRequest())).filters


async def test_without_folders_there_is_the_one_of_all_chats(anna, client_of):
    assert await folders_of(await client_of(anna)) == [types.DialogFilterDefault()]


async def test_folders_name_chats_and_kinds(world, anna, client_of):
    boris, clara = world.person("Boris"), world.person("Clara")
    family = world.group("Family", [anna, boris])
    world.folder(anna, "Friends", include=[boris, family], exclude=[clara], pinned=[anna], contacts=True, bots=True)
    world.folder(boris, "Not hers")
    client = await client_of(anna)
    everything, friends = await folders_of(client)
    assert isinstance(everything, types.DialogFilterDefault)
    assert (friends.id, friends.title.text) == (2, "Friends")
    assert [utils.get_peer_id(peer) for peer in friends.include_peers] == [boris.id, -family.id]
    assert [utils.get_peer_id(peer) for peer in friends.exclude_peers] == [clara.id]
    assert friends.pinned_peers == [types.InputPeerSelf()]
    kinds = friends.contacts, friends.non_contacts, friends.groups, friends.broadcasts, friends.bots
    assert kinds == (True, False, False, False, True)
    assert (await client.get_entity(friends.include_peers[0])).first_name == "Boris"


async def test_a_folder_may_leave_out_what_is_quiet(world, anna, client_of):
    world.folder(anna, "Loud", groups=True, without=["muted", "archived"])
    _, loud = await folders_of(await client_of(anna))
    assert (loud.groups, loud.exclude_muted, loud.exclude_read, loud.exclude_archived) == (True, True, False, True)


async def test_a_shared_folder_only_names_chats(world, anna, client_of):
    boris = world.person("Boris")
    world.folder(anna, "Friends", groups=True)
    world.folder(anna, "Shared", include=[boris], shared=True)
    _, _, shared = await folders_of(await client_of(anna))
    assert isinstance(shared, types.DialogFilterChatlist) and shared.id == 3
    assert [utils.get_peer_id(peer) for peer in shared.include_peers] == [boris.id]
