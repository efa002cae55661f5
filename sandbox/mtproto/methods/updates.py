"""What an account missed while it was away."""

from typing import Any

from telethon.tl import functions, types

from sandbox.events import Deleted, Edited, Kept, NewMessage
from sandbox.mtproto.registry import Caller, Methods
from sandbox.mtproto.render import Renderer
from sandbox.values import Message as WorldMessage

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
    if events is None:
        return types.updates.DifferenceTooLong(pts=box.pts)
    if not events:
        return types.updates.DifferenceEmpty(renderer.now(), seq=0)
    page = events[:SLICE]
    end = request.pts + len(page)
    parts = _parts(renderer, page, request.pts)
    if len(page) == len(events):
        return types.updates.Difference(**parts, state=renderer.state(end))
    return types.updates.DifferenceSlice(**parts, intermediate_state=renderer.state(end))


def _parts(renderer: Renderer, events: list[Kept], pts: int) -> dict[str, list[Any]]:
    """New messages as they are now, without those deleted since; all else as updates with their own pts."""
    fresh = [event.message for event in events if isinstance(event, NewMessage) and _stands(event.message)]
    others = [
        renderer.update(event, pts + step)
        for step, event in enumerate(events, start=1)
        if not isinstance(event, NewMessage) and (not isinstance(event, Edited) or _stands(event.message))
    ]
    seen = fresh + [event.message for event in events if isinstance(event, Edited) and _stands(event.message)]
    told = [event.conversation for event in events if not isinstance(event, (NewMessage, Edited, Deleted))]
    return {
        "new_messages": [renderer.message(message) for message in fresh],
        "new_encrypted_messages": [],
        "other_updates": others,
        **renderer.around(seen, told),
    }


def _stands(message: WorldMessage) -> bool:
    return message.conversation.messages[message.index] is message
