"""Signs of life: where the owner was last noticed on his other devices, and who is just typing.

It knows Telegram's updates, and only in memory. What a sign means for a decision is the policy's.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from telethon import errors, events, types
from telethon.utils import get_peer_id

from exporter.account.client import Client
from exporter.pulling.plan import fetch_owner

log = logging.getLogger(__name__)

TYPING_LASTS = timedelta(seconds=6)
"""After which Telegram's apps no longer show that somebody types; while they do, they are told again every five."""


class Presence:
    """What the account's updates tell of the owner, by chat and of him as a whole, and of those who write to him."""

    def __init__(self, client: Client, owner_id: int, clock: Callable[[], datetime]) -> None:
        self._owner_id = owner_id
        self._clock = clock
        self._online: datetime | None = None
        self._unwatched: datetime | None = None
        """Until when more passed than Telegram tells of."""
        self._seen: dict[int, datetime] = {}
        self._typed: dict[int, datetime] = {}
        self._read_here: dict[int, int] = {}
        self._client = client
        client.add_event_handler(self._hear, events.Raw())
        client.on_difference.append(self._hear_late)

    async def look(self) -> None:
        """Ask whether the owner is online: a bot that just began has seen nobody yet.

        Raises:
            RPCError, OSError: Telegram did not say.
        """
        self._came_or_went((await fetch_owner(self._client)).status)

    async def keep_up(self) -> None:
        """Ask again after each outage, for of what passed in it nobody tells; for ever."""
        while True:
            await self._client.link.again()
            try:
                await self.look()
            except (errors.RPCError, OSError) as error:
                log.warning("presence.unseen", extra={"error": type(error).__name__})  # the next connection asks again

    def seen_at(self, chat_id: int) -> datetime | None:
        """When the owner was last noticed in this chat, or online at all; while he is online, that lies ahead.

        Where too much was missed to be told of, he was there for all that anybody knows.
        """
        return max((at for at in (self._online, self._unwatched, self._seen.get(chat_id)) if at), default=None)

    def typing_for(self, chat_id: int) -> timedelta:
        """How much longer somebody else must be taken to be typing there; nothing where nobody is."""
        typed = self._typed.get(chat_id)
        return max(typed + TYPING_LASTS - self._clock(), timedelta()) if typed else timedelta()

    def reads(self, chat_id: int, message_id: int) -> None:
        """The double itself marks as read up to here: when Telegram tells of it, that is no sign of the owner."""
        self._read_here[chat_id] = message_id

    async def _hear(self, update: Any) -> None:
        self._notice(update)

    def _hear_late(self, difference: Any) -> None:
        """What was missed counts as of now: when it was, nobody tells."""
        if isinstance(difference, types.updates.DifferenceTooLong):
            self._unwatched = self._clock()
        for update in getattr(difference, "other_updates", ()):
            self._notice(update)

    def _notice(self, update: Any) -> None:
        """One update of the account's."""
        match update:
            case types.UpdateUserStatus(user_id=self._owner_id, status=status):
                self._came_or_went(status)
            case types.UpdateReadHistoryInbox(peer=peer, max_id=max_id):
                self._read(get_peer_id(peer), max_id)
            case types.UpdateReadChannelInbox(channel_id=channel_id, max_id=max_id):
                self._read(get_peer_id(types.PeerChannel(channel_id)), max_id)
            case types.UpdateDraftMessage(peer=peer):
                self._seen[get_peer_id(peer)] = self._clock()
            case types.UpdateUserTyping(user_id=chat_id, action=action):
                self._type(chat_id, action)
            case types.UpdateChatUserTyping(chat_id=number, action=action):
                self._type(get_peer_id(types.PeerChat(number)), action)
            case types.UpdateChannelUserTyping(channel_id=number, action=action):
                self._type(get_peer_id(types.PeerChannel(number)), action)

    def _came_or_went(self, status: Any) -> None:
        if isinstance(status, types.UserStatusOnline):
            self._online = status.expires
        elif isinstance(status, types.UserStatusOffline):
            self._online = status.was_online

    def _read(self, chat_id: int, max_id: int) -> None:
        if max_id > self._read_here.get(chat_id, 0):
            self._seen[chat_id] = self._clock()

    def _type(self, chat_id: int, action: Any) -> None:
        if isinstance(action, types.SendMessageCancelAction):
            self._typed.pop(chat_id, None)
        else:
            self._typed[chat_id] = self._clock()
