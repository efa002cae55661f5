"""The list of chats, page by page or for some peers alone."""

from typing import Any

from telethon.tl import functions, types

from sandbox.accounts import ARCHIVE
from sandbox.box import Conversation
from sandbox.errors import Refused
from sandbox.mtproto.peers import input_peer, marked_id
from sandbox.mtproto.registry import PAGE, Caller, Methods
from sandbox.values import Message

methods = Methods()

Row = tuple[Conversation, Message]


@methods.handles(functions.messages.GetDialogsRequest)
def get_dialogs(caller: Caller, request: functions.messages.GetDialogsRequest) -> Any:
    """From the most recent on; a page goes on after the last one's newest message, or peer where numbers are alike.

    Of the archive, of all but the archive, or of both, as `folder_id` says.
    """
    box = caller.world.box(caller.user)
    everything = box.dialogs()
    if request.folder_id is not None:
        archived = caller.world.archived.get(caller.user.id, ())
        inside = request.folder_id == ARCHIVE
        everything = [row for row in everything if (row[0].peer(caller.user).key in archived) == inside]
    rows = everything
    if request.offset_id or int(request.offset_date.timestamp()):
        after = int(request.offset_date.timestamp()), request.offset_id, marked_id(caller, request.offset_peer)
        rows = [row for row in everything if box.rank(row) < after]
    page = rows[: min(request.limit, PAGE)]
    parts = _parts(caller, page)
    if len(page) == len(everything):
        return types.messages.Dialogs(**parts)
    return types.messages.DialogsSlice(count=len(everything), **parts)


@methods.handles(functions.messages.GetPinnedDialogsRequest)
def get_pinned_dialogs(
    caller: Caller, request: functions.messages.GetPinnedDialogsRequest
) -> types.messages.PeerDialogs:
    """Nothing is pinned here."""
    return types.messages.PeerDialogs(**_parts(caller, []), state=caller.renderer.state())


@methods.handles(functions.messages.GetPeerDialogsRequest)
def get_peer_dialogs(caller: Caller, request: functions.messages.GetPeerDialogsRequest) -> types.messages.PeerDialogs:
    """The same lines for up to a hundred peers; those without a message are left out."""
    if len(request.peers) > PAGE:
        raise Refused(400, "LIMIT_INVALID")
    rows: list[Row] = []
    for wanted in request.peers:
        conversation = caller.world.conversation(caller.user, input_peer(caller, wanted.peer))
        top = conversation.top(caller.user)
        if top is not None:
            rows.append((conversation, top))
    return types.messages.PeerDialogs(**_parts(caller, rows), state=caller.renderer.state())


def _parts(caller: Caller, rows: list[Row]) -> dict[str, list[Any]]:
    renderer = caller.renderer
    tops = [top for _, top in rows]
    return {
        "dialogs": [renderer.dialog(conversation, top) for conversation, top in rows],
        "messages": [renderer.message(top) for top in tops],
        **renderer.around(tops, [conversation for conversation, _ in rows]),
    }
