"""Topics of forums: a list of them, page by page or by number."""

from collections.abc import Sequence

from telethon.tl import functions, types

from sandbox.box import Conversation
from sandbox.errors import Refused
from sandbox.mtproto.peers import input_channel
from sandbox.mtproto.registry import PAGE, Caller, Methods
from sandbox.values import Message

methods = Methods()


@methods.handles(functions.messages.GetForumTopicsRequest)
def get_topics(caller: Caller, request: functions.messages.GetForumTopicsRequest) -> types.messages.ForumTopics:
    """Those last written in come first; a page goes on after (date, id of the newest message, topic) of the last."""
    talk = _forum(caller, request.peer)
    topics = [topic for topic in _topics(caller, talk) if (request.q or "").lower() in topic.title.lower()]
    tops = {topic.id: talk.find(caller.user, topic.top_message) for topic in topics}

    def rank(topic: types.ForumTopic) -> tuple[int, int, int]:
        top = tops[topic.id]
        return top.date if top else topic.date, topic.top_message, topic.id

    topics.sort(key=rank, reverse=True)
    rest = topics
    if request.offset_topic:
        after = int(request.offset_date.timestamp()), request.offset_id, request.offset_topic
        rest = [topic for topic in topics if rank(topic) < after]
    page = rest[: min(request.limit, PAGE)]
    return _answer(caller, talk, page, [tops[topic.id] for topic in page], len(topics))


@methods.handles(functions.messages.GetForumTopicsByIDRequest)
def get_topics_by_id(
    caller: Caller, request: functions.messages.GetForumTopicsByIDRequest
) -> types.messages.ForumTopics:
    """These topics; ForumTopicDeleted where there is none."""
    talk = _forum(caller, request.peer)
    topics = {topic.id: topic for topic in _topics(caller, talk)}
    asked = [topics.get(number) or types.ForumTopicDeleted(number) for number in request.topics]
    tops = [talk.find(caller.user, topic.top_message) for topic in asked if isinstance(topic, types.ForumTopic)]
    return _answer(caller, talk, asked, tops, len(asked))


def _forum(caller: Caller, sent: types.TypeInputPeer) -> Conversation:
    channel = input_channel(caller, sent)
    if not channel.forum:
        raise Refused(400, "CHANNEL_FORUM_MISSING")
    return caller.world.talk_of(channel)


def _topics(caller: Caller, talk: Conversation) -> list[types.ForumTopic]:
    """All that there are, General first."""
    roots = (talk.messages[place] for place in talk.topics)
    return [caller.renderer.topic(talk, root) for root in (None, *(root for root in roots if root is not None))]


def _answer(
    caller: Caller,
    talk: Conversation,
    topics: Sequence[types.TypeForumTopic],
    tops: Sequence[Message | None],
    count: int,
) -> types.messages.ForumTopics:
    renderer, found = caller.renderer, [top for top in tops if top is not None]
    return types.messages.ForumTopics(
        count=count,
        topics=list(topics),
        messages=[renderer.message(top) for top in found],
        pts=talk.kept_by(caller.world.box(caller.user)).pts,
        **renderer.around(found, [talk]),
    )
