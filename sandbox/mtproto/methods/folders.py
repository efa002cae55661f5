"""The folders that someone sorts his chats into."""

from collections.abc import Sequence
from typing import Any

from telethon import utils
from telethon.tl import functions, types

from sandbox.accounts import Folder
from sandbox.mtproto.registry import Caller, Methods
from sandbox.values import Peer, User

methods = Methods()


@methods.handles(functions.messages.GetDialogFiltersRequest)
def get_dialog_filters(caller: Caller, request: functions.messages.GetDialogFiltersRequest) -> Any:
    """All of them, after the one that holds every chat."""
    folders = [_filter(caller, folder) for folder in caller.world.folders.get(caller.user.id, ())]
    return types.messages.DialogFilters([types.DialogFilterDefault(), *folders])


def _filter(caller: Caller, folder: Folder) -> types.DialogFilter | types.DialogFilterChatlist:
    named = {
        "id": folder.id,
        "title": types.TextWithEntities(folder.title, []),
        "pinned_peers": _peers(caller, folder.pinned),
        "include_peers": _peers(caller, folder.include),
    }
    if folder.shared:
        return types.DialogFilterChatlist(**named)
    rules = dict.fromkeys([*folder.kinds, *(f"exclude_{state}" for state in folder.without)], True)
    return types.DialogFilter(**named, exclude_peers=_peers(caller, folder.exclude), **rules)


def _peers(caller: Caller, peers: Sequence[Peer]) -> list[Any]:
    renderer = caller.renderer
    seen = (renderer.user(peer) if isinstance(peer, User) else renderer.chat(peer) for peer in peers)
    return [utils.get_input_peer(peer) for peer in seen]
