"""The Telethon edge of the bot: sends, reads and types as the owner, and talks with him in Saved Messages.

Its client never repeats a request by itself, not even after a reconnection (`Client.once` sees to that), and what
Telegram refuses comes out at once. Whatever is asked passes `bot.sending.stops` before, and what is refused is heeded
there: no other part of the bot can ask for what is stopped. It decides nothing else.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from telethon import errors, events, functions, types
from telethon.errors.rpcerrorlist import rpc_errors_dict, rpc_errors_re

from bot.sending.refused import AlreadySent, Lost, Refused, Unsent, Wait
from bot.sending.stops import Stops
from exporter.account.client import Client, NotConnected
from exporter.account.limiter import GARBLED, method_of
from exporter.account.refusals import explain
from exporter.account.translate import to_address, to_message
from exporter.errors import LoginError
from exporter.messages import Message, Peer
from exporter.storing.store import Store

PAGE = 100
"""Messages of a chat that are asked for at once."""
PAGES = 10
"""How far back one looks in a chat."""


class Account:
    """The owner's account, connected."""

    def __init__(self, client: Client, owner: Peer, store: Store, stops: Stops, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._owner = owner
        self._store = store
        self._stops = stops
        self._clock = clock

    async def send(self, chat_id: int, text: str, random_id: int, *, topic: int | None) -> Message:
        """Send words as they are: no formatting, no link preview; in a forum, in this topic.

        Raises AlreadySent, Lost, Refused or Wait.
        """
        place = None if topic is None else types.InputReplyToMessage(topic)
        request = functions.messages.SendMessageRequest(
            self._address(chat_id), text, random_id=random_id, no_webpage=True, reply_to=place
        )
        result = await self._call(request, chat_id)
        return Message(
            chat_id=chat_id,
            message_id=_sent_id(result, random_id),
            sender_id=self._owner.peer_id,
            sent_at=result.date,
            outgoing=True,
            text=text,
            topic=topic,
        )

    async def since(self, chat_id: int, message_id: int) -> list[Message]:
        """What anybody said in a chat after `message_id`, oldest first. Raises Lost or Refused."""
        newer, whole = await self._newer(self._address(chat_id), message_id)
        if not whole:
            raise Refused("TOO_MUCH_SAID")
        return [to_message(one, chat_id=chat_id, owner_id=self._owner.peer_id) for one in newer]

    async def read(self, chat_id: int, message_id: int) -> None:
        """Mark their messages up to this one as read. Raises Lost or Refused."""
        peer = self._address(chat_id)
        if isinstance(peer, types.InputPeerChannel):
            request: Any = functions.channels.ReadHistoryRequest(peer, max_id=message_id)
        else:
            request = functions.messages.ReadHistoryRequest(peer, max_id=message_id)
        await self._call(request, chat_id)

    async def typing(self, chat_id: int, topic: int | None) -> None:
        """Let them see that something is being written, in this topic of a forum. Raises Lost or Refused."""
        action = types.SendMessageTypingAction()
        request = functions.messages.SetTypingRequest(self._address(chat_id), action, top_msg_id=topic)
        await self._call(request, chat_id)

    async def save(self, text: str, random_id: int) -> int:
        """Write to Saved Messages; the id of the message. Raises Lost or Refused."""
        me = types.InputPeerSelf()
        request = functions.messages.SendMessageRequest(me, text, random_id=random_id, no_webpage=True)
        return _sent_id(await self._call(request), random_id)

    async def edit_saved(self, message_id: int, text: str) -> datetime:
        """Change a message in Saved Messages; when that was, by Telegram's clock. Raises Lost or Refused."""
        me = types.InputPeerSelf()
        request = functions.messages.EditMessageRequest(me, message_id, message=text, no_webpage=True)
        try:
            changed: datetime = (await self._call(request)).date
        except Refused as refusal:
            if refusal.code != "MESSAGE_NOT_MODIFIED":
                raise
            return self._clock()
        return changed

    async def newest_saved(self, count: int) -> list[Message]:
        """The newest messages in Saved Messages, newest first. Raises Lost or Refused."""
        page = await self._page(types.InputPeerSelf(), before=0, limit=count)
        return [self._note(one) for one in page if isinstance(one, types.Message)]

    async def saved_since(self, message_id: int) -> list[Message]:
        """What was written to Saved Messages after `message_id`, oldest first. Raises Lost or Refused."""
        saved, _ = await self._newer(types.InputPeerSelf(), message_id)
        return [self._note(one) for one in saved]

    def on_saved(self, handle: Callable[[Message], None]) -> None:
        """Be told when the owner, on any of his devices, writes to his Saved Messages."""

        async def on_message(event: events.NewMessage.Event) -> None:
            if event.chat_id == self._owner.peer_id:
                handle(self._note(event.message))

        self._client.add_event_handler(on_message, events.NewMessage())

    def _note(self, message: types.Message) -> Message:
        return to_message(message, chat_id=self._owner.peer_id, owner_id=self._owner.peer_id)

    async def _newer(self, peer: Any, message_id: int) -> tuple[list[types.Message], bool]:
        """What was said after `message_id`, oldest first; and whether that is all, or only the newest of it."""
        found: list[types.Message] = []
        before = 0
        for _ in range(PAGES):
            page = await self._page(peer, before=before, limit=PAGE)
            found += [one for one in page if one.id > message_id and isinstance(one, types.Message)]
            before = min((one.id for one in page), default=0)
            if before <= message_id + 1:
                return found[::-1], True
        return found[::-1], False

    async def _page(self, peer: Any, *, before: int, limit: int) -> list[Any]:
        """The newest messages before one, or of all, newest first. Raises Lost or Refused."""
        request = functions.messages.GetHistoryRequest(
            peer, offset_id=before, offset_date=None, add_offset=0, limit=limit, max_id=0, min_id=0, hash=0
        )
        return list((await self._call(request)).messages)

    def _address(self, chat_id: int) -> Any:
        """The chat as Telegram itself told of it: nobody is looked up by name, so nobody is taken for another."""
        peer = self._store.peer(chat_id)
        address = None if peer is None else to_address(peer)
        if address is None or getattr(address, "access_hash", None) == 0:
            raise Refused("PEER_UNKNOWN")
        return address

    async def _call(self, request: Any, chat_id: int | None = None) -> Any:
        """Ask Telegram, once. `chat_id` is the chat whose people notice it, if any do."""
        method = method_of(request)
        self._stops.check(method, chat_id)
        try:
            return await self._client.once(request)
        except errors.RPCError as error:
            refusal = _translated(error, self._clock())
            if isinstance(refusal, Refused):
                self._stops.heed(refusal, method, chat_id)
            raise refusal from None
        except NotConnected:
            raise Unsent("not connected") from None
        except (OSError, EOFError, *GARBLED) as error:  # no answer in time and a cut connection among them
            raise Lost(type(error).__name__) from None


def _translated(error: errors.RPCError, now: datetime) -> Exception:
    if isinstance(error, errors.RandomIdDuplicateError):
        return AlreadySent()
    if isinstance(ending := explain(error), LoginError):
        return ending
    code = _code(error)
    if isinstance(error, errors.ServerError | errors.TimedOutError | errors.RpcCallFailError):
        return Lost(code)
    seconds: int | None = getattr(error, "seconds", None)
    return Refused(code) if seconds is None else Wait(code, now + timedelta(seconds=max(seconds, 1)))


_CODES = {kind: code for code, kind in rpc_errors_dict.items()}
_CODES |= {kind: re.sub(r"_?\(.*", "", code) for code, kind in rpc_errors_re}


def _code(error: errors.RPCError) -> str:
    """Telegram's own name for it, such as USER_IS_BLOCKED, which Telethon keeps to itself where it has a class."""
    return _CODES.get(type(error)) or re.sub(r"_\d+$", "", str(error.message))


def _sent_id(result: Any, random_id: int) -> int:
    if isinstance(result, types.UpdateShortSentMessage):
        return int(result.id)
    given = [u.id for u in result.updates if isinstance(u, types.UpdateMessageID) and u.random_id == random_id]
    return int(given[0])
