"""Whom a request means: TL input peers to people, groups and channels of the world."""

from typing import Any

from telethon import utils
from telethon.tl import types

from sandbox.errors import Refused
from sandbox.mtproto.registry import Caller
from sandbox.mtproto.render_peers import access_hash
from sandbox.values import Channel, Group, Message, Peer, User


def input_peer(caller: Caller, sent: Any) -> Peer:
    """The person, group or channel that an InputPeer names.

    Raises:
        Refused: no such peer, a wrong access hash, or a group or channel that he is not in.
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
        case types.InputPeerChannel():
            return input_channel(caller, sent)
    raise Refused(400, "PEER_ID_INVALID")


def marked_id(caller: Caller, sent: Any) -> int:
    """Of whom an InputPeer names, whether he may see them or not; 0 for nobody."""
    match sent:
        case types.InputPeerSelf():
            return caller.user.id
        case types.InputPeerEmpty():
            return 0
    return int(utils.get_peer_id(sent))


def input_channel(caller: Caller, sent: Any, *, left: bool = False) -> Channel:
    """The channel that an InputChannel or InputPeerChannel names.

    Args:
        left: also one that he is not in.

    Raises:
        Refused: no such channel, a wrong access hash, or one that he is not in.
    """
    match sent:
        case (
            types.InputChannel(channel_id=channel_id, access_hash=sent_hash)
            | types.InputPeerChannel(channel_id=channel_id, access_hash=sent_hash)
        ):
            channel = caller.world.channels.get(channel_id)
            if channel is not None and sent_hash == access_hash(channel.key):
                if not left and caller.user not in caller.world.talk_of(channel).members:
                    raise Refused(400, "CHANNEL_PRIVATE")
                return channel
    raise Refused(400, "CHANNEL_INVALID")


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
