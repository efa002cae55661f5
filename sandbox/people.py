"""Who is there: people, bots, groups and channels, their boxes and conversations."""

import itertools
import secrets
from collections.abc import Callable, Sequence

from sandbox.box import Box, Conversation, Subscriber
from sandbox.errors import Refused
from sandbox.events import Membership
from sandbox.values import CHANNEL_MARK, Channel, Group, Peer, User

CONTROL_ID = 700_000_001
CONTROL_USERNAME = "sandbox_control_bot"
FIRST_ID = 1_000_000
"""Of people who are added by name alone; those of an export bring theirs."""


class People:
    """People, bots, groups and channels by id; each account has a box."""

    def __init__(self) -> None:
        self.users: dict[int, User] = {}
        self.groups: dict[int, Group] = {}
        self.channels: dict[int, Channel] = {}
        self.migrated: dict[int, Channel] = {}
        """What basic groups became, by the group's id; their history stays."""
        self._boxes: dict[int, Box] = {}
        self._channel_talks: dict[int, Conversation] = {}
        self._owner_id: int | None = None
        self._ids = itertools.count(FIRST_ID)
        self._control_token = f"{CONTROL_ID}:{secrets.token_urlsafe(26)}"

    @property
    def owner(self) -> User:
        """The one whose account this is about: named by `own`, or else the first person."""
        if self._owner_id is not None:
            return self.users[self._owner_id]
        return next(user for user in self.users.values() if not user.bot)

    def own(self, user: User) -> None:
        """Make this person the owner."""
        self._owner_id = user.id

    def person(self, name: str, *, user_id: int | None = None, username: str | None = None) -> User:
        """A new person."""
        return self._join(User(user_id or self.new_id(), name, username))

    def new_id(self) -> int:
        """An id that nobody has."""
        taken = (self.users, self.groups, self.channels)
        return next(number for number in self._ids if not any(number in peers for peers in taken))

    def bot(self, token: str, username: str, name: str | None = None) -> User:
        """A new bot; its id is the number before the colon of its token, as Telegram's are."""
        return self._join(User(int(token.partition(":")[0]), name or username, username, token))

    @property
    def control_token(self) -> str:
        """Token of the control bot, a secret of this world; the bot joins the world when it is first asked for."""
        if CONTROL_ID not in self.users:
            self.bot(self._control_token, CONTROL_USERNAME, "Control")
        return self._control_token

    def bot_of(self, token: str) -> User | None:
        """The bot with this token."""
        return next((user for user in self.users.values() if user.token == token), None)

    def named(self, username: str) -> User | Channel | None:
        """Whose username this is, with or without an @, in capitals or not."""
        wanted = username.removeprefix("@").lower()
        named: tuple[User | Channel, ...] = (*self.users.values(), *self.channels.values())
        return next((peer for peer in named if peer.username and peer.username.lower() == wanted), None)

    def group(
        self,
        title: str,
        members: Sequence[User],
        *,
        group_id: int | None = None,
        created: int = 0,
        protected: bool = False,
    ) -> Group:
        """A new basic group."""
        group = Group(group_id or self.new_id(), title, tuple(member.id for member in members), created, protected)
        self.groups[group.id] = group
        conversation = Conversation(tuple(members), group)
        for member in members:
            self.box(member).conversations[group.key] = conversation
        return group

    def supergroup(
        self,
        title: str,
        members: Sequence[User],
        *,
        channel_id: int | None = None,
        created: int = 0,
        broadcast: bool = False,
        forum: bool = False,
        protected: bool = False,
        username: str | None = None,
    ) -> Channel:
        """A new supergroup, or with `broadcast` a channel; the first member is its creator."""
        found = Channel(
            channel_id or self.new_id(), title, members[0].id, created, broadcast, forum, protected, username
        )
        self.channels[found.id] = found
        self._channel_talks[found.id] = Conversation((), found)
        for member in members:
            self._admit(member, found)
        return found

    def talk_of(self, channel: Channel) -> Conversation:
        """What was said in a channel, whoever is in it."""
        return self._channel_talks[channel.id]

    def join(self, user: User, channel: Channel) -> None:
        """A new member of a channel, who sees all that was said before."""
        self._admit(user, channel)
        self.box(user).tell(Membership(self.talk_of(channel)), None)

    def leave(self, user: User, group: Group | Channel) -> None:
        """He goes of his own will. Of a group he keeps what was said before; a channel is no dialog of his any more."""
        self._dismiss(user, group, banned=False)
        if isinstance(group, Channel):
            del self.box(user).conversations[group.key]

    def kick(self, user: User, group: Group | Channel) -> None:
        """He is sent away: the dialog stays, but nothing in a channel can be read, and nothing new in a group."""
        self._dismiss(user, group, banned=True)

    def peer(self, key: int) -> Peer | None:
        """Who has this marked id."""
        if key > 0:
            return self.users.get(key)
        return self.groups.get(-key) if key > CHANNEL_MARK else self.channels.get(CHANNEL_MARK - key)

    def box(self, user: User) -> Box:
        """The account's own view of the world."""
        return self._boxes[user.id]

    def subscribe(self, user: User, subscriber: Subscriber) -> Callable[[], None]:
        """Be told of every event in this user's box; call the result to be told no more."""
        subscribers = self.box(user).subscribers
        subscribers.append(subscriber)
        return lambda: subscribers.remove(subscriber)

    def conversation(self, user: User, peer: Peer) -> Conversation:
        """What the two (or the group) have said; begun if it was not. With oneself: Saved Messages.

        Raises:
            Refused: not a member of that group or channel, or no longer.
        """
        box = self.box(user)
        found = box.conversations.get(peer.key)
        if isinstance(peer, Channel) and (found is None or user.id in found.left):
            raise Refused(400, "CHANNEL_PRIVATE")
        if found is None:
            if not isinstance(peer, User):
                raise Refused(400, "PEER_ID_INVALID")
            found = Conversation((user, peer) if user.id != peer.id else (user,))
            box.conversations[peer.key] = self.box(peer).conversations[user.key] = found
        return found

    def _dismiss(self, user: User, group: Group | Channel, *, banned: bool) -> None:
        talk = self.conversation(user, group)
        talk.dismiss(user, banned=banned)
        self.box(user).tell(Membership(talk), None)

    def _admit(self, user: User, channel: Channel) -> None:
        talk = self._channel_talks[channel.id]
        talk.admit(user)
        self.box(user).conversations[channel.key] = talk

    def _join(self, user: User) -> User:
        self.users[user.id] = user
        self._boxes[user.id] = Box(user)
        return user
