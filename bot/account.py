"""The Telethon edge of the bot: sends, reads and types as the owner, and talks with him in Saved Messages.

Its client never repeats a request by itself (`exporter.telegram.connect` sees to that), so what Telegram refuses comes
out at once, or after two seconds where Telethon counts it as trouble of the server's, as it does RANDOM_ID_DUPLICATE.
Errors become what `bot.outbox` understands. It decides nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from telethon import TelegramClient, errors, events, functions, types

from bot.outbox import AlreadySent, Lost, Refused
from exporter.messages import Message, Peer
from exporter.refusals import explain
from exporter.translate import to_message

LOOK_BACK = 100
"""Messages of a chat among which we look for our own, or for replies to cards."""

SavedReply = tuple[int, str]
"""To which of his Saved Messages the owner replied, and what."""
OnSavedReply = Callable[[int, str], Awaitable[None]]


class Account:
    """The owner's account, connected."""

    def __init__(self, client: TelegramClient, owner: Peer) -> None:
        self._client = client
        self._owner = owner

    async def send(self, chat_id: int, text: str, random_id: int) -> Message:
        """Send words as they are: no formatting, no link preview. Raises AlreadySent, Lost or Refused."""
        request = functions.messages.SendMessageRequest(
            await self._peer(chat_id), text, random_id=random_id, no_webpage=True
        )
        result = await self._call(request)
        return Message(
            chat_id=chat_id,
            message_id=_sent_id(result, random_id),
            sender_id=self._owner.peer_id,
            sent_at=result.date,
            outgoing=True,
            text=text,
        )

    async def own_since(self, chat_id: int, message_id: int) -> list[Message]:
        """The owner's messages of a chat that are newer than `message_id`, oldest first. Raises Lost or Refused."""
        newer = [
            to_message(one, chat_id=chat_id, owner_id=self._owner.peer_id)
            for one in await self._history(await self._peer(chat_id))
            if one.id > message_id
        ]
        return [message for message in newer if message.outgoing]

    async def read(self, chat_id: int, message_id: int) -> None:
        """Mark their messages up to this one as read. Raises Lost or Refused."""
        await self._call(functions.messages.ReadHistoryRequest(await self._peer(chat_id), max_id=message_id))

    async def typing(self, chat_id: int) -> None:
        """Let them see that something is being written. Raises Lost or Refused."""
        await self._call(
            functions.messages.SetTypingRequest(await self._peer(chat_id), types.SendMessageTypingAction())
        )

    async def save(self, text: str, random_id: int) -> int:
        """Write to Saved Messages; the id of the message. Raises Lost or Refused."""
        me = types.InputPeerSelf()
        request = functions.messages.SendMessageRequest(me, text, random_id=random_id, no_webpage=True)
        return _sent_id(await self._call(request), random_id)

    async def edit_saved(self, message_id: int, text: str) -> None:
        """Change a message in Saved Messages. Raises Lost or Refused."""
        me = types.InputPeerSelf()
        await self._call(functions.messages.EditMessageRequest(me, message_id, message=text, no_webpage=True))

    async def saved_replies(self, message_id: int) -> list[SavedReply]:
        """Replies in Saved Messages that are newer than `message_id`, oldest first. Raises Lost or Refused."""
        saved = await self._history(types.InputPeerSelf())
        return [reply for one in saved if one.id > message_id and (reply := _saved_reply(one))]

    def on_saved_reply(self, handle: OnSavedReply) -> None:
        """Be told when the owner, on any of his devices, replies to one of his Saved Messages."""

        async def on_message(event: events.NewMessage.Event) -> None:
            if event.chat_id == self._owner.peer_id and (reply := _saved_reply(event.message)):
                await handle(*reply)

        self._client.add_event_handler(on_message, events.NewMessage())

    async def _history(self, peer: Any) -> list[types.Message]:
        """The newest messages of a chat, oldest first; what nobody wrote is left out."""
        request = functions.messages.GetHistoryRequest(
            peer, offset_id=0, offset_date=None, add_offset=0, limit=LOOK_BACK, max_id=0, min_id=0, hash=0
        )
        history = await self._call(request)
        return [one for one in reversed(history.messages) if isinstance(one, types.Message)]

    async def _peer(self, chat_id: int) -> Any:
        try:
            return await self._client.get_input_entity(chat_id)
        except ValueError:
            raise Refused("PEER_UNKNOWN") from None

    async def _call(self, request: Any) -> Any:
        try:
            return await self._client(request)
        except errors.RPCError as error:
            raise _translated(error) from None
        except (OSError, EOFError) as error:  # no answer in time and a cut connection among them
            raise Lost(type(error).__name__) from None


def _saved_reply(message: types.Message) -> SavedReply | None:
    if message.reply_to is None or message.fwd_from:
        return None
    return message.reply_to.reply_to_msg_id, message.message


def _translated(error: errors.RPCError) -> Exception:
    if isinstance(error, errors.RandomIdDuplicateError):
        return AlreadySent()
    if isinstance(error, errors.UnauthorizedError):
        return explain(error) or error
    if isinstance(error, errors.ServerError | errors.TimedOutError | errors.RpcCallFailError):
        return Lost(_code(error))
    return Refused(_code(error))


def _code(error: errors.RPCError) -> str:
    """Telegram's own name for it, such as USER_IS_BLOCKED; Telethon's class where it keeps the name to itself."""
    name = type(error).__name__
    return str(error.message) if name in GENERAL else name.removesuffix("Error")


GENERAL = frozenset({"RPCError", "BadRequestError", "ForbiddenError", "FloodError", "NotFoundError"})


def _sent_id(result: Any, random_id: int) -> int:
    if isinstance(result, types.UpdateShortSentMessage):
        return int(result.id)
    given = [u.id for u in result.updates if isinstance(u, types.UpdateMessageID) and u.random_id == random_id]
    return int(given[0])
