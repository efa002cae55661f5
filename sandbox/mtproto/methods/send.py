"""What an account does: send, edit, delete, read, type, press a button."""

from typing import Any, TypedDict

from telethon.tl import functions, types

from sandbox.errors import Refused
from sandbox.events import Edited, NewMessage
from sandbox.mtproto.entities import read_entities
from sandbox.mtproto.peers import input_peer, message_in
from sandbox.mtproto.registry import Caller, Methods
from sandbox.mtproto.render import TYPING
from sandbox.values import LONGEST_TEXT, Channel, Group, Message, Peer, User

methods = Methods()


@methods.handles(functions.messages.SendMessageRequest)
def send_message(caller: Caller, request: functions.messages.SendMessageRequest) -> Any:
    """Say something, once for each random id."""
    peer = input_peer(caller, request.peer)
    _check_may_write(caller, peer)
    _check_text(request.message)
    once = caller.user.id, request.random_id
    if once in caller.server.sent:
        raise Refused(500, "RANDOM_ID_DUPLICATE")
    reply = _reply(caller, peer, request.reply_to)
    caller.server.sent.add(once)
    message = caller.world.say(
        caller.user, peer, request.message, entities=read_entities(request.entities), origin=caller.origin, **reply
    )
    pts = _pts(caller, message)
    number = message.id_for(caller.user)
    renderer = caller.renderer
    if not isinstance(peer, User):
        event = NewMessage(message)
        new = renderer.update(event, pts)
        return renderer.updates([types.UpdateMessageID(number, request.random_id), new], [event])
    out = peer.id != caller.user.id or None
    return types.UpdateShortSentMessage(number, pts, 1, message.date, out=out, entities=request.entities)


@methods.handles(functions.messages.EditMessageRequest)
def edit_message(caller: Caller, request: functions.messages.EditMessageRequest) -> types.Updates:
    """Change one's own words."""
    message = message_in(caller, input_peer(caller, request.peer), request.id)
    if message.sender.id != caller.user.id:
        raise Refused(403, "MESSAGE_AUTHOR_REQUIRED")
    _check_text(request.message)
    caller.world.edit(message, request.message, entities=read_entities(request.entities), origin=caller.origin)
    renderer = caller.renderer
    event = Edited(message)
    return renderer.updates([renderer.update(event, _pts(caller, message))], [event])


@methods.handles(functions.messages.DeleteMessagesRequest)
def delete_messages(
    caller: Caller, request: functions.messages.DeleteMessagesRequest
) -> types.messages.AffectedMessages:
    """Take messages away from all, or from one's own box alone; numbers that name nothing are passed over."""
    box = caller.world.box(caller.user)
    before = box.pts
    found = [message for number in request.id if (message := box.find(number)) is not None]
    caller.world.delete(*found, only_for=None if request.revoke else caller.user, origin=caller.origin)
    return types.messages.AffectedMessages(box.pts, box.pts - before)


@methods.handles(functions.messages.ReadHistoryRequest)
def read_history(caller: Caller, request: functions.messages.ReadHistoryRequest) -> types.messages.AffectedMessages:
    """Mark as read up to a number; 0 for everything. A channel has a method of its own for that."""
    peer = input_peer(caller, request.peer)
    if isinstance(peer, Channel):
        raise Refused(400, "PEER_ID_INVALID")
    box = caller.world.box(caller.user)
    before = box.pts
    caller.world.read(caller.user, peer, request.max_id, origin=caller.origin)
    return types.messages.AffectedMessages(box.pts, box.pts - before)


@methods.handles(functions.messages.SetTypingRequest)
def set_typing(caller: Caller, request: functions.messages.SetTypingRequest) -> bool:
    """Show that one is about to send something."""
    doing = next((name for name, action in TYPING.items() if type(action) is type(request.action)), "typing")
    caller.world.type(caller.user, input_peer(caller, request.peer), doing, origin=caller.origin)
    return True


@methods.handles(functions.messages.GetBotCallbackAnswerRequest)
async def press_button(
    caller: Caller, request: functions.messages.GetBotCallbackAnswerRequest
) -> types.messages.BotCallbackAnswer:
    """Press a button under a bot's message, and wait for what the bot says."""
    message = message_in(caller, input_peer(caller, request.peer), request.msg_id)
    answer = await caller.world.press(caller.user, message, request.data or b"")
    return types.messages.BotCallbackAnswer(cache_time=0, alert=answer.alert or None, message=answer.text or None)


def _pts(caller: Caller, message: Message) -> int:
    return message.conversation.kept_by(caller.world.box(caller.user)).pts


class _Reply(TypedDict, total=False):
    """What `World.say` is told of it."""

    reply_to: Message
    topic: Message
    quote: str
    quote_offset: int


def _reply(caller: Caller, peer: Peer, sent: Any) -> _Reply:
    if not isinstance(sent, types.InputReplyToMessage) or not sent.reply_to_msg_id:
        return {}
    where = peer if sent.reply_to_peer_id is None else input_peer(caller, sent.reply_to_peer_id)
    refusal = "REPLY_MESSAGE_ID_INVALID"
    reply: _Reply = {"reply_to": message_in(caller, where, sent.reply_to_msg_id, refusal=refusal)}
    if sent.top_msg_id:
        reply["topic"] = message_in(caller, peer, sent.top_msg_id, refusal=refusal)
    if sent.quote_text:
        reply |= {"quote": sent.quote_text, "quote_offset": sent.quote_offset or 0}
    return reply


def _check_may_write(caller: Caller, peer: Peer) -> None:
    talk = caller.world.conversation(caller.user, peer)
    reader = isinstance(peer, Channel) and peer.broadcast and peer.creator_id != caller.user.id
    ended = isinstance(peer, Group) and peer.id in caller.world.migrated
    if reader or ended or caller.user not in talk.members:
        raise Refused(403, "CHAT_WRITE_FORBIDDEN")


def _check_text(text: str) -> None:
    if not text.strip():
        raise Refused(400, "MESSAGE_EMPTY")
    if len(text) > LONGEST_TEXT:
        raise Refused(400, "MESSAGE_TOO_LONG")
