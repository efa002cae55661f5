"""Where messages stand: a conversation is one list, and each member's box has numbers of its own for it.

Numbers of a box rise with time over all its conversations, as a Telegram account's do; a channel numbers its messages
itself, for all alike. Tuned for a million messages: a message is one object, a member's number for it eight bytes (a
channel's, eight for all members together), and numbers are found by bisection.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace

from sandbox.events import Event, Kept
from sandbox.values import Channel, Group, Message, Peer, User

Subscriber = Callable[[Event, int, object], None]
"""Called with the event, the pts after it (0 for events that are not kept), and who caused it."""


class Log:
    """Events that are kept, each one step of its pts."""

    def __init__(self) -> None:
        self.events: list[Kept] = []
        self.forgotten = 1
        """The pts before the first event; who knows less has to look at everything again."""

    @property
    def pts(self) -> int:
        """Rises by one with each event that is kept."""
        return self.forgotten + len(self.events)

    def since(self, pts: int) -> list[Kept] | None:
        """The events after that pts; None where the log does not reach back so far."""
        return None if pts < self.forgotten else self.events[pts - self.forgotten :]

    def forget(self) -> None:
        """Drop the events, as Telegram does after a while."""
        self.forgotten = self.pts
        self.events.clear()


class Conversation:
    """Messages between its members, oldest first; deleted ones leave a hole."""

    def __init__(self, members: tuple[User, ...], group: Group | Channel | None = None) -> None:
        self.members = members
        self.group = group
        self.messages: list[Message | None] = []
        self.log = Log() if isinstance(group, Channel) else None
        """A channel's own."""
        self.moved = 0
        """When a channel last kept an event, in seconds since 1970."""
        self.protected_by: set[int] = set()
        """Who of a private chat does not want it forwarded or saved."""
        self.topics: dict[int, list[int]] = {}
        """Of a forum: place of the message that began a topic -> places of all its messages, that one first."""
        self._shared = array("q")
        self.ids: dict[int, array[int]] = {}
        self.read: dict[int, int] = {}
        """How many messages, from the first, each member has read."""
        self.left: dict[int, int] = {}
        """How many messages stood when each former member went."""
        self.banned: set[int] = set()
        """Former members who were sent away."""
        self._gone = 0
        self._hidden: dict[int, set[int]] = {}
        """Indices that a member deleted for himself alone."""
        for member in members:
            self._seat(member)

    @property
    def saved(self) -> bool:
        """Whether it is someone's Saved Messages."""
        return self.group is None and len(self.members) == 1

    def kept_by(self, box: Log) -> Log:
        """Who keeps what happens here: the channel itself, or else each member's box, such as this."""
        return box if self.log is None else self.log

    def admit(self, user: User) -> None:
        """A new member of a channel, or one who comes back; he sees what was said before."""
        if user not in self.members:
            self.members = (*self.members, user)
            self._seat(user)

    def dismiss(self, user: User, *, banned: bool) -> None:
        """A member sees no more of what is said; whether he went or was sent away."""
        self.members = tuple(member for member in self.members if member.id != user.id)
        self.left[user.id] = len(self.messages)
        if banned:
            self.banned.add(user.id)

    def peer(self, viewer: User) -> Peer:
        """What a member sees at the other end: the group, the other, or himself."""
        if self.group is not None:
            return self.group
        return next((member for member in self.members if member.id != viewer.id), viewer)

    def number_alike(self, number: int | None) -> None:
        """A channel's number for the newest message: this, or the next. Number 1 is of its making, and not shown."""
        self._shared.append(number or (self._shared[-1] if self._shared else 1) + 1)

    def id_of(self, user: User, index: int) -> int:
        """A member's number for the message at an index."""
        return self.ids[user.id][index]

    def at(self, user: User, index: int) -> Message | None:
        """The message at an index as this member sees it: None for a hole."""
        hidden = self._hidden.get(user.id)
        return None if hidden and index in hidden else self.messages[index]

    def remove(self, message: Message, only_for: User | None = None) -> None:
        """Take a message away from everyone, or from one member alone."""
        if self.messages[message.index] is None:
            return
        if only_for is not None:
            self._hidden.setdefault(only_for.id, set()).add(message.index)
            return
        self.messages[message.index] = None
        self._gone += 1
        for indices in self._hidden.values():
            indices.discard(message.index)

    def count(self, user: User) -> int:
        """How many messages the member sees."""
        if user.id in self.left:
            return sum(1 for _ in self.newest_first(user))
        return len(self.messages) - self._gone - len(self._hidden.get(user.id, ()))

    def find(self, user: User, message_id: int) -> Message | None:
        """The message that bears this number in the member's box."""
        ids = self.ids[user.id]
        index = bisect_left(ids, message_id)
        return self.at(user, index) if index < len(ids) and ids[index] == message_id else None

    def before(self, user: User, message_id: int) -> int:
        """How many messages have a smaller number: the index where that number would stand."""
        return bisect_left(self.ids[user.id], message_id)

    def newest_first(self, user: User, start: int | None = None) -> Iterator[Message]:
        """What the member sees, from before index `start` (the end) down to the oldest."""
        for index in range((self.end(user) if start is None else start) - 1, -1, -1):
            message = self.at(user, index)
            if message is not None:
                yield message

    def begin_topic(self, message: Message) -> None:
        """Let a message stand for a topic of a forum ever after."""
        message.details = replace(message.details, topic=message.index)
        self.topics[message.index] = [message.index]

    def newest_in_topic(self, user: User, topic: int | None) -> Iterator[Message]:
        """What the member sees of a topic (None: of General), down to the oldest."""
        if topic is None:
            yield from (message for message in self.newest_first(user) if message.details.topic is None)
            return
        for index in reversed(self.topics[topic]):
            message = self.at(user, index)
            if message is not None:
                yield message

    def top(self, user: User) -> Message | None:
        """The newest message that the member sees."""
        return next(self.newest_first(user), None)

    def end(self, user: User) -> int:
        """How many messages there are for the member, holes with them; for a former one, those before he went."""
        return self.left.get(user.id, len(self.messages))

    def read_inbox_id(self, user: User) -> int:
        """The member's number of the newest message that he has read."""
        read = min(self.read[user.id], self.end(user))
        return self.id_of(user, read - 1) if read else 0

    def read_outbox_id(self, user: User) -> int:
        """The member's number of the newest message that anyone else has read."""
        read = max((count for reader, count in self.read.items() if reader != user.id), default=0)
        if len(self.members) == 1:
            read = len(self.messages)
        read = min(read, self.end(user))
        return self.id_of(user, read - 1) if read else 0

    def unread(self, user: User) -> int:
        """How many messages of others the member has not read."""
        return sum(1 for _ in self.unread_messages(user))

    def unread_messages(self, user: User) -> Iterator[Message]:
        """Messages of others that the member has not read."""
        for index in range(self.read[user.id], self.end(user)):
            message = self.at(user, index)
            if message is not None and message.sender.id != user.id:
                yield message

    def index_up_to(self, user: User, max_id: int) -> int:
        """How many messages bear a number up to this one; all of them for 0."""
        return bisect_right(self.ids[user.id], max_id) if max_id > 0 else self.end(user)

    def _seat(self, member: User) -> None:
        self.ids[member.id] = array("q") if self.log is None else self._shared
        self.read.setdefault(member.id, 0)
        self.left.pop(member.id, None)
        self.banned.discard(member.id)


class Box(Log):
    """What one account has: its conversations by the peer's marked id, its numbering, its log of events."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user
        self.conversations: dict[int, Conversation] = {}
        self.subscribers: list[Subscriber] = []
        self.last_id = 0

    def number(self) -> int:
        """The next message number."""
        self.last_id += 1
        return self.last_id

    def find(self, message_id: int) -> Message | None:
        """The message that bears this number here; those of channels bear none of this box."""
        for conversation in self.conversations.values():
            if conversation.log is not None:
                continue
            ids = conversation.ids[self.user.id]
            if ids and ids[0] <= message_id <= ids[-1] and (message := conversation.find(self.user, message_id)):
                return message
        return None

    def dialogs(self) -> list[tuple[Conversation, Message]]:
        """Conversations with their newest message, the most recent first."""
        tops = [(conversation, conversation.top(self.user)) for conversation in self.conversations.values()]
        found = [(conversation, top) for conversation, top in tops if top is not None]
        return sorted(found, key=self.rank, reverse=True)

    def rank(self, dialog: tuple[Conversation, Message]) -> tuple[int, int, int]:
        """What dialogs are sorted by: date and number of the newest message, then the peer's marked id."""
        conversation, top = dialog
        return top.date, top.id_for(self.user), conversation.peer(self.user).key

    def tell(self, event: Event, origin: object) -> None:
        """Keep the event if it is of the kept kind, and pass it to all subscribers."""
        pts = 0
        if isinstance(event, Kept):
            self.events.append(event)
            pts = self.pts
        self.push(event, pts, origin)

    def push(self, event: Event, pts: int, origin: object) -> None:
        """Pass an event that is kept elsewhere, or nowhere, to all subscribers."""
        for subscriber in tuple(self.subscribers):
            subscriber(event, pts, origin)
