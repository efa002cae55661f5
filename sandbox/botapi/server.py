"""HTTP: which bot asks for what, what goes wrong on purpose, and how results and refusals are written."""

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web
from pydantic_core import to_jsonable_python

from sandbox.botapi import form
from sandbox.botapi.account import Account
from sandbox.botapi.methods import HANDLERS
from sandbox.errors import Refused
from sandbox.faults import Call
from sandbox.world import World

BY_NAME = MappingProxyType({method.__api_method__.lower(): method for method in HANDLERS})

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "MESSAGE_NOT_MODIFIED": "message is not modified: specified new message content and reply markup are exactly"
        " the same as a current content and reply markup of the message",
        "QUERY_ID_INVALID": "query is too old and response timeout expired or query ID is invalid",
    }
)
"""What the world says in MTProto's words, in those of the Bot API."""


LARGEST = 50 * 2**20
"""Bytes of one call; Telegram takes files of so many from bots."""


class _CutError(Exception):
    """The connection is to be cut instead of answered."""


class BotApi:
    """A running server.

    Attributes:
        port: where it listens.
        base: "http://127.0.0.1:PORT", for aiogram's `TelegramAPIServer.from_base`.
    """

    def __init__(self, world: World) -> None:
        self.port = 0
        self.base = ""
        self._world = world
        self._accounts: dict[int, Account] = {}
        app = web.Application(client_max_size=LARGEST)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        # Paths hold tokens, so there is no access log.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def start(self, host: str) -> None:
        """Listen on a free port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, 0).start()
        self.port = self._runner.addresses[0][1]
        self.base = f"http://{host}:{self.port}"

    async def close(self) -> None:
        """Let waiting polls return, then stop listening."""
        while self._accounts:
            self._accounts.popitem()[1].close()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            result = await self._run(request)
        except Refused as refusal:
            return _refusal(refusal)
        except _CutError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.json_response({"ok": True, "result": to_jsonable_python(result, by_alias=True, exclude_none=True)})

    async def _run(self, request: web.Request) -> object:
        account = self._account(request.match_info["token"])
        method = BY_NAME.get(request.match_info["method"].lower())
        if method is None:
            raise Refused(404, "Not Found: method not found")
        parts = {**request.query, **await request.post()}
        given = {name: value for name, value in parts.items() if isinstance(value, str)}
        files = {name: value.file.read() for name, value in parts.items() if isinstance(value, web.FileField)}
        call = Call(f"bot.{method.__api_method__}", account.bot.id, given, at=self._world.clock())
        fault = self._world.faults.meet(call)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.drop == "before":
                raise _CutError
            if fault.error is not None:
                raise Refused(*fault.error)
        result = await HANDLERS[method](account, form.read(method, given, files))
        if fault is not None and fault.drop == "after":
            raise _CutError
        return result

    def _account(self, token: str) -> Account:
        bot = self._world.bot_of(token)
        if bot is None:
            raise Refused(401, "Unauthorized")
        if bot.id not in self._accounts:
            self._accounts[bot.id] = Account(self._world, bot)
        return self._accounts[bot.id]


async def serve(world: World, host: str = "127.0.0.1") -> BotApi:
    """Serve every bot of this world, those included that join it later."""
    api = BotApi(world)
    await api.start(host)
    return api


def _refusal(refusal: Refused) -> web.Response:
    words = WORDS.get(refusal.text, refusal.text)
    prefixed = refusal.code != 400 or words.startswith("Bad Request")
    body: dict[str, object] = {
        "ok": False,
        "error_code": refusal.code,
        "description": words if prefixed else f"Bad Request: {words}",
    }
    if wait := re.search(r"retry after (\d+)", words):
        body["parameters"] = {"retry_after": int(wait[1])}
    return web.json_response(body, status=refusal.code)
