"""What an account missed while it was away: in its own box, and in each channel."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from telethon.tl import functions, types

from sandbox.box import Conversation
from sandbox.events import Deleted, Edited, Kept, NewMessage
from sandbox.mtproto.peers import input_channel
from sandbox.mtproto.registry import Caller, Methods
from sandbox.mtproto.render import Renderer

methods = Methods()

SLICE = 100
"""Events that one answer holds."""


@methods.handles(functions.updates.GetStateRequest)
def get_state(caller: Caller, request: functions.updates.GetStateRequest) -> types.updates.State:
    """Where the account stands now."""
    return caller.renderer.state()


@methods.handles(functions.updates.GetDifferenceRequest)
def get_difference(caller: Caller, request: functions.updates.GetDifferenceRequest) -> Any:
    """Everything since the client's pts, in slices; or that it was away for too long."""
    box = caller.world.box(caller.user)
    renderer = caller.renderer
    events = box.since(request.pts)
    moved = _moved_channels(caller, int(request.date.timestamp()))
    if events is None:
        return types.updates.DifferenceTooLong(pts=box.pts)
    if not events and not moved:
        return types.updates.DifferenceEmpty(renderer.now(), seq=0)
    page = events[:SLICE]
    end = request.pts + len(page)
    parts = {"new_encrypted_messages": [], **_parts(renderer, page, request.pts, moved)}
    too_long = [types.UpdateChannelTooLong(talk.peer(caller.user).id, talk.kept_by(box).pts) for talk in moved]
    parts["other_updates"] += too_long
    if len(page) == len(events):
        return types.updates.Difference(**parts, state=renderer.state(end))
    return types.updates.DifferenceSlice(**parts, intermediate_state=renderer.state(end))


@methods.handles(functions.updates.GetChannelDifferenceRequest)
def get_channel_difference(caller: Caller, request: functions.updates.GetChannelDifferenceRequest) -> Any:
    """What a channel kept since the client's pts of it, in slices; or that he was away for too long, and the newest."""
    talk, renderer = caller.world.talk_of(input_channel(caller, request.channel)), caller.renderer
    log = talk.kept_by(caller.world.box(caller.user))
    events = log.since(request.pts)
    if events is None:
        newest = list(islice(talk.newest_first(caller.user), SLICE))
        dialog = renderer.dialog(talk, newest[0] if newest else None)
        messages = [renderer.message(message) for message in newest]
        around = renderer.around(newest, [talk])
        return types.updates.ChannelDifferenceTooLong(dialog, messages, **around, final=True)
    if not events:
        return types.updates.ChannelDifferenceEmpty(log.pts, final=True)
    page = events[: max(1, min(request.limit, SLICE))]
    final = len(page) == len(events) or None
    parts = _parts(renderer, page, request.pts, [talk])
    return types.updates.ChannelDifference(pts=request.pts + len(page), final=final, **parts)


def _moved_channels(caller: Caller, date: int) -> list[Conversation]:
    """Channels in which something happened since then: the client asks each for a difference of its own."""
    conversations = caller.world.box(caller.user).conversations.values()
    return [talk for talk in conversations if talk.moved and date <= talk.moved and caller.user in talk.members]


def _parts(renderer: Renderer, events: list[Kept], pts: int, talks: Iterable[Conversation]) -> dict[str, list[Any]]:
    """New messages as they are now, without those deleted since; all else as updates with their own pts."""
    fresh = [event.message for event in events if isinstance(event, NewMessage) and event.message.stands]
    others = [
        renderer.update(event, pts + step)
        for step, event in enumerate(events, start=1)
        if not isinstance(event, NewMessage) and (not isinstance(event, Edited) or event.message.stands)
    ]
    seen = fresh + [event.message for event in events if isinstance(event, Edited) and event.message.stands]
    told = [event.conversation for event in events if not isinstance(event, (NewMessage, Edited, Deleted))]
    return {
        "new_messages": [renderer.message(message) for message in fresh],
        "other_updates": others,
        **renderer.around(seen, [*told, *talks]),
    }
