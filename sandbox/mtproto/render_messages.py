"""How messages look in TL, layer 229, to one account.

A message's rendering depends on the message and the viewer alone.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from telethon.tl import types

from sandbox.mtproto.actions import action_of
from sandbox.mtproto.attachments import media_of
from sandbox.mtproto.entities import entities_of
from sandbox.mtproto.render_peers import PeerRenderer
from sandbox.values import PLAIN, Channel, Message


class MessageRenderer(PeerRenderer):
    """What was said, as one account sees it."""

    def message(self, message: Message) -> types.Message | types.MessageService:
        """A message by this account's number."""
        conversation, viewer = message.conversation, self._viewer
        group = conversation.group
        out = message.sender.id == viewer.id and not conversation.saved
        common = {
            "id": message.id_for(viewer),
            "peer_id": self.peer(conversation.peer(viewer)),
            "date": message.date,
            "out": out or None,
            "from_id": self._author(message) if out or group else None,
            "reply_to": self._reply(message),
            "saved_peer_id": self._saved_peer(message) if conversation.saved else None,
            "post": True if isinstance(group, Channel) and group.broadcast else None,
        }
        details = message.details
        if details is not PLAIN:
            common |= self._details(message)
        if message.action is not None:
            return types.MessageService(**common, action=action_of(message.action))
        if not (message.media or message.edited or message.forward or message.entities):  # most, and quicker so
            return types.Message(**common, message=message.text, reply_markup=_markup(message))
        return types.Message(
            **common,
            message=message.text,
            fwd_from=self._forwarded(message),
            media=None if message.media is None else media_of(message.media, message.date),
            reply_markup=_markup(message),
            entities=entities_of(message.entities) or None,
            edit_date=message.edited or None,
        )

    def reactions(self, message: Message, *, shared: bool = False) -> types.MessageReactions:
        """How often each emoji stands there, and which are the viewer's own.

        Args:
            shared: as everyone is told alike (`min`): without whose they are.
        """
        given = message.details.reactions
        counts = Counter(reaction.emoji for reaction in given)
        own = [reaction.emoji for reaction in given if reaction.user.id == self._viewer.id and not shared]
        group = message.conversation.group
        listed = not (isinstance(group, Channel) and group.broadcast)
        recent = [
            types.MessagePeerReaction(
                types.PeerUser(one.user.id), one.date, _emoji(one.emoji), my=one.user.id == self._viewer.id or None
            )
            for one in reversed(given)
        ]
        return types.MessageReactions(
            [
                types.ReactionCount(_emoji(emoji), count, own.index(emoji) + 1 if emoji in own else None)
                for emoji, count in counts.most_common()
            ],
            min=shared or None,
            reactions_as_tags=message.conversation.saved or None,
            can_see_list=listed or None,
            recent_reactions=recent if listed and recent and not shared else None,
        )

    def reacted(self, message: Message, *, shared: bool = False) -> types.UpdateMessageReactions:
        """What is told of reactions to a message."""
        return types.UpdateMessageReactions(
            self.peer(message.conversation.peer(self._viewer)),
            message.id_for(self._viewer),
            self.reactions(message, shared=shared),
            top_msg_id=None if message.details.topic is None else message.topic_for(self._viewer),
        )

    def _details(self, message: Message) -> dict[str, Any]:
        """What few messages have."""
        details = message.details
        found: dict[str, Any] = {
            "noforwards": details.protected or None,
            "ttl_period": details.ttl or None,
            "reactions": self.reactions(message) if details.reactions else None,
        }
        if message.action is None:
            found |= {
                "via_bot_id": details.via_bot.id if details.via_bot else None,
                "via_business_bot_id": details.via_business_bot.id if details.via_business_bot else None,
                "grouped_id": details.album or None,
                "edit_hide": details.hidden_edit or None,
                "rich_message": _rich(details.rich) if details.rich else None,
            }
        return found

    def _forwarded(self, message: Message) -> types.MessageFwdHeader | None:
        origin = message.forward
        if origin is None:
            return None
        header = types.MessageFwdHeader(origin.date, channel_post=origin.post, post_author=origin.author)
        if origin.channel is not None:
            header.from_id = types.PeerChannel(origin.channel.id)
        elif origin.user_id is not None:
            header.from_id = types.PeerUser(origin.user_id)
        else:
            header.from_name = origin.name
        saved = origin.saved_from
        if saved is not None and self._viewer in saved.conversation.members:
            header.saved_from_peer = self.peer(saved.conversation.peer(self._viewer))
            header.saved_from_msg_id = saved.id_for(self._viewer)
        return header

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

    def _saved_peer(self, message: Message) -> types.PeerUser | types.PeerChat | types.PeerChannel:
        """Under whose name Saved Messages shows it: of what was forwarded, the chat that it came from."""
        origin = message.forward.saved_from if message.forward else None
        return self.peer(self._viewer if origin is None else origin.conversation.peer(self._viewer))

    def _author(self, message: Message) -> types.PeerUser | types.PeerChannel | None:
        if not message.masked:
            return types.PeerUser(message.sender.id)
        name = message.details.send_as
        return None if name is None else types.PeerChannel(name.id)


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


def _emoji(emoji: str | int) -> Any:
    return types.ReactionCustomEmoji(emoji) if isinstance(emoji, int) else types.ReactionEmoji(emoji)


def _rich(paragraphs: Iterable[str]) -> types.RichMessage:
    return types.RichMessage([types.PageBlockParagraph(types.TextPlain(text)) for text in paragraphs], [], [])
