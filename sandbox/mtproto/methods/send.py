"""What an account does: send, edit, delete, read, type, press a button."""

from typing import Any

from telethon.tl import functions, types

from sandbox.errors import Refused
from sandbox.mtproto.attachments import read_entities
from sandbox.mtproto.peers import input_peer, message_in
from sandbox.mtproto.registry import Call, Methods
from sandbox.mtproto.render import TYPING, Renderer
from sandbox.values import LONGEST_TEXT, Edited, Group, NewMessage

methods = Methods()


@methods.handles(functions.messages.SendMessageRequest)
def send_message(call: Call, request: functions.messages.SendMessageRequest) -> Any:
    """Say something, once for each random id."""
    peer = input_peer(call, request.peer)
    _check_text(request.message)
    once = call.user.id, request.random_id
    if once in call.server.sent:
        raise Refused(500, "RANDOM_ID_DUPLICATE")
    answered = None
    if isinstance(request.reply_to, types.InputReplyToMessage) and request.reply_to.reply_to_msg_id:
        answered = message_in(call, peer, request.reply_to.reply_to_msg_id, refusal="REPLY_MESSAGE_ID_INVALID")
    call.server.sent.add(once)
    message = call.world.say(
        call.user,
        peer,
        request.message,
        entities=read_entities(request.entities),
        reply_to=answered,
        origin=call.origin,
    )
    pts = call.world.box(call.user).pts
    number = message.id_for(call.user)
    renderer = Renderer(call.world, call.user)
    if isinstance(peer, Group):
        event = NewMessage(message)
        new = renderer.update(event, pts)
        return renderer.updates([types.UpdateMessageID(number, request.random_id), new], [event])
    out = peer.id != call.user.id or None
    return types.UpdateShortSentMessage(number, pts, 1, message.date, out=out, entities=request.entities)


@methods.handles(functions.messages.EditMessageRequest)
def edit_message(call: Call, request: functions.messages.EditMessageRequest) -> types.Updates:
    """Change one's own words."""
    message = message_in(call, input_peer(call, request.peer), request.id)
    if message.sender.id != call.user.id:
        raise Refused(403, "MESSAGE_AUTHOR_REQUIRED")
    _check_text(request.message)
    call.world.edit(message, request.message, entities=read_entities(request.entities), origin=call.origin)
    renderer = Renderer(call.world, call.user)
    event = Edited(message)
    return renderer.updates([renderer.update(event, call.world.box(call.user).pts)], [event])


@methods.handles(functions.messages.DeleteMessagesRequest)
def delete_messages(call: Call, request: functions.messages.DeleteMessagesRequest) -> types.messages.AffectedMessages:
    """Take messages away from all, or from one's own box alone; numbers that name nothing are passed over."""
    box = call.world.box(call.user)
    before = box.pts
    found = [message for number in request.id if (message := box.find(number)) is not None]
    call.world.delete(*found, only_for=None if request.revoke else call.user, origin=call.origin)
    return types.messages.AffectedMessages(box.pts, box.pts - before)


@methods.handles(functions.messages.ReadHistoryRequest)
def read_history(call: Call, request: functions.messages.ReadHistoryRequest) -> types.messages.AffectedMessages:
    """Mark as read up to a number; 0 for everything."""
    box = call.world.box(call.user)
    before = box.pts
    call.world.read(call.user, input_peer(call, request.peer), request.max_id, origin=call.origin)
    return types.messages.AffectedMessages(box.pts, box.pts - before)


@methods.handles(functions.messages.SetTypingRequest)
def set_typing(call: Call, request: functions.messages.SetTypingRequest) -> bool:
    """Show that one is about to send something."""
    doing = next((name for name, action in TYPING.items() if type(action) is type(request.action)), "typing")
    call.world.type(call.user, input_peer(call, request.peer), doing, origin=call.origin)
    return True


@methods.handles(functions.messages.GetBotCallbackAnswerRequest)
async def press_button(
    call: Call, request: functions.messages.GetBotCallbackAnswerRequest
) -> types.messages.BotCallbackAnswer:
    """Press a button under a bot's message, and wait for what the bot says."""
    message = message_in(call, input_peer(call, request.peer), request.msg_id)
    answer = await call.world.press(call.user, message, request.data or b"")
    return types.messages.BotCallbackAnswer(cache_time=0, alert=answer.alert or None, message=answer.text or None)


def _check_text(text: str) -> None:
    if not text.strip():
        raise Refused(400, "MESSAGE_EMPTY")
    if len(text) > LONGEST_TEXT:
        raise Refused(400, "MESSAGE_TOO_LONG")
