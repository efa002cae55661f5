"""Whom a request means: TL input peers to people and groups of the world."""

from typing import Any

from telethon.tl import types

from sandbox.errors import Refused
from sandbox.mtproto.registry import Call
from sandbox.mtproto.render import access_hash
from sandbox.values import Group, Message, Peer, User


def input_peer(call: Call, sent: Any) -> Peer:
    """The person or group that an InputPeer names.

    Raises:
        Refused: no such peer, a wrong access hash, or a group that he is not in.
    """
    match sent:
        case types.InputPeerSelf():
            return call.user
        case types.InputPeerUser():
            return input_user(call, sent)
        case types.InputPeerChat(chat_id=chat_id):
            group = call.world.groups.get(chat_id)
            if group is not None and call.user.id in group.member_ids:
                return group
    raise Refused(400, "PEER_ID_INVALID")


def input_user(call: Call, sent: Any) -> User:
    """The person that an InputUser or InputPeerUser names.

    Raises:
        Refused: nobody, or a wrong access hash.
    """
    match sent:
        case types.InputUserSelf():
            return call.user
        case types.InputUser(user_id=user_id) | types.InputPeerUser(user_id=user_id):
            user = call.world.users.get(user_id)
            if user is not None and (user.id == call.user.id or sent.access_hash == access_hash(user_id)):
                return user
    raise Refused(400, "PEER_ID_INVALID")


def group_of(call: Call, group_id: int) -> Group:
    """A group that he is in.

    Raises:
        Refused: there is none.
    """
    group = call.world.groups.get(group_id)
    if group is None or call.user.id not in group.member_ids:
        raise Refused(400, "CHAT_ID_INVALID")
    return group


def message_in(call: Call, peer: Peer, message_id: int, *, refusal: str = "MESSAGE_ID_INVALID") -> Message:
    """The message with this number in his chat with the peer.

    Raises:
        Refused: with `refusal`, where it does not exist, no longer, or stands in another chat.
    """
    message = call.world.conversation(call.user, peer).find(call.user, message_id)
    if message is None:
        raise Refused(400, refusal)
    return message
