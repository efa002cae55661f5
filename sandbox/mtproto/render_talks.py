"""How conversations look in TL, layer 229, to one account: dialogs, topics, and who is in what was said."""

from collections.abc import Iterable, Iterator
from typing import Any

from telethon.tl import types

from sandbox.accounts import ARCHIVE
from sandbox.attachments import Giveaway, Story
from sandbox.box import Conversation
from sandbox.mtproto.actions import TOPIC_COLOUR
from sandbox.mtproto.render_messages import MessageRenderer
from sandbox.values import GENERAL, PLAIN, Channel, Group, Message, Peer, User
from sandbox.world import World


class TalkRenderer(MessageRenderer):
    """Conversations, as one account sees them."""

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


def _named_in(message: Message, world: World) -> Iterator[Peer]:
    """Everyone whom a message names."""
    if not message.masked:
        yield message.sender
    if message.forward is not None:
        if message.forward.user_id:
            yield world.users[message.forward.user_id]
        if message.forward.channel is not None:
            yield message.forward.channel
    match message.media:
        case Story(user_id=user_id):
            yield world.users[user_id]
        case Giveaway(channel_ids=channel_ids):
            yield from (world.channels[channel_id] for channel_id in channel_ids)
    if message.action is not None:
        yield from (world.users[user_id] for user_id in message.action.member_ids)
        if message.action.peer is not None:
            yield message.action.peer
    details = message.details
    if details is PLAIN:
        return
    yield from filter(None, (details.send_as, details.via_bot, details.via_business_bot))
    yield from (reaction.user for reaction in details.reactions)
    if details.elsewhere is not None:
        yield details.elsewhere.sender
        if details.elsewhere.conversation.group is not None:
            yield details.elsewhere.conversation.group
