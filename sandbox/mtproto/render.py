"""How the world looks in TL, layer 229, to one account: where it stands, and what it is told.

Breaks when Telegram changes its constructors; then this file and its neighbours change (`render_*` for peers, messages
and conversations, `entities`, `attachments`, `actions`), and nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from telethon.tl import types

from sandbox.box import Conversation
from sandbox.events import (
    Deleted,
    Drafted,
    Edited,
    Event,
    Kept,
    Membership,
    NewMessage,
    Pressed,
    Reacted,
    ReadInbox,
    ReadOutbox,
    Refoldered,
    Status,
    Typing,
)
from sandbox.mtproto.render_peers import ONLINE_FOR
from sandbox.mtproto.render_talks import TalkRenderer
from sandbox.values import Channel, Group

TYPING = {
    "typing": types.SendMessageTypingAction(),
    "cancel": types.SendMessageCancelAction(),
    "record-audio": types.SendMessageRecordAudioAction(),
    "record-round": types.SendMessageRecordRoundAction(),
    "sticker": types.SendMessageChooseStickerAction(),
}
"""What someone does who is about to send something."""


class Renderer(TalkRenderer):
    """The world as one account sees it."""

    def state(self, pts: int | None = None) -> types.updates.State:
        """Where this account's updates stand."""
        box = self._world.box(self._viewer)
        unread = sum(1 for conversation in box.conversations.values() if conversation.unread(self._viewer))
        return types.updates.State(
            pts=box.pts if pts is None else pts, qts=0, date=self.now(), seq=0, unread_count=unread
        )

    def update(self, event: Event, pts: int) -> Any | None:
        """An event as an update; None for what clients are not told."""
        match event:
            case NewMessage(message):
                new = types.UpdateNewChannelMessage if _in_channel(message.conversation) else types.UpdateNewMessage
                return new(self.message(message), pts, 1)
            case Edited(message):
                edit = types.UpdateEditChannelMessage if _in_channel(message.conversation) else types.UpdateEditMessage
                return edit(self.message(message), pts, 1)
            case Deleted(conversation, ids):
                if isinstance(conversation.group, Channel):
                    return types.UpdateDeleteChannelMessages(conversation.group.id, list(ids), pts, 1)
                return types.UpdateDeleteMessages(list(ids), pts, 1)
            case ReadInbox() | ReadOutbox():
                return self._read(event, pts)
            case Reacted(message):
                return self.reacted(message, shared=message.conversation.log is not None)
            case Typing():
                return self._typing(event)
            case Drafted(conversation, text):
                peer = self.peer(conversation.peer(self._viewer))
                return types.UpdateDraftMessage(peer, types.DraftMessage(text, self.now()))
            case Status(user, online):
                now = self.now()
                status = types.UserStatusOnline(now + ONLINE_FOR) if online else types.UserStatusOffline(now)
                return types.UpdateUserStatus(user.id, status)
            case Membership(conversation):
                group = conversation.peer(self._viewer)
                return (types.UpdateChannel if isinstance(group, Channel) else types.UpdateChat)(group.id)
            case Refoldered():
                return types.UpdateDialogFilters()
            case Pressed():
                return None

    def _read(self, event: ReadInbox | ReadOutbox, pts: int) -> Any:
        conversation, max_id = event.conversation, event.max_id
        group, unread = conversation.group, conversation.unread(self._viewer)
        peer = self.peer(conversation.peer(self._viewer))
        match event:
            case ReadInbox() if isinstance(group, Channel):
                return types.UpdateReadChannelInbox(group.id, max_id, unread, pts)
            case ReadInbox():
                return types.UpdateReadHistoryInbox(peer, max_id, unread, pts, 1)
            case ReadOutbox() if isinstance(group, Channel):
                return types.UpdateReadChannelOutbox(group.id, max_id)
        return types.UpdateReadHistoryOutbox(peer, max_id, pts, 1)

    def _typing(self, event: Typing) -> Any:
        who, doing = types.PeerUser(event.user.id), TYPING.get(event.action, TYPING["typing"])
        match event.conversation.group:
            case Group(id=group_id):
                return types.UpdateChatUserTyping(group_id, who, doing)
            case Channel(id=channel_id):
                return types.UpdateChannelUserTyping(channel_id, who, doing)
        return types.UpdateUserTyping(event.user.id, doing)

    def updates(self, updates: Sequence[Any], events: Iterable[Event] = ()) -> types.Updates:
        """Updates with who is in them; never with a seq."""
        messages = [event.message for event in events if isinstance(event, (NewMessage, Edited, Reacted))]
        told = [event.conversation for event in events if isinstance(event, (ReadInbox, ReadOutbox, Membership))]
        around = self.around(messages, told)
        return types.Updates(
            updates=list(updates), users=around["users"], chats=around["chats"], date=self.now(), seq=0
        )

    def pushed(self, event: Event, pts: int) -> bytes | None:
        """What a session is sent on its own."""
        update = self.update(event, pts)
        if update is None:
            return None
        if isinstance(event, (Kept, Reacted, Membership)):
            return bytes(self.updates([update], [event]))
        return bytes(types.UpdateShort(update, self.now()))


def _in_channel(conversation: Conversation) -> bool:
    return isinstance(conversation.group, Channel)
