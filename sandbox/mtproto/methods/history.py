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
Slot = Message | int
"""A message, or where one is missing its number."""


@methods.handles(functions.messages.GetHistoryRequest)
def get_history(caller: Caller, request: functions.messages.GetHistoryRequest) -> Any:
    """A page of a chat, newest first."""
    conversation = caller.world.conversation(caller.user, input_peer(caller, request.peer))
    faults = caller.world.faults
    start = _start(caller.user, conversation, request.offset_id, int(request.offset_date.timestamp()))
    limit = min(request.limit, faults.page or PAGE)
    page = window(caller.user, conversation, start, request.add_offset, limit, holes=faults.holes)
    return _page(caller, conversation, _between(caller.user, page, request), conversation.count(caller.user))


@methods.handles(functions.messages.SearchRequest)
def search(caller: Caller, request: functions.messages.SearchRequest) -> Any:
    """A page of those messages that hold the words, or come from someone; other filters find nothing."""
    conversation = caller.world.conversation(caller.user, input_peer(caller, request.peer))
    sender = None if request.from_id is None else input_peer(caller, request.from_id)
    words = request.q.lower()
    known_filter = isinstance(request.filter, types.InputMessagesFilterEmpty)
    since, until = int(request.min_date.timestamp()), int(request.max_date.timestamp())

    def wanted(message: Message) -> bool:
        return (
            known_filter
            and words in message.text.lower()
            and sender in (None, message.details.send_as or message.sender)
            and since <= message.date
            and (not until or message.date < until)
            and request.top_msg_id in (None, 0, message.topic_for(caller.user))
        )

    return _found(caller, conversation, request, wanted)


@methods.handles(functions.messages.GetRepliesRequest)
def get_replies(caller: Caller, request: functions.messages.GetRepliesRequest) -> Any:
    """A page of a topic of a forum."""
    conversation = caller.world.conversation(caller.user, input_peer(caller, request.peer))
    return _found(caller, conversation, request, lambda message: message.topic_for(caller.user) == request.msg_id)


@methods.handles(functions.messages.GetMessagesRequest)
def get_messages(caller: Caller, request: functions.messages.GetMessagesRequest) -> types.messages.Messages:
    """Messages by number, in the order asked for; MessageEmpty where there is none. Those of channels are not here."""
    found = _look_up(caller, request.id, caller.world.box(caller.user).find)
    around = caller.renderer.around(slot for slot in found if isinstance(slot, Message))
    return types.messages.Messages(messages=_written(caller, None, found), topics=[], **around)


@methods.handles(functions.channels.GetMessagesRequest)
def get_channel_messages(caller: Caller, request: functions.channels.GetMessagesRequest) -> Any:
    """The same in a channel."""
    talk = caller.world.talk_of(input_channel(caller, request.channel))
    found = _look_up(caller, request.id, lambda number: talk.find(caller.user, number))
    return _page(caller, talk, found, len(found))


def window(
    user: User,
    conversation: Conversation,
    start: int,
    add_offset: int,
    limit: int,
    wanted: Wanted = lambda message: True,
    *,
    holes: bool = False,
) -> list[Slot]:
    """The page that Telegram gives, newest first.

    Older messages begin right below index `start`. A positive `add_offset` skips that many of them; a negative one
    begins that many newer, and where there are not so many the page gets shorter, it does not move.

    Args:
        holes: count and give deleted messages too.
    """

    def slots(indices: range) -> Iterator[Slot]:
        for index in indices:
            message = conversation.at(user, index)
            if message is None:
                if holes:
                    yield conversation.id_of(user, index)
            elif wanted(message):
                yield message

    limit = max(0, min(limit, PAGE))
    older = slots(range(start - 1, -1, -1))
    if add_offset >= 0:
        return list(islice(older, add_offset, add_offset + limit))
    ahead = -add_offset
    newer = list(islice(slots(range(start, conversation.end(user))), ahead))
    head = newer[max(0, ahead - limit) :]
    return head[::-1] + list(islice(older, max(0, limit - ahead)))


def _found(caller: Caller, conversation: Conversation, request: Any, wanted: Wanted) -> Any:
    start = _start(caller.user, conversation, request.offset_id, 0)
    page = window(caller.user, conversation, start, request.add_offset, request.limit, wanted)
    total = sum(map(wanted, conversation.newest_first(caller.user)))
    return _page(caller, conversation, _between(caller.user, page, request), total)


def _start(user: User, conversation: Conversation, offset_id: int, offset_date: int) -> int:
    if offset_id > 0:
        return conversation.before(user, offset_id)
    if offset_date:
        before = (message.index + 1 for message in conversation.newest_first(user) if message.date < offset_date)
        return next(before, 0)
    return conversation.end(user)


def _between(user: User, page: list[Slot], request: Any) -> list[Slot]:
    if not request.min_id and not request.max_id:
        return page
    above = request.max_id or 2**31
    return [slot for slot in page if request.min_id < _number(user, slot) < above]


def _page(caller: Caller, conversation: Conversation, page: list[Slot], total: int) -> Any:
    messages = [slot for slot in page if isinstance(slot, Message)]
    parts = {
        "messages": _written(caller, conversation, page),
        "topics": caller.renderer.topics(conversation, messages),
        **caller.renderer.around(messages, [conversation]),
    }
    if conversation.log is not None:
        return types.messages.ChannelMessages(pts=conversation.log.pts, count=total, **parts)
    if len(page) == total:
        return types.messages.Messages(**parts)
    return types.messages.MessagesSlice(count=total, **parts)


def _written(caller: Caller, conversation: Conversation | None, page: list[Slot]) -> list[Any]:
    """Messages as TL, without those that Telegram is to omit; MessageEmpty for holes."""
    renderer, write, omitted = caller.renderer, caller.server.written.write, caller.world.faults.omitted
    where = None if conversation is None else renderer.peer(conversation.peer(caller.user))
    return [
        types.MessageEmpty(slot, where) if isinstance(slot, int) else write(caller.user, slot, renderer.message)
        for slot in page
        if not omitted or _number(caller.user, slot) not in omitted
    ]


def _number(user: User, slot: Slot) -> int:
    return slot if isinstance(slot, int) else slot.id_for(user)


def _look_up(caller: Caller, wanted: list[Any], find: Callable[[int], Message | None]) -> list[Slot]:
    found: list[Slot] = []
    for one in wanted:
        match one:
            case types.InputMessageID():
                found.append(find(one.id) or one.id)
            case types.InputMessageReplyTo():
                message = find(one.id)
                found.append((message and message.answered()) or 0)
            case _:
                raise Refused(400, "MESSAGE_ID_INVALID")
    return found
