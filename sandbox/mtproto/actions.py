"""What service messages tell, from the world to TL."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from telethon.tl import types

from sandbox.values import Action

TOPIC_COLOUR = 0x6FB9F0
"""The first of those that Telegram offers."""
ENDINGS: Mapping[str, Any] = MappingProxyType(
    {
        "missed": types.PhoneCallDiscardReasonMissed(),
        "busy": types.PhoneCallDiscardReasonBusy(),
        "hangup": types.PhoneCallDiscardReasonHangup(),
        "disconnect": types.PhoneCallDiscardReasonDisconnect(),
    }
)
KINDS: Mapping[str, Callable[[Action], Any]] = MappingProxyType(
    {
        "create_group": lambda told: types.MessageActionChatCreate(told.title, list(told.member_ids)),
        "create_channel": lambda told: types.MessageActionChannelCreate(told.title),
        "edit_group_title": lambda told: types.MessageActionChatEditTitle(told.title),
        "edit_group_photo": lambda told: types.MessageActionChatEditPhoto(types.PhotoEmpty(0)),
        "delete_group_photo": lambda told: types.MessageActionChatDeletePhoto(),
        "invite_members": lambda told: types.MessageActionChatAddUser(list(told.member_ids)),
        "remove_members": lambda told: types.MessageActionChatDeleteUser(*told.member_ids[:1]),
        "join_group_by_link": lambda told: types.MessageActionChatJoinedByLink(*told.member_ids[:1]),
        "join_group_by_request": lambda told: types.MessageActionChatJoinedByRequest(),
        "joined_telegram": lambda told: types.MessageActionContactSignUp(),
        "migrate_to_supergroup": lambda told: types.MessageActionChatMigrateTo(told.peer.id if told.peer else 0),
        "migrate_from_group": lambda told: types.MessageActionChannelMigrateFrom(
            told.title, told.peer.id if told.peer else 0
        ),
        "topic_created": lambda told: types.MessageActionTopicCreate(told.title, TOPIC_COLOUR),
        "topic_edit": lambda told: types.MessageActionTopicEdit(told.title),
        "pin_message": lambda told: types.MessageActionPinMessage(),
        "clear_history": lambda told: types.MessageActionHistoryClear(),
        "take_screenshot": lambda told: types.MessageActionScreenshotTaken(),
        "set_messages_ttl": lambda told: types.MessageActionSetMessagesTTL(told.duration),
        "noforwards_toggle": lambda told: types.MessageActionNoForwardsToggle(not told.on, told.on),
        "phone_call": lambda told: types.MessageActionPhoneCall(
            0, video=told.video or None, reason=ENDINGS.get(told.reason), duration=told.duration or None
        ),
        "group_call": lambda told: types.MessageActionGroupCall(
            types.InputGroupCall(0, 0), duration=told.duration or None
        ),
    }
)


def action_of(action: Action) -> Any:
    """A service message's action; what the world knows by name alone is told in Telegram's free form."""
    known = KINDS.get(action.kind)
    if known is not None:
        return known(action)
    return types.MessageActionCustomAction(action.title or action.kind.replace("_", " "))
