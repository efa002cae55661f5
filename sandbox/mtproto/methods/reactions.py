"""What people think of messages."""

from typing import Any

from telethon.tl import functions, types

from sandbox.events import Edited, Reacted
from sandbox.mtproto.peers import input_peer, message_in
from sandbox.mtproto.registry import Caller, Methods

methods = Methods()


@methods.handles(functions.messages.SendReactionRequest)
def send_reaction(caller: Caller, request: functions.messages.SendReactionRequest) -> types.Updates:
    """React with these and no others; with none, take one's reaction back."""
    message = message_in(caller, input_peer(caller, request.peer), request.msg_id)
    caller.world.react(caller.user, message, *map(_read, request.reaction or ()), origin=caller.origin)
    renderer, pts = caller.renderer, caller.world.box(caller.user).pts
    updates = [renderer.reacted(message)]
    if message.sender == caller.user and message.conversation.log is None:
        updates.append(renderer.update(Edited(message), pts))
    return renderer.updates(updates, [Reacted(message)])


@methods.handles(functions.messages.GetMessagesReactionsRequest)
def get_reactions(caller: Caller, request: functions.messages.GetMessagesReactionsRequest) -> types.Updates:
    """Reactions to these messages, one's own among them; numbers that name nothing are passed over."""
    conversation = caller.world.conversation(caller.user, input_peer(caller, request.peer))
    found = [message for number in request.id if (message := conversation.find(caller.user, number)) is not None]
    renderer = caller.renderer
    return renderer.updates([renderer.reacted(message) for message in found], [Reacted(message) for message in found])


def _read(sent: Any) -> str | int:
    number: str | int = sent.document_id if isinstance(sent, types.ReactionCustomEmoji) else sent.emoticon
    return number
