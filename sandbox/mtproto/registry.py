"""Which function answers which method, and what it is given. `sandbox.mtproto.methods` has them all."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from telethon.tl import TLRequest

from sandbox.errors import Refused
from sandbox.mtproto.render import Renderer
from sandbox.values import User
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.mtproto.server import MTProtoServer


PAGE = 100
"""Dialogs or messages that one answer holds at most, whatever the client asks for."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and where."""

    world: World
    server: "MTProtoServer"
    key_id: int
    origin: object
    """The session, so that it is not told what it did itself."""
    account: User | None
    """Whose account it is; None before login."""
    takeout: int | None = None
    """Id of the takeout that the call says it is part of."""

    @property
    def user(self) -> User:
        """Whose account it is.

        Raises:
            Refused: nobody is logged in.
        """
        if self.account is None:
            raise Refused(401, "AUTH_KEY_UNREGISTERED")
        return self.account

    @property
    def renderer(self) -> Renderer:
        """The world as this account sees it.

        Raises:
            Refused: nobody is logged in.
        """
        return Renderer(self.world, self.user)


Handler = Callable[[Caller, Any], Any | Awaitable[Any]]
"""Gives a TL object, a bool, or a list for a vector; or something to await for one."""


class Methods:
    """Handlers by the class of their request.

    Args:
        parts: tables to join.
    """

    def __init__(self, parts: Iterable["Methods"] = ()) -> None:
        self._handlers: dict[type[TLRequest], tuple[Handler, bool]] = {}
        for part in parts:
            self._handlers.update(part._handlers)

    def handles(self, request: type[TLRequest], *, anyone: bool = False) -> Callable[[Handler], Handler]:
        """Register a handler; `anyone` may call it before login too."""

        def register(handler: Handler) -> Handler:
            self._handlers[request] = handler, anyone
            return handler

        return register

    def run(self, caller: Caller, request: TLRequest) -> Any | Awaitable[Any]:
        """Answer a request.

        Raises:
            Refused: not logged in, no such method or takeout, or what the handler refuses.
        """
        handler, anyone = self._handlers.get(type(request), (None, False))
        if handler is None:
            raise Refused(400, "METHOD_NOT_SIMULATED")
        if not anyone and caller.account is None:
            raise Refused(401, "AUTH_KEY_UNREGISTERED")
        if caller.takeout is not None:
            caller.world.takeout(caller.user, caller.takeout)
        caller.world.expire()
        return handler(caller, request)


def name_of(request: TLRequest) -> str:
    """A method's name as Telegram writes it, such as messages.sendMessage."""
    kind = type(request)
    name = kind.__name__.removesuffix("Request")
    section = kind.__module__.removeprefix("telethon.tl.functions").lstrip(".")
    return f"{section}.{name[0].lower()}{name[1:]}".lstrip(".")
