"""What people do in their conversations: say, edit, delete, read, type, react; and who is told of it."""

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Unpack

from sandbox.accounts import Accounts
from sandbox.attachments import Attachment
from sandbox.box import Conversation
from sandbox.errors import Refused
from sandbox.events import Deleted, Drafted, Edited, Event, NewMessage, Reacted, ReadInbox, ReadOutbox, Typing
from sandbox.values import (
    PLAIN,
    Action,
    Channel,
    Details,
    Entity,
    Forward,
    Kind,
    Message,
    Peer,
    Reaction,
    User,
    keyboard,
)

Rows = Sequence[Sequence[tuple[str, str]]]
"""Buttons of a keyboard: (text, callback data) of each."""


class Talk(Accounts):
    """Accounts that talk to each other.

    Args:
        clock: gives seconds since 1970, for messages without a date.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._expiring: list[tuple[int, int, Message]] = []
        """A heap of (when, one number for each, message that deletes itself)."""
        self._order = itertools.count()

    def say(
        self,
        sender: User,
        receiver: Peer,
        text: str,
        *,
        date: float | None = None,
        silent: bool = False,
        entities: Sequence[Entity] = (),
        media: Attachment | None = None,
        reply_to: Message | None = None,
        forward: Forward | None = None,
        action: Action | None = None,
        keyboard_rows: Rows = (),
        topic: Message | None = None,
        origin: object = None,
        **kind: Unpack[Kind],
    ) -> Message:
        """One message, to a person (oneself: Saved Messages), a group or a channel.

        Args:
            date: seconds since 1970; now when left out. Say older things first.
            silent: history that lies there from before: nobody is told, everybody has read it.
            reply_to: what it answers, here or in another conversation; `quote` names the part.
            topic: of a forum, the message that began it; left out for General, and where `reply_to` stands in it.
            kind: what few messages have; see `Details`.
        """
        conversation = self.conversation(sender, receiver)
        answered, details = placed(conversation, reply_to, topic, kind)
        message = Message(
            conversation, len(conversation.messages), sender, int(self.clock() if date is None else date), text,
            entities=tuple(entities), media=media, reply_to=answered, forward=forward, action=action,
            keyboard=keyboard(keyboard_rows), details=details,
        )  # fmt: skip
        self.place(message)
        if silent:
            conversation.read.update(dict.fromkeys(conversation.read, len(conversation.messages)))
        else:
            self._tell(conversation, NewMessage(message), origin)
        return message

    def place(self, message: Message, numbers: dict[int, int] | None = None) -> None:
        """Put a message at the end of its conversation, numbered by each box, or by its channel.

        Args:
            numbers: those that are given, by user id; of a channel by its marked id.
        """
        conversation = message.conversation
        conversation.messages.append(message)
        if message.details.ttl:
            heapq.heappush(self._expiring, (message.date + message.details.ttl, next(self._order), message))
        if message.details.topic is not None:
            conversation.topics[message.details.topic].append(message.index)
        if isinstance(conversation.group, Channel):
            conversation.number_alike(numbers.get(conversation.group.key) if numbers else None)
            return
        for member in conversation.members:
            box = self._boxes[member.id]
            given = numbers.get(member.id) if numbers else None
            if given is None:
                given = box.number()
            elif given > box.last_id:
                box.last_id = given
            conversation.ids[member.id].append(given)

    def edit(
        self,
        message: Message,
        text: str | None = None,
        *,
        entities: Sequence[Entity] = (),
        keyboard_rows: Rows | None = None,
        date: float | None = None,
        origin: object = None,
    ) -> None:
        """Change its words, its buttons, or both; what is None stays.

        Raises:
            Refused: nothing would change.
        """
        new_text = message.text if text is None else text
        new_entities = message.entities if text is None else tuple(entities)
        new_keyboard = message.keyboard if keyboard_rows is None else keyboard(keyboard_rows)
        if (new_text, new_entities, new_keyboard) == (message.text, message.entities, message.keyboard):
            raise Refused(400, "MESSAGE_NOT_MODIFIED")
        message.text, message.entities, message.keyboard = new_text, new_entities, new_keyboard
        message.edited = int(self.clock() if date is None else date)
        if message.details.hidden_edit:
            message.details = replace(message.details, hidden_edit=False)
        self._tell(message.conversation, Edited(message), origin)

    def delete(self, *messages: Message, only_for: User | None = None, origin: object = None) -> None:
        """Take messages away from everyone, or from one box alone; from a channel always from everyone."""
        by_conversation: dict[int, list[Message]] = {}
        for message in messages:
            by_conversation.setdefault(id(message.conversation), []).append(message)
        for gone in by_conversation.values():
            conversation = gone[0].conversation
            for message in gone:
                conversation.remove(message, only_for if conversation.log is None else None)
            if conversation.log is not None:
                self._tell(conversation, Deleted(conversation, _numbers(gone, conversation.members[0])), origin)
                continue
            for member in conversation.members if only_for is None else (only_for,):
                self._tell(conversation, Deleted(conversation, _numbers(gone, member)), origin, member)

    def read(self, reader: User, peer: Peer, max_id: int = 0, *, origin: object = None) -> None:
        """The reader reads what stands there, up to his own number (0: everything); the others see the mark."""
        conversation = self.conversation(reader, peer)
        before, now = conversation.read[reader.id], conversation.index_up_to(reader, max_id)
        if now <= before:
            return
        conversation.read[reader.id] = now
        mark = ReadInbox(conversation, conversation.id_of(reader, now - 1))
        self._tell(conversation, mark, origin, reader)
        newly = [message for message in conversation.messages[before:now] if message is not None]
        for member in conversation.members:
            own = [message for message in newly if message.sender.id == member.id]
            if own and member.id != reader.id:
                self._tell(conversation, ReadOutbox(conversation, own[-1].id_for(member)), origin, member)

    def type(self, user: User, peer: Peer, action: str = "typing", *, origin: object = None) -> None:
        """The others see that someone is writing, or, with "cancel", no longer is."""
        conversation = self.conversation(user, peer)
        for member in conversation.members:
            if member.id != user.id:
                self.box(member).tell(Typing(conversation, user, action), origin)

    def begin(self, user: User, peer: Peer, text: str, *, origin: object = None) -> None:
        """His other devices hear that someone began to write, and what; the others do not."""
        self.box(user).tell(Drafted(self.conversation(user, peer), text), origin)

    def react(
        self, user: User, message: Message, *emojis: str | int, bumps: bool = False, origin: object = None
    ) -> None:
        """React with these emoji and no others; with none, take one's reaction back.

        Its author is told as of an edit, too. Telegram may date that edit: then `bumps`.
        """
        now, before = int(self.clock()), message.details
        kept = tuple(reaction for reaction in before.reactions if reaction.user.id != user.id)
        own = tuple(Reaction(user, emoji, now) for emoji in emojis)
        hidden = before.hidden_edit or (bumps and not message.edited)
        message.details = replace(before, reactions=kept + own, hidden_edit=hidden)
        if bumps:
            message.edited = now
        conversation = message.conversation
        self._tell(conversation, Reacted(message), origin)
        if conversation.log is None:
            self._tell(conversation, Edited(message), origin, message.sender)
        elif bumps:
            self._tell(conversation, Edited(message), origin)

    def unreact(self, user: User, message: Message, *, origin: object = None) -> None:
        """Take one's reaction back."""
        self.react(user, message, origin=origin)

    def protect(self, user: User, peer: User, on: bool = True, *, origin: object = None) -> Message:
        """He no longer wants the private chat forwarded or saved, or does again; the other one is told."""
        conversation = self.conversation(user, peer)
        (conversation.protected_by.add if on else conversation.protected_by.discard)(user.id)
        return self.say(user, peer, "", action=Action("noforwards_toggle", on=on), origin=origin)

    def expire(self) -> None:
        """Delete what deletes itself and whose time has come; every request does so first."""
        due: list[Message] = []
        while self._expiring and self._expiring[0][0] <= self.clock():
            due.append(heapq.heappop(self._expiring)[2])
        self.delete(*(message for message in due if message.stands))

    def _tell(self, conversation: Conversation, event: Event, origin: object, *only: User) -> None:
        """Each member's (or only these members') box keeps the event; or the channel does, once for all of them."""
        log = conversation.log
        if log is not None and isinstance(event, (NewMessage, Edited, Deleted)):
            log.events.append(event)
            conversation.moved = int(self.clock())
        for member in only or conversation.members:
            if log is None:
                self.box(member).tell(event, origin)
            else:
                self.box(member).push(event, log.pts, origin)


def placed(
    conversation: Conversation, reply_to: Message | None, topic: Message | None, kind: Kind
) -> tuple[int | None, Details]:
    """Where a new message belongs: the index of what it answers here, and what is not found in most messages."""
    elsewhere = None
    if reply_to is not None and reply_to.conversation is not conversation:
        elsewhere, reply_to = reply_to, None
    if reply_to is not None and reply_to.begins_topic:
        topic, reply_to = topic or reply_to, None
    place = topic.index if topic else reply_to.details.topic if reply_to else None
    details = PLAIN
    if kind or elsewhere is not None or place is not None:
        details = Details(topic=place, elsewhere=elsewhere, **kind)
    return (reply_to.index if reply_to else None), details


def _numbers(messages: Iterable[Message], user: User) -> tuple[int, ...]:
    return tuple(number for message in messages if (number := message.id_for(user)))
