"""The whole sandbox in one process: MTProto and, on the same world, the Bot API. Both listen on loopback only."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import rsa

from sandbox.botapi.server import serve
from sandbox.mtproto.keys import ClientKey, make_rsa_key, public_pem
from sandbox.mtproto.server import MTProtoServer
from sandbox.values import User
from sandbox.world import DC_ID, World


class Sandbox:
    """Serves a world while its block runs.

    Args:
        port: of MTProto; 0 for any that is free.
        private_key: RSA, 2048 bits; a fresh one when left out.
    """

    host = "127.0.0.1"
    dc_id = DC_ID

    def __init__(self, world: World, *, port: int = 0, private_key: rsa.PrivateKey | None = None) -> None:
        self.world = world
        self._wanted_port = port
        self._private_key = private_key or make_rsa_key()
        self.public_key = public_pem(self._private_key)
        self.api_base = ""
        """URL of the Bot API, once it serves."""
        self._running = AsyncExitStack()
        self.mtproto = MTProtoServer(world, self._private_key)

    @property
    def port(self) -> int:
        """Where MTProto listens."""
        return self.mtproto.port

    def authorize(self, user: User) -> ClientKey:
        """A key that is already logged in as this person."""
        return self.mtproto.authorize(user)

    def drop_connections(self) -> None:
        """Cut every MTProto client off, as a bad network does."""
        self.mtproto.drop_connections()

    def freeze(self) -> None:
        """Connections of MTProto stay open, new ones too, but nothing is read or answered, as behind a dead router."""
        self.world.faults.thawed.clear()

    def thaw(self) -> None:
        """Go on with what was sent meanwhile, in both directions."""
        self.world.faults.thawed.set()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            await self.mtproto.start(self.host, self._wanted_port)
            starting.push_async_callback(self.mtproto.close)
            bot_api = await serve(self.world, self.host)
            starting.push_async_callback(bot_api.close)
            self.api_base = bot_api.base
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._running.aclose()
