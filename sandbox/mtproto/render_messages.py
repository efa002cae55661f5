"""How messages and conversations look in TL, layer 229, to one account.

A message's rendering depends on the message and the viewer alone.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from telethon.tl import types

from sandbox.accounts import ARCHIVE
from sandbox.box import Conversation
from sandbox.mtproto.attachments import TOPIC_COLOUR, action_of, entities_of, media_of
from sandbox.mtproto.render_peers import PeerRenderer
from sandbox.values import GENERAL, PLAIN, Channel, Group, Message, Peer, User
from sandbox.world import World


class MessageRenderer(PeerRenderer):
    """What was said, as one account sees it."""

    def message(self, message: Message) -> types.Message | types.MessageService:
        """A message by this account's number."""
        conversation, viewer = message.conversation, self._viewer
        group = conversation.group
        out = message.sender.id == viewer.id and (group is not None or len(conversation.members) > 1)
        common = {
            "id": message.id_for(viewer),
            "peer_id": self.peer(conversation.peer(viewer)),
            "date": message.date,
            "out": out or None,
            "from_id": self._author(message) if out or group else None,
            "reply_to": self._reply(message),
            "post": True if isinstance(group, Channel) and group.broadcast else None,
        }
        if message.action is not None:
            return types.MessageService(**common, action=action_of(message.action))
        details = message.details
        return types.Message(
            **common,
            message=message.text,
            fwd_from=_forwarded(message),
            via_bot_id=details.via_bot.id if details.via_bot else None,
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
            seen[id(message.conversation)] = message.conversation
            for peer in _named_in(message, self._world):
                if isinstance(peer, User):
                    users[peer.id] = peer
                else:
                    groups[peer.key] = peer
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

    def topics(self, talk: Conversation, messages: Iterable[Message]) -> list[types.ForumTopic]:
        """The topics of a forum that these messages stand in, but for those whose first message is gone."""
        if not isinstance(talk.group, Channel) or not talk.group.forum:
            return []
        places = dict.fromkeys(message.details.topic for message in messages)
        roots = {place: None if place is None else talk.messages[place] for place in places}
        return [self.topic(talk, root) for place, root in roots.items() if place is None or root is not None]

    def topic(self, talk: Conversation, root: Message | None) -> types.ForumTopic:
        """A topic of a forum; None for General, which every forum has."""
        viewer, place = self._viewer, None if root is None else root.index
        top = next(talk.newest_in_topic(viewer, place), None)
        creator_id = talk.group.creator_id if isinstance(talk.group, Channel) else viewer.id
        author = root.sender.id if root else creator_id
        return types.ForumTopic(
            id=root.id_for(viewer) if root else GENERAL,
            date=root.date if root else talk.group.created if talk.group else 0,
            peer=self.peer(talk.peer(viewer)),
            title=root.action.title if root and root.action else "General",
            icon_color=TOPIC_COLOUR,
            top_message=top.id_for(viewer) if top else 0,
            read_inbox_max_id=talk.read_inbox_id(viewer),
            read_outbox_max_id=talk.read_outbox_id(viewer),
            unread_count=sum(message.details.topic == place for message in talk.unread_messages(viewer)),
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            from_id=types.PeerUser(author),
            notify_settings=types.PeerNotifySettings(),
            my=author == viewer.id or None,
        )

    def _reply(self, message: Message) -> types.MessageReplyHeader | None:
        """What it answers, and in which topic: what is said in a topic answers the message that began it."""
        talk, viewer, details = message.conversation, self._viewer, message.details
        if message.reply_to is None and details is PLAIN:
            return None
        in_topic = details.topic is not None and not message.begins_topic
        topic = talk.id_of(viewer, details.topic) if in_topic and details.topic is not None else None
        answered = None if message.reply_to is None else talk.id_of(viewer, message.reply_to)
        if topic is None and answered is None and details.elsewhere is None:
            return None
        quote = details.quote or None
        header = types.MessageReplyHeader(
            reply_to_msg_id=answered or topic,
            forum_topic=in_topic or None,
            reply_to_top_id=topic if answered else None,
            quote=True if quote else None,
            quote_text=quote,
            quote_offset=details.quote_offset or None,
        )
        if (other := details.elsewhere) is not None:
            self._reply_elsewhere(header, other)
        return header

    def _reply_elsewhere(self, header: types.MessageReplyHeader, other: Message) -> None:
        """A viewer who is in that other chat is told where it stands; everyone is told who wrote it."""
        header.reply_from = types.MessageFwdHeader(other.date, from_id=types.PeerUser(other.sender.id))
        if self._viewer in other.conversation.members:
            header.reply_to_msg_id = other.id_for(self._viewer)
            header.reply_to_peer_id = self.peer(other.conversation.peer(self._viewer))

    def _author(self, message: Message) -> types.PeerUser | types.PeerChannel | None:
        group = message.conversation.group
        if isinstance(group, Channel) and group.broadcast:
            return None
        masked = message.details.send_as
        return types.PeerUser(message.sender.id) if masked is None else types.PeerChannel(masked.id)


def _named_in(message: Message, world: World) -> Iterator[Peer]:
    """Everyone whom a message names."""
    yield message.sender
    if message.forward and message.forward.user_id:
        yield world.users[message.forward.user_id]
    if message.action is not None:
        yield from (world.users[user_id] for user_id in message.action.member_ids)
        if message.action.peer is not None:
            yield message.action.peer
    details = message.details
    if details is PLAIN:
        return
    yield from filter(None, (details.send_as, details.via_bot, details.via_business_bot))
    if details.elsewhere is not None:
        yield details.elsewhere.sender
        if details.elsewhere.conversation.group is not None:
            yield details.elsewhere.conversation.group


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
