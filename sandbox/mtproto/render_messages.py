"""How messages and conversations look in TL, layer 229, to one account.

A message's rendering depends on the message and the viewer alone.
"""

from collections.abc import Iterable
from typing import Any

from telethon.tl import types

from sandbox.accounts import ARCHIVE
from sandbox.box import Conversation
from sandbox.mtproto.attachments import action_of, entities_of, media_of
from sandbox.mtproto.render_peers import PeerRenderer
from sandbox.values import Channel, Group, Message, User


class MessageRenderer(PeerRenderer):
    """What was said, as one account sees it."""

    def message(self, message: Message) -> types.Message | types.MessageService:
        """A message by this account's number."""
        conversation, viewer = message.conversation, self._viewer
        group = conversation.group
        out = message.sender.id == viewer.id and (group is not None or len(conversation.members) > 1)
        answered = None if message.reply_to is None else conversation.id_of(viewer, message.reply_to)
        common = {
            "id": message.id_for(viewer),
            "peer_id": self.peer(conversation.peer(viewer)),
            "date": message.date,
            "out": out or None,
            "from_id": self._author(message) if out or group else None,
            "reply_to": types.MessageReplyHeader(reply_to_msg_id=answered) if answered else None,
            "post": True if isinstance(group, Channel) and group.broadcast else None,
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

    def dialog(self, conversation: Conversation, top: Message | None) -> types.Dialog:
        """One line of the list of chats."""
        viewer, peer = self._viewer, conversation.peer(self._viewer)
        archived = peer.key in self._world.archived.get(viewer.id, ())
        return types.Dialog(
            self.peer(peer),
            top_message=0 if top is None else top.id_for(viewer),
            read_inbox_max_id=conversation.read_inbox_id(viewer),
            read_outbox_max_id=conversation.read_outbox_id(viewer),
            unread_count=conversation.unread(viewer),
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(mute_until=self._world.muted.get(viewer.id, {}).get(peer.key)),
            pts=None if conversation.log is None else conversation.log.pts,
            folder_id=ARCHIVE if archived else None,
        )

    def around(self, messages: Iterable[Message], conversations: Iterable[Conversation] = ()) -> dict[str, list[Any]]:
        """The `users` and `chats` that a client needs to understand these."""
        users = {self._viewer.id: self._viewer}
        groups: dict[int, Group | Channel] = {}
        seen: dict[int, Conversation] = {id(conversation): conversation for conversation in conversations}
        for message in messages:
            users[message.sender.id] = message.sender
            if (masked := message.details.send_as) is not None:
                groups[masked.key] = masked
            seen[id(message.conversation)] = message.conversation
            if message.forward and message.forward.user_id:
                users[message.forward.user_id] = self._world.users[message.forward.user_id]
            if message.via_bot_id:
                users[message.via_bot_id] = self._world.users[message.via_bot_id]
        for conversation in seen.values():
            peer = conversation.peer(self._viewer)
            if isinstance(peer, User):
                users[peer.id] = peer
            else:
                groups[peer.key] = peer
        return {
            "users": [self.user(user) for user in users.values()],
            "chats": [self.chat(group) for group in groups.values()],
        }

    def _author(self, message: Message) -> types.PeerUser | types.PeerChannel | None:
        group = message.conversation.group
        if isinstance(group, Channel) and group.broadcast:
            return None
        masked = message.details.send_as
        return types.PeerUser(message.sender.id) if masked is None else types.PeerChannel(masked.id)


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
