"""The list of chats, page by page or for some peers alone."""

from typing import Any

from telethon.tl import functions, types

from sandbox.box import Conversation
from sandbox.mtproto.peers import input_peer
from sandbox.mtproto.registry import PAGE, Call, Methods
from sandbox.mtproto.render import Renderer
from sandbox.values import Message

methods = Methods()

Row = tuple[Conversation, Message]


@methods.handles(functions.messages.GetDialogsRequest)
def get_dialogs(call: Call, request: functions.messages.GetDialogsRequest) -> Any:
    """From the most recent on; a page goes on after (date, id) of the last one's newest message."""
    everything = [] if request.folder_id else call.world.box(call.user).dialogs()
    rows = everything
    if request.offset_id or int(request.offset_date.timestamp()):
        after = int(request.offset_date.timestamp()), request.offset_id
        rows = [row for row in everything if (row[1].date, row[1].id_for(call.user)) < after]
    page = rows[: min(request.limit, PAGE)]
    parts = _parts(call, page)
    if len(page) == len(everything):
        return types.messages.Dialogs(**parts)
    return types.messages.DialogsSlice(count=len(everything), **parts)


@methods.handles(functions.messages.GetPinnedDialogsRequest)
def get_pinned_dialogs(call: Call, request: functions.messages.GetPinnedDialogsRequest) -> types.messages.PeerDialogs:
    """Nothing is pinned here."""
    return types.messages.PeerDialogs(**_parts(call, []), state=Renderer(call.world, call.user).state())


@methods.handles(functions.messages.GetPeerDialogsRequest)
def get_peer_dialogs(call: Call, request: functions.messages.GetPeerDialogsRequest) -> types.messages.PeerDialogs:
    """The same lines for some peers; those without a message are left out."""
    rows: list[Row] = []
    for wanted in request.peers:
        conversation = call.world.conversation(call.user, input_peer(call, wanted.peer))
        top = conversation.top(call.user)
        if top is not None:
            rows.append((conversation, top))
    return types.messages.PeerDialogs(**_parts(call, rows), state=Renderer(call.world, call.user).state())


def _parts(call: Call, rows: list[Row]) -> dict[str, list[Any]]:
    renderer = Renderer(call.world, call.user)
    tops = [top for _, top in rows]
    return {
        "dialogs": [renderer.dialog(conversation, top) for conversation, top in rows],
        "messages": [renderer.message(top) for top in tops],
        **renderer.around(tops),
    }
