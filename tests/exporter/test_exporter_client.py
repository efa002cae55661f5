"""A connection over a network that fails: requests end, dead sockets are noticed, an outage is lived through."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from telethon.tl.functions.messages import SendMessageRequest
from telethon.tl.types import InputPeerSelf

from exporter.account.client import Client, Link
from exporter.account.connection import connect
from exporter.errors import DoppelgangerError
from exporter.following import live
from exporter.settings.config import Config
from sandbox.server import Sandbox
from sandbox.values import User
from sandbox.world import World


async def answers(client: Client, owner: User) -> None:
    async with asyncio.timeout(5):
        assert (await client.get_me()).id == owner.id


async def test_a_request_that_is_never_answered_ends(
    world: World, owner: User, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connect(logged_in) as client:
        monkeypatch.setattr("exporter.account.client.ANSWER_WITHIN", 0.05)
        world.fault("users.getUsers", reply="never")
        with pytest.raises(TimeoutError):
            await client.get_me()
        monkeypatch.undo()
        await answers(client, owner)


async def test_a_silent_network_is_a_problem_with_a_fix(
    world: World, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.account.client.ANSWER_WITHIN", 0.05)
    world.fault("users.getUsers", reply="never")
    with pytest.raises(DoppelgangerError, match="cannot be reached"):
        async with connect(logged_in):
            pass


async def test_a_server_that_takes_calls_and_says_nothing_is_given_up(
    sandbox: Sandbox, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.account.connection.CONNECT_WITHIN", 0.1)
    sandbox.freeze()
    with pytest.raises(DoppelgangerError, match="cannot be reached"):
        async with connect(logged_in, lasting=True):
            pass


async def test_a_frozen_connection_is_noticed_and_made_anew(
    sandbox: Sandbox, owner: User, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.account.client.SILENCE", 0.1)
    async with connect(logged_in, lasting=True) as client:
        sandbox.freeze()
        async with asyncio.timeout(5):
            await client.link.lost.wait()
        sandbox.thaw()
        await answers(client, owner)
        assert client.link.made > 1


async def test_a_lasting_connection_outlives_an_outage(
    sandbox: Sandbox, owner: User, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connect(logged_in, lasting=True) as client:
        monkeypatch.setattr(client._sender, "_delay", 0.01)  # between tries, a second otherwise
        assert client.link.lost_at is None
        port = sandbox.port
        await sandbox.mtproto.close()
        async with asyncio.timeout(5):
            await client.link.lost.wait()
        await asyncio.sleep(0.2)  # a dozen tries
        assert datetime.now(UTC) - client.link.lost_at < timedelta(seconds=5)
        await sandbox.mtproto.start(sandbox.host, port)
        await answers(client, owner)
        assert (client.link.lost_at, client.link.made) == (None, 2)


async def test_a_line_that_comes_back_as_it_is_given_up_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BLINK", 0.01)
    link, lines = Link(), list[str]()
    telling = asyncio.create_task(live.tell_of_outages(link, lines.append))
    link.up()
    link.down()
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.011, link.up)
    time.sleep(0.02)  # noqa: ASYNC251 - so that both happen at once
    await asyncio.sleep(0.02)
    assert not telling.done() and lines == []
    link.down()
    await asyncio.sleep(0.05)
    link.up()
    await asyncio.sleep(0)
    telling.cancel()
    assert [line.split()[0] for line in lines] == ["not", "connected"]


async def test_any_other_connection_gives_up(
    sandbox: Sandbox, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.account.connection.CONNECTION_TRIES", 1)
    with pytest.raises(DoppelgangerError, match="cannot be reached"):
        async with connect(logged_in) as client:
            monkeypatch.setattr(client._sender, "_delay", 0.01)
            await sandbox.mtproto.close()
            async with asyncio.timeout(5):
                await client.get_me()


async def test_a_connection_that_is_cut_is_made_anew(owner: User, logged_in: Config) -> None:
    async with connect(logged_in) as client:
        client.link.cut()
        async with asyncio.timeout(5):
            await client.link.lost.wait()
        await answers(client, owner)
        assert client.link.made == 2


async def test_what_must_be_sent_once_is_never_sent_by_itself_after_a_reconnection(
    world: World, logged_in: Config
) -> None:
    async with connect(logged_in, lasting=True) as client:
        world.fault("messages.sendMessage", drop="before")
        with pytest.raises(ConnectionError):
            await client.once(SendMessageRequest(InputPeerSelf(), "once", random_id=1))
        async with asyncio.timeout(5):
            await client.link.connected.wait()
        await client.once(SendMessageRequest(InputPeerSelf(), "after it", random_id=2))
    sent = [call.request.message for call in world.calls if call.method == "messages.sendMessage"]
    assert sent == ["once", "after it"]


async def test_what_nobody_waits_for_any_more_is_not_sent_once_the_network_is_back(
    sandbox: Sandbox, world: World, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connect(logged_in, lasting=True) as client:
        sandbox.freeze()
        monkeypatch.setattr("exporter.account.client.ANSWER_WITHIN", 0.05)
        with pytest.raises(TimeoutError):
            await client.once(SendMessageRequest(InputPeerSelf(), "too late", random_id=1))
        monkeypatch.undo()
        sandbox.drop_connections()
        sandbox.thaw()
        async with asyncio.timeout(5):
            await client.link.lost.wait()
            await client.link.connected.wait()
        await client.once(SendMessageRequest(InputPeerSelf(), "in time", random_id=3))
    sent = [call.request.message for call in world.calls if call.method == "messages.sendMessage"]
    assert sent == ["in time"]
