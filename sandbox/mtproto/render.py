"""How the world looks in TL, layer 229, to one account: users, chats, messages, dialogs, updates.

Breaks when Telegram changes its constructors; then this file and `attachments.py` change, and nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from telethon.tl import types

from sandbox.box import Conversation
from sandbox.events import Deleted, Edited, Event, Kept, NewMessage, Pressed, ReadInbox, ReadOutbox, Status, Typing
from sandbox.mtproto.attachments import action_of, entities_of, media_of
from sandbox.values import Group, Message, Peer, User
from sandbox.world import World

ONLINE_FOR = 300
"""Seconds until a status runs out."""
TYPING = {
    "typing": types.SendMessageTypingAction(),
    "cancel": types.SendMessageCancelAction(),
    "record-audio": types.SendMessageRecordAudioAction(),
    "record-round": types.SendMessageRecordRoundAction(),
    "sticker": types.SendMessageChooseStickerAction(),
}
"""What someone does who is about to send something."""
HASH_SECRET = 0x5EED5EED5EED


def access_hash(peer_id: int) -> int:
    """Any number will do that a client cannot guess by chance and that stays the same."""
    return (peer_id * 0x9E3779B97F4A7C15 ^ HASH_SECRET) & (2**62 - 1)


class Renderer:
    """The world as one account sees it."""

    def __init__(self, world: World, viewer: User) -> None:
        self._world = world
        self._viewer = viewer

    def user(self, user: User) -> types.User:
        """A user; only his own phone number is shown to him."""
        mine = user.id == self._viewer.id
        first, _, last = user.name.partition(" ")
        return types.User(
            user.id,
            is_self=mine or None,
            contact=None if mine or user.bot else True,
            mutual_contact=None if mine or user.bot else True,
            bot=user.bot or None,
            bot_info_version=1 if user.bot else None,
            access_hash=access_hash(user.id),
            first_name=first,
            last_name=last or None,
            username=user.username,
            phone=user.phone.removeprefix("+") if mine else None,
            status=None if user.bot else types.UserStatusRecently(),
        )

    def chat(self, group: Group) -> types.Chat:
        """A basic group."""
        return types.Chat(
            group.id, group.title, types.ChatPhotoEmpty(), len(group.member_ids), group.created, 1,
            creator=group.member_ids[0] == self._viewer.id or None,
        )  # fmt: skip

    def peer(self, peer: Peer) -> types.PeerUser | types.PeerChat:
        """Who, by id alone."""
        return types.PeerChat(peer.id) if isinstance(peer, Group) else types.PeerUser(peer.id)

    def message(self, message: Message) -> types.Message | types.MessageService:
        """A message by this account's number."""
        conversation, viewer = message.conversation, self._viewer
        alone = len(conversation.members) == 1 and conversation.group is None
        out = message.sender.id == viewer.id and not alone
        answered = None if message.reply_to is None else conversation.id_of(viewer, message.reply_to)
        common = {
            "id": message.id_for(viewer),
            "peer_id": self.peer(conversation.peer(viewer)),
            "date": message.date,
            "out": out or None,
            "from_id": types.PeerUser(message.sender.id) if out or conversation.group else None,
            "reply_to": types.MessageReplyHeader(reply_to_msg_id=answered) if answered else None,
        }
        if message.action is not None:
            return types.MessageService(**common, action=action_of(message.action))
        if message.text and message.media is None and not (message.edited or message.forward or message.entities):
            return types.Message(**common, message=message.text, reply_markup=_markup(message))
        return types.Message(
            **common,
            message=message.text,
            fwd_from=_forwarded(message),
            via_bot_id=message.via_bot_id,
            media=None if message.media is None else media_of(message.media, message.date),
            reply_markup=_markup(message),
            entities=entities_of(message.entities) or None,
            edit_date=message.edited or None,
        )

    def dialog(self, conversation: Conversation, top: Message) -> types.Dialog:
        """One line of the list of chats."""
        viewer = self._viewer
        return types.Dialog(
            self.peer(conversation.peer(viewer)),
            top_message=top.id_for(viewer),
            read_inbox_max_id=conversation.read_inbox_id(viewer),
            read_outbox_max_id=conversation.read_outbox_id(viewer),
            unread_count=conversation.unread(viewer),
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(),
        )

    def around(self, messages: Iterable[Message], conversations: Iterable[Conversation] = ()) -> dict[str, list[Any]]:
        """The `users` and `chats` that a client needs to understand these."""
        users = {self._viewer.id: self._viewer}
        groups: dict[int, Group] = {}
        seen: dict[int, Conversation] = {id(conversation): conversation for conversation in conversations}
        for message in messages:
            users[message.sender.id] = message.sender
            seen[id(message.conversation)] = message.conversation
            if message.forward and message.forward.user_id:
                users[message.forward.user_id] = self._world.users[message.forward.user_id]
            if message.via_bot_id:
                users[message.via_bot_id] = self._world.users[message.via_bot_id]
        for conversation in seen.values():
            match conversation.peer(self._viewer):
                case Group() as group:
                    groups[group.id] = group
                case User() as user:
                    users[user.id] = user
        return {
            "users": [self.user(user) for user in users.values()],
            "chats": [self.chat(group) for group in groups.values()],
        }

    def state(self, pts: int | None = None) -> types.updates.State:
        """Where this account's updates stand."""
        box = self._world.box(self._viewer)
        unread = sum(1 for conversation in box.conversations.values() if conversation.unread(self._viewer))
        return types.updates.State(
            pts=box.pts if pts is None else pts, qts=0, date=self.now(), seq=0, unread_count=unread
        )

    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._world.clock())

    def update(self, event: Event, pts: int) -> Any | None:
        """An event as an update; None for what clients are not told."""
        match event:
            case NewMessage(message):
                return types.UpdateNewMessage(self.message(message), pts, 1)
            case Edited(message):
                return types.UpdateEditMessage(self.message(message), pts, 1)
            case Deleted(_, ids):
                return types.UpdateDeleteMessages(list(ids), pts, 1)
            case ReadInbox(conversation, max_id):
                peer = self.peer(conversation.peer(self._viewer))
                return types.UpdateReadHistoryInbox(peer, max_id, conversation.unread(self._viewer), pts, 1)
            case ReadOutbox(conversation, max_id):
                return types.UpdateReadHistoryOutbox(self.peer(conversation.peer(self._viewer)), max_id, pts, 1)
            case Typing(conversation, user, action):
                doing = TYPING.get(action, TYPING["typing"])
                if conversation.group is not None:
                    return types.UpdateChatUserTyping(conversation.group.id, types.PeerUser(user.id), doing)
                return types.UpdateUserTyping(user.id, doing)
            case Status(user, online):
                now = self.now()
                status = types.UserStatusOnline(now + ONLINE_FOR) if online else types.UserStatusOffline(now)
                return types.UpdateUserStatus(user.id, status)
            case Pressed():
                return None

    def updates(self, updates: Sequence[Any], events: Iterable[Event] = ()) -> types.Updates:
        """Updates with who is in them; never with a seq."""
        messages = [event.message for event in events if isinstance(event, (NewMessage, Edited))]
        told = [event.conversation for event in events if isinstance(event, (ReadInbox, ReadOutbox, Typing))]
        around = self.around(messages, told)
        return types.Updates(
            updates=list(updates), users=around["users"], chats=around["chats"], date=self.now(), seq=0
        )

    def pushed(self, event: Event, pts: int) -> bytes | None:
        """What a session is sent on its own."""
        update = self.update(event, pts)
        if update is None:
            return None
        if isinstance(event, Kept):
            return bytes(self.updates([update], [event]))
        return bytes(types.UpdateShort(update, self.now()))


def _markup(message: Message) -> types.ReplyInlineMarkup | None:
    if not message.keyboard:
        return None
    return types.ReplyInlineMarkup(
        [
            types.KeyboardInlineButtonRow(
                [types.KeyboardInlineButton(text, types.InlineButtonTypeCallback(data.encode())) for text, data in row]
            )
            for row in message.keyboard
        ]
    )


def _forwarded(message: Message) -> types.MessageFwdHeader | None:
    origin = message.forward
    if origin is None:
        return None
    from_id = None if origin.user_id is None else types.PeerUser(origin.user_id)
    return types.MessageFwdHeader(date=origin.date, from_id=from_id, from_name=None if from_id else origin.name)
