"""Supergroups and channels: who they are, who is in them, what is read and deleted there."""

from typing import Any

from telethon.tl import functions, types

from sandbox.box import Conversation
from sandbox.errors import Refused
from sandbox.mtproto.peers import input_channel
from sandbox.mtproto.registry import PAGE, Caller, Methods
from sandbox.values import User

methods = Methods()


@methods.handles(functions.channels.GetChannelsRequest)
def get_channels(caller: Caller, request: functions.channels.GetChannelsRequest) -> types.messages.Chats:
    """Each of these channels, also those that he is no longer in."""
    renderer = caller.renderer
    return types.messages.Chats([renderer.channel(input_channel(caller, sent, left=True)) for sent in request.id])


@methods.handles(functions.channels.GetFullChannelRequest)
def get_full_channel(caller: Caller, request: functions.channels.GetFullChannelRequest) -> types.messages.ChatFull:
    """What a channel's page shows."""
    channel = input_channel(caller, request.channel)
    talk, viewer, renderer = caller.world.talk_of(channel), caller.user, caller.renderer
    before = caller.world.group_before(channel)
    old = None if before is None else caller.world.box(viewer).conversations.get(before.key)
    full = types.ChannelFull(
        channel.id, "", talk.read_inbox_id(viewer), talk.read_outbox_id(viewer), talk.unread(viewer),
        types.PhotoEmpty(0), types.PeerNotifySettings(), [], talk.kept_by(caller.world.box(viewer)).pts,
        can_view_participants=not channel.broadcast or None, participants_count=len(talk.members),
        migrated_from_chat_id=before.id if before and old else None,
        migrated_from_max_id=old.id_of(viewer, -1) if old else None,
    )  # fmt: skip
    chats = [renderer.channel(channel), *([renderer.chat(before)] if before and old else [])]
    return types.messages.ChatFull(full, chats, [])


@methods.handles(functions.channels.GetParticipantsRequest)
def get_participants(
    caller: Caller, request: functions.channels.GetParticipantsRequest
) -> types.channels.ChannelParticipants:
    """A page of the members, whatever the filter; of a broadcast only its creator sees them."""
    channel = input_channel(caller, request.channel)
    if channel.broadcast and channel.creator_id != caller.user.id:
        raise Refused(400, "CHAT_ADMIN_REQUIRED")
    members = caller.world.talk_of(channel).members
    page = members[request.offset : request.offset + min(request.limit, PAGE)]

    def participant(user: User) -> Any:
        if user.id == channel.creator_id:
            return types.ChannelParticipantCreator(user.id, types.ChatAdminRights())
        return types.ChannelParticipant(user.id, channel.created)

    renderer = caller.renderer
    return types.channels.ChannelParticipants(
        len(members), [participant(user) for user in page], [], [renderer.user(user) for user in page]
    )


@methods.handles(functions.channels.ReadHistoryRequest)
def read_history(caller: Caller, request: functions.channels.ReadHistoryRequest) -> bool:
    """Mark as read up to a number; 0 for everything."""
    channel = input_channel(caller, request.channel)
    before = _read(caller, caller.world.talk_of(channel))
    caller.world.read(caller.user, channel, request.max_id, origin=caller.origin)
    return _read(caller, caller.world.talk_of(channel)) > before


@methods.handles(functions.channels.DeleteMessagesRequest)
def delete_messages(
    caller: Caller, request: functions.channels.DeleteMessagesRequest
) -> types.messages.AffectedMessages:
    """Take messages away from all: one's own, or as the creator anyone's; numbers that name nothing are passed over."""
    channel = input_channel(caller, request.channel)
    talk = caller.world.talk_of(channel)
    found = [message for number in request.id if (message := talk.find(caller.user, number)) is not None]
    if channel.creator_id != caller.user.id and any(message.sender.id != caller.user.id for message in found):
        raise Refused(403, "MESSAGE_DELETE_FORBIDDEN")
    log = talk.kept_by(caller.world.box(caller.user))
    before = log.pts
    caller.world.delete(*found, origin=caller.origin)
    return types.messages.AffectedMessages(log.pts, log.pts - before)


@methods.handles(functions.channels.LeaveChannelRequest)
def leave(caller: Caller, request: functions.channels.LeaveChannelRequest) -> types.Updates:
    """Go; the dialog goes too."""
    channel = input_channel(caller, request.channel)
    caller.world.leave(caller.user, channel)
    renderer = caller.renderer
    return types.Updates([types.UpdateChannel(channel.id)], [], [renderer.channel(channel)], date=renderer.now(), seq=0)


def _read(caller: Caller, talk: Conversation) -> int:
    return talk.read[caller.user.id]
