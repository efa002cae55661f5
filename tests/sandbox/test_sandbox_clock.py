"""Clients whose clock is wrong: they learn the server's time and work, as with Telegram."""

import asyncio
import logging
import time

import pytest
from telethon import events, functions

from sandbox.world import LOGIN_CODE
from tests.sandbox_fixtures import connected, make_client

HOUR = 3600


@pytest.fixture
def anna(world):
    return world.person("Anna")


def put(world, seconds):
    """The server's time is so much later than the client's."""
    world.clock = lambda: time.time() + seconds


def offset(client):
    return client._sender._state.time_offset


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_client_on_a_wrong_clock_logs_in_by_code(sandbox, world, anna, hours):
    put(world, hours * HOUR)
    async with connected(make_client(sandbox)) as client:
        assert offset(client) == pytest.approx(hours * HOUR, abs=1.5)
        await client.send_code_request(anna.phone)
        assert (await client.sign_in(anna.phone, LOGIN_CODE)).id == anna.id


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
async def test_a_known_client_is_told_the_time_and_hears_what_is_new(world, anna, client_of, seconds):
    put(world, seconds)
    client = await client_of(anna)
    assert (await client.get_me()).id == anna.id
    assert offset(client) == pytest.approx(seconds, abs=1.5)
    heard = asyncio.get_running_loop().create_future()
    client.add_event_handler(heard.set_result, events.NewMessage)
    said = world.say(world.person("Boris"), anna, "hi")
    event = await asyncio.wait_for(heard, 2)
    assert event.message.date.timestamp() == said.date == pytest.approx(time.time() + seconds, abs=1.5)


@pytest.mark.parametrize(("seconds", "is_told"), [(-32, True), (-28, False), (298, False), (302, True)])
async def test_a_little_is_let_pass(world, anna, client_of, caplog, seconds, is_told):
    caplog.set_level(logging.INFO, "telethon")
    put(world, seconds)
    assert (await (await client_of(anna)).get_me()).id == anna.id
    assert any("clock is wrong" in record.message for record in caplog.records) == is_told


async def test_a_clock_that_falls_behind_while_connected_is_put_right(world, anna, client_of):
    client = await client_of(anna)
    await client.get_me()
    put(world, HOUR)
    state = await asyncio.wait_for(client(functions.updates.GetStateRequest()), 2)
    assert state.date.timestamp() == pytest.approx(time.time() + HOUR, abs=1.5)
    assert offset(client) == pytest.approx(HOUR, abs=1.5)
