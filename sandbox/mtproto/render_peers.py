"""How people, groups and channels look in TL, layer 229, to one account."""

from typing import Any

from telethon.tl import types

from sandbox.values import Channel, Group, Peer, User
from sandbox.world import World

ONLINE_FOR = 300
"""Seconds until a status runs out."""
HASH_SECRET = 0x5EED5EED5EED


def access_hash(peer_id: int) -> int:
    """Any number will do that a client cannot guess by chance and that stays the same; channels by their marked id."""
    return (peer_id * 0x9E3779B97F4A7C15 ^ HASH_SECRET) & (2**62 - 1)


class PeerRenderer:
    """Who is there, as one account sees them."""

    def __init__(self, world: World, viewer: User) -> None:
        self._world = world
        self._viewer = viewer

    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._world.clock())

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
            status=None if user.bot else self._status(user),
        )

    def _status(self, user: User) -> Any:
        online = user.id in self._world.online
        return types.UserStatusOnline(self.now() + ONLINE_FOR) if online else types.UserStatusRecently()

    def chat(self, group: Group | Channel) -> types.Chat | types.ChatForbidden | types.Channel | types.ChannelForbidden:
        """A basic group, or a channel; of a group that he was sent away from, its title alone."""
        if isinstance(group, Channel):
            return self.channel(group)
        talk = self._world.box(self._viewer).conversations.get(group.key)
        if talk is not None and self._viewer.id in talk.banned:
            return types.ChatForbidden(group.id, group.title)
        became = self._world.migrated.get(group.id)
        return types.Chat(
            group.id, group.title, types.ChatPhotoEmpty(), len(group.member_ids), group.created, 1,
            creator=group.member_ids[0] == self._viewer.id or None, noforwards=group.protected or None,
            deactivated=True if became else None, left=talk is None or self._viewer.id in talk.left or None,
            migrated_to=types.InputChannel(became.id, access_hash(became.key)) if became else None,
        )  # fmt: skip

    def channel(self, channel: Channel) -> types.Channel | types.ChannelForbidden:
        """A supergroup or channel; of one that he was sent away from, its title alone."""
        viewer, talk = self._viewer, self._world.talk_of(channel)
        broadcast, megagroup = channel.broadcast or None, not channel.broadcast or None
        if viewer.id in talk.banned:
            return types.ChannelForbidden(
                channel.id, access_hash(channel.key), channel.title, broadcast=broadcast, megagroup=megagroup
            )
        creator = channel.creator_id == viewer.id or None
        return types.Channel(
            channel.id, channel.title, types.ChatPhotoEmpty(), channel.created, broadcast=broadcast,
            megagroup=megagroup, creator=creator, left=viewer not in talk.members or None, forum=channel.forum or None,
            noforwards=channel.protected or None, username=channel.username, access_hash=access_hash(channel.key),
            admin_rights=types.ChatAdminRights(post_messages=True, delete_messages=True) if creator else None,
            participants_count=len(talk.members),
        )  # fmt: skip

    def peer(self, peer: Peer) -> types.PeerUser | types.PeerChat | types.PeerChannel:
        """Who, by id alone."""
        match peer:
            case User():
                return types.PeerUser(peer.id)
            case Group():
                return types.PeerChat(peer.id)
            case Channel():
                return types.PeerChannel(peer.id)
