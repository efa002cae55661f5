"""Who people and groups are."""

from typing import Any

from telethon.tl import functions, types

from sandbox.errors import Refused
from sandbox.mtproto.peers import group_of, input_user
from sandbox.mtproto.registry import Caller, Methods

methods = Methods()


@methods.handles(functions.users.GetUsersRequest)
def get_users(caller: Caller, request: functions.users.GetUsersRequest) -> list[Any]:
    """Each of them; UserEmpty for whom he may not see."""
    renderer = caller.renderer
    answers: list[Any] = []
    for sent in request.id:
        try:
            answers.append(renderer.user(input_user(caller, sent)))
        except Refused:
            answers.append(types.UserEmpty(getattr(sent, "user_id", 0)))
    return answers


@methods.handles(functions.users.GetFullUserRequest)
def get_full_user(caller: Caller, request: functions.users.GetFullUserRequest) -> types.users.UserFull:
    """What a profile page shows: here, the name, and who of the two does not want their chat forwarded or saved."""
    user = input_user(caller, request.id)
    talk = caller.world.box(caller.user).conversations.get(user.key)
    protected_by = set() if talk is None else talk.protected_by
    full = types.UserFull(
        user.id, types.PeerSettings(), types.PeerNotifySettings(), common_chats_count=0,
        noforwards_my_enabled=caller.user.id in protected_by or None,
        noforwards_peer_enabled=bool(protected_by - {caller.user.id}) or None,
    )  # fmt: skip
    return types.users.UserFull(full, [], [caller.renderer.user(user)])


@methods.handles(functions.messages.GetChatsRequest)
def get_chats(caller: Caller, request: functions.messages.GetChatsRequest) -> types.messages.Chats:
    """Each of these groups."""
    renderer = caller.renderer
    return types.messages.Chats([renderer.chat(group_of(caller, group_id)) for group_id in request.id])


@methods.handles(functions.messages.GetFullChatRequest)
def get_full_chat(caller: Caller, request: functions.messages.GetFullChatRequest) -> types.messages.ChatFull:
    """A group and its members."""
    group = group_of(caller, request.chat_id)
    renderer = caller.renderer
    first = group.member_ids[0]
    members = [
        types.ChatParticipant(user_id, first, group.created)
        if user_id != first
        else types.ChatParticipantCreator(first)
        for user_id in group.member_ids
    ]
    participants = types.ChatParticipants(group.id, members, 1)
    full = types.ChatFull(group.id, "", participants, types.PeerNotifySettings())
    users = [renderer.user(caller.world.users[user_id]) for user_id in group.member_ids]
    return types.messages.ChatFull(full, [renderer.chat(group)], users)
