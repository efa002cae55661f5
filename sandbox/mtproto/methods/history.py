"""What was said: pages of a chat, searches in it, single messages by number."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from telethon.tl import functions, types

from sandbox.box import Conversation
from sandbox.errors import Refused
from sandbox.mtproto.peers import input_channel, input_peer
from sandbox.mtproto.registry import PAGE, Caller, Methods
from sandbox.values import Message, User

methods = Methods()

Wanted = Callable[[Message], bool]


@methods.handles(functions.messages.GetHistoryRequest)
def get_history(caller: Caller, request: functions.messages.GetHistoryRequest) -> Any:
    """A page of a chat, newest first."""
    conversation = caller.world.conversation(caller.user, input_peer(caller, request.peer))
    start = _start(caller.user, conversation, request.offset_id, int(request.offset_date.timestamp()))
    limit = min(request.limit, caller.world.faults.page or PAGE)
    page = window(caller.user, conversation, start, request.add_offset, limit)
    return _page(caller, conversation, _between(caller.user, page, request), conversation.count(caller.user))


@methods.handles(functions.messages.SearchRequest)
def search(caller: Caller, request: functions.messages.SearchRequest) -> Any:
    """A page of those messages that hold the words, or come from someone; other filters find nothing."""
    conversation = caller.world.conversation(caller.user, input_peer(caller, request.peer))
    sender = None if request.from_id is None else input_peer(caller, request.from_id).id
    words = request.q.lower()
    known_filter = isinstance(request.filter, types.InputMessagesFilterEmpty)
    since, until = int(request.min_date.timestamp()), int(request.max_date.timestamp())

    def wanted(message: Message) -> bool:
        return (
            known_filter
            and words in message.text.lower()
            and sender in (None, message.sender.id)
            and since <= message.date
            and (not until or message.date < until)
        )

    start = _start(caller.user, conversation, request.offset_id, 0)
    page = window(caller.user, conversation, start, request.add_offset, request.limit, wanted)
    total = sum(map(wanted, conversation.newest_first(caller.user)))
    return _page(caller, conversation, _between(caller.user, page, request), total)


@methods.handles(functions.messages.GetMessagesRequest)
def get_messages(caller: Caller, request: functions.messages.GetMessagesRequest) -> types.messages.Messages:
    """Messages by number, in the order asked for; MessageEmpty where there is none. Those of channels are not here."""
    return types.messages.Messages(**_single(caller, request.id, caller.world.box(caller.user).find))


@methods.handles(functions.channels.GetMessagesRequest)
def get_channel_messages(
    caller: Caller, request: functions.channels.GetMessagesRequest
) -> types.messages.ChannelMessages:
    """The same in a channel."""
    talk = caller.world.talk_of(input_channel(caller, request.channel))
    parts = _single(caller, request.id, lambda number: talk.find(caller.user, number))
    pts = talk.kept_by(caller.world.box(caller.user)).pts
    return types.messages.ChannelMessages(pts=pts, count=len(parts["messages"]), **parts)


def window(
    user: User,
    conversation: Conversation,
    start: int,
    add_offset: int,
    limit: int,
    wanted: Wanted = lambda message: True,
) -> list[Message]:
    """The page that Telegram gives, newest first.

    Older messages begin right below index `start`. A positive `add_offset` skips that many of them; a negative one
    begins that many newer, and where there are not so many the page gets shorter, it does not move.
    """
    limit = max(0, min(limit, PAGE))
    older = filter(wanted, conversation.newest_first(user, start))
    if add_offset >= 0:
        return list(islice(older, add_offset, add_offset + limit))
    ahead = -add_offset
    newer = list(islice(filter(wanted, _oldest_first(user, conversation, start)), ahead))
    head = newer[max(0, ahead - limit) :]
    return head[::-1] + list(islice(older, max(0, limit - ahead)))


def _oldest_first(user: User, conversation: Conversation, start: int) -> Iterator[Message]:
    for index in range(start, len(conversation.messages)):
        message = conversation.at(user, index)
        if message is not None:
            yield message


def _start(user: User, conversation: Conversation, offset_id: int, offset_date: int) -> int:
    if offset_id > 0:
        return conversation.before(user, offset_id)
    if offset_date:
        before = (message.index + 1 for message in conversation.newest_first(user) if message.date < offset_date)
        return next(before, 0)
    return len(conversation.messages)


def _between(user: User, page: list[Message], request: Any) -> list[Message]:
    if not request.min_id and not request.max_id:
        return page
    above = request.max_id or 2**31
    return [message for message in page if request.min_id < message.id_for(user) < above]


def _page(caller: Caller, conversation: Conversation, page: list[Message], total: int) -> Any:
    renderer, write = caller.renderer, caller.server.written.write
    parts = {
        "messages": [write(caller.user, message, renderer.message) for message in page],
        "topics": [],
        **renderer.around(page, [conversation]),
    }
    if conversation.log is not None:
        return types.messages.ChannelMessages(pts=conversation.log.pts, count=total, **parts)
    if len(page) == total:
        return types.messages.Messages(**parts)
    return types.messages.MessagesSlice(count=total, **parts)


def _single(caller: Caller, wanted: list[Any], find: Callable[[int], Message | None]) -> dict[str, list[Any]]:
    renderer = caller.renderer
    looked_up = [_lookup(caller.user, one, find) for one in wanted]
    rendered = [
        types.MessageEmpty(number, None) if message is None else renderer.message(message)
        for number, message in looked_up
    ]
    around = renderer.around(message for _, message in looked_up if message is not None)
    return {"messages": rendered, "topics": [], **around}


def _lookup(user: User, wanted: Any, find: Callable[[int], Message | None]) -> tuple[int, Message | None]:
    match wanted:
        case types.InputMessageID():
            return wanted.id, find(wanted.id)
        case types.InputMessageReplyTo():
            message = find(wanted.id)
            answered = None if message is None else message.answered()
            return (0, None) if answered is None else (answered.id_for(user), answered)
    raise Refused(400, "MESSAGE_ID_INVALID")
