"""Exports of a whole account: a client asks leave, wraps its calls in `invokeWithTakeout`, and says when it is done."""

from telethon.tl import functions, types

from sandbox.accounts import Takeout
from sandbox.errors import Refused
from sandbox.mtproto.registry import Caller, Methods

methods = Methods()

LAST_ID = 2**31 - 1
"""The highest number that a message can have."""


@methods.handles(functions.account.InitTakeoutSessionRequest)
def init_takeout_session(caller: Caller, request: functions.account.InitTakeoutSessionRequest) -> types.account.Takeout:
    """Begin, which ends any other of his. Telegram may want a day's patience first: TAKEOUT_INIT_DELAY_86400."""
    options = {name: value for name, value in request.to_dict().items() if name != "_" and value}
    takeout = Takeout(caller.user, options)
    caller.world.takeouts.append(takeout)
    return types.account.Takeout(takeout.id)


@methods.handles(functions.account.FinishTakeoutSessionRequest)
def finish_takeout_session(caller: Caller, request: functions.account.FinishTakeoutSessionRequest) -> bool:
    """End the takeout that this call is part of."""
    if caller.takeout is None:
        raise Refused(400, "TAKEOUT_REQUIRED")
    caller.world.takeout(caller.user, caller.takeout).success = bool(request.success)
    return True


@methods.handles(functions.messages.GetSplitRangesRequest)
def get_split_ranges(caller: Caller, request: functions.messages.GetSplitRangesRequest) -> list[types.MessageRange]:
    """One range: all messages are in one place here."""
    return [types.MessageRange(1, LAST_ID)]
