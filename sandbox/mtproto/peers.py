"""Whom a request means: TL input peers to people and groups of the world."""

from typing import Any

from telethon.tl import types

from sandbox.errors import Refused
from sandbox.mtproto.registry import Caller
from sandbox.mtproto.render import access_hash
from sandbox.values import Group, Message, Peer, User


def input_peer(caller: Caller, sent: Any) -> Peer:
    """The person or group that an InputPeer names.

    Raises:
        Refused: no such peer, a wrong access hash, or a group that he is not in.
    """
    match sent:
        case types.InputPeerSelf():
            return caller.user
        case types.InputPeerUser():
            return input_user(caller, sent)
        case types.InputPeerChat(chat_id=chat_id):
            group = caller.world.groups.get(chat_id)
            if group is not None and caller.user.id in group.member_ids:
                return group
    raise Refused(400, "PEER_ID_INVALID")


def input_user(caller: Caller, sent: Any) -> User:
    """The person that an InputUser or InputPeerUser names.

    Raises:
        Refused: nobody, or a wrong access hash.
    """
    match sent:
        case types.InputUserSelf():
            return caller.user
        case types.InputUser(user_id=user_id) | types.InputPeerUser(user_id=user_id):
            user = caller.world.users.get(user_id)
            if user is not None and (user.id == caller.user.id or sent.access_hash == access_hash(user_id)):
                return user
    raise Refused(400, "PEER_ID_INVALID")


def group_of(caller: Caller, group_id: int) -> Group:
    """A group that he is in.

    Raises:
        Refused: there is none.
    """
    group = caller.world.groups.get(group_id)
    if group is None or caller.user.id not in group.member_ids:
        raise Refused(400, "CHAT_ID_INVALID")
    return group


def message_in(caller: Caller, peer: Peer, message_id: int, *, refusal: str = "MESSAGE_ID_INVALID") -> Message:
    """The message with this number in his chat with the peer.

    Raises:
        Refused: with `refusal`, where it does not exist, no longer, or stands in another chat.
    """
    message = caller.world.conversation(caller.user, peer).find(caller.user, message_id)
    if message is None:
        raise Refused(400, refusal)
    return message
